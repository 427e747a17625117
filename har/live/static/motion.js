// A phone's own sensors, through DeviceMotion (https://www.w3.org/TR/orientation-event/).

const UNHEARD = 2500; // milliseconds without an event after which something is wrong

// The specification has acceleration point up in a phone at rest. WebKit, which is every browser on
// iOS, hands on Core Motion's sign, which is the opposite, for all three axes
// (https://developer.apple.com/documentation/coremotion/cmdevicemotion/gravity: down).
const SIGN = /^Apple/.test(navigator.vendor) ? -1 : 1;

export class Motion {
  /**
   * onsample(seconds, [x, y, z] in m/s², [x, y, z] in °/s); onproblem(title, what to do), null if none;
   * gyroscope: whether it is needed; if not, the last of onsample's is null. onawake(note): why the
   * screen may go off, "" if it stays on.
   */
  constructor(onsample, onproblem, gyroscope, onawake = () => {}) {
    this.gyroscope = gyroscope;
    this.onawake = onawake;
    this.onsample = onsample;
    this.onproblem = onproblem;
    this.listen = (event) => this.take(event);
    this.seen = () => { this.heard = performance.now(); this.stayAwake(); };
  }

  /** Say why there are no sensors on this page. */
  static refuseInsecure(onproblem) {
    onproblem("Browsers allow motion sensors on secure pages only.",
      `This page came over plain HTTP from ${location.hostname}. Start the server with HTTPS, as har live --host 0.0.0.0 does, and open the https:// address that it prints.`);
  }

  /** Ask and listen. To be called from a tap: iOS asks for permission only then. Returns whether it may go on. */
  async start() {
    if (!window.isSecureContext) {
      Motion.refuseInsecure(this.onproblem);
      return false;
    }
    if (typeof DeviceMotionEvent === "undefined") {
      return this.fail("This browser has no motion sensors.", "Open the page on a phone, or choose a recording here.");
    }
    if (typeof DeviceMotionEvent.requestPermission === "function") {
      let answer;
      try { answer = await DeviceMotionEvent.requestPermission(); } catch { answer = "denied"; }
      if (answer !== "granted") {
        return this.fail("The browser may not use the motion sensors.",
          "Allow it: on an iPhone close this tab, open the page anew, tap Start and choose Allow; on Android allow motion sensors in the page's settings, beside its address.");
      }
    }
    this.events = 0;
    this.heard = performance.now();
    addEventListener("devicemotion", this.listen);
    document.addEventListener("visibilitychange", this.seen);
    this.watch = setInterval(() => this.check(), 500);
    this.stayAwake();
    return true;
  }

  fail(title, text) {
    this.onproblem(title, text);
    return false;
  }

  // With the screen off a page hears nothing.
  async stayAwake() {
    if (document.visibilityState !== "visible") return;
    let note = "";
    if (!navigator.wakeLock) note = "This browser cannot keep the screen on.";
    else {
      try { this.awake = await navigator.wakeLock.request("screen"); } catch { note = "The phone refuses to keep the screen on; is its battery low?"; }
    }
    this.onawake(note && `${note} With the screen off nothing is measured: set a long screen timeout in the phone’s settings.`);
  }

  take(event) {
    const acceleration = event.accelerationIncludingGravity, rate = event.rotationRate;
    if (acceleration?.x == null || acceleration.y == null || acceleration.z == null) return;
    if (this.gyroscope && (rate?.alpha == null || rate.beta == null || rate.gamma == null)) {
      if (this.events === 0) this.onproblem("This phone has no gyroscope, or the browser hides it.", "This model needs one beside the accelerometer. Try another browser or phone, or a model trained on acceleration alone.");
      this.withoutRate = true;
      this.heard = performance.now();
      return;
    }
    this.events++;
    const now = performance.now();
    if (this.problem) { this.problem = false; this.onproblem(null); }
    this.heard = now;
    // When it was measured rather than when it is handled, where the browser says so.
    const moment = Math.abs(now - event.timeStamp) < 1000 ? event.timeStamp : now;
    this.onsample(moment / 1000, [SIGN * acceleration.x, SIGN * acceleration.y, SIGN * acceleration.z],
      // alpha, beta and gamma turn about x, y and z here, unlike those of DeviceOrientation.
      this.gyroscope ? [rate.alpha, rate.beta, rate.gamma] : null);
  }

  check() {
    if (performance.now() - this.heard < UNHEARD || document.visibilityState !== "visible" || this.problem) return;
    this.problem = true;
    if (this.events) this.onproblem("The sensors have stopped.", "Keep this page in front and the screen on. If it stays like this, stop and start.");
    else if (!this.withoutRate) this.onproblem("No motion comes from this device.", "It may have no sensors, or the browser hides them (on Android: the page's settings, motion sensors). On a computer choose a recording instead.");
  }

  stop() {
    removeEventListener("devicemotion", this.listen);
    document.removeEventListener("visibilitychange", this.seen);
    clearInterval(this.watch);
    this.awake?.release().catch(() => {});
  }
}
