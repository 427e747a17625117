// Recognition by the server that the page came from.

const PRIMER = 3; // seconds of samples sent again after a reconnection: a window is whole at once
const FIRST_WAIT = 500, LONGEST_WAIT = 8000; // milliseconds before trying again
const MOST_BUFFERED = 128 * 1024; // bytes on their way, above which no more are sent
const MOST_UNSAVED = 1_000_000; // samples kept for a recording while the server is away
const CHECK_EVERY = 10; // milliseconds

export class SocketBackend {
  /** settings: {accelerationUnit, angularRateUnit, rotation, hop, smoothing, placement, profile, maxSamples} */
  constructor(settings) {
    this.settings = settings;
    this.onprediction = this.onstatus = this.onstate = this.onkept = this.onerror = () => {};
    this.address = new URL("live", location.href.replace(/^http/, "ws"));
    this.batches = []; // to be sent, or again; each {times, acceleration, angularRate, label}
    this.next = 0; // index of the first that this connection has not sent
    this.room = null; // promise that there is room for more; one for all pushes that wait
    this.waiting = FIRST_WAIT;
    this.label = null;
    this.recording = false;
    this.saving = false;
    this.name = null;
    this.until = -Infinity;
    this.ready = false;
    this.ended = false;
    this.retry = () => { if (this.timer && document.visibilityState === "visible") this.connect(); };
  }

  async start() {
    addEventListener("online", this.retry);
    document.addEventListener("visibilitychange", this.retry);
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    this.timer = null;
    const socket = this.socket = new WebSocket(this.address);
    socket.onopen = () => {
      const { accelerationUnit, angularRateUnit, rotation, hop, smoothing, placement, profile } = this.settings;
      this.send({
        type: "hello", acceleration_unit: accelerationUnit, angular_rate_unit: angularRateUnit, rotation, hop, smoothing, placement,
        ...profile && { profile: JSON.parse(profile.json()) },
      });
    };
    socket.onmessage = (event) => { if (socket === this.socket) this.receive(JSON.parse(event.data)); };
    socket.onclose = (event) => { if (socket === this.socket) this.closed(event); };
  }

  receive(message) {
    if (message.type === "prediction") this.onprediction(message);
    else if (message.type === "status") this.onstatus(message);
    else if (message.type === "ready") {
      this.waiting = FIRST_WAIT;
      this.sentLabel = null;
      if (this.recording) {
        this.resuming = true; // samples wait until it is known where the file goes on
        this.send({ type: "record", name: this.name });
      } else this.resume();
    } else if (message.type === "kept" || message.type === "saved") {
      this.name = message.name;
      this.until = message.until ?? -Infinity;
      if (message.type === "saved") {
        this.recording = this.saving = false;
        this.name = null;
      }
      if (this.resuming) this.resume();
      this.onkept(message);
      this.trim();
    } else if (message.type === "error") {
      if (this.resuming && this.name) {
        this.name = null;
        this.until = -Infinity;
        this.send({ type: "record", name: null });
      } else if (this.saving) {
        this.recording = this.saving = false; // there is nothing more to wait for
        this.name = null;
      }
      this.onerror(message.reason);
    }
  }

  resume() {
    this.resuming = false;
    this.ready = true;
    this.next = 0;
    this.sendWaiting(this.saving);
    if (this.saving) this.send({ type: "save" });
    this.onstate("open", "connected");
  }

  closed(event) {
    const wasReady = this.ready;
    this.ready = this.resuming = false;
    if (this.ended) return this.finished?.();
    if ([1003, 1007, 1008, 1009].includes(event.code)) {
      this.ended = true;
      this.finished?.();
      return this.onstate("failed", `The server ended the connection: ${event.reason || event.code}.`);
    }
    const wait = wasReady ? FIRST_WAIT : this.waiting;
    this.waiting = Math.min(this.waiting * 2, LONGEST_WAIT);
    this.timer = setTimeout(() => this.connect(), wait * (0.8 + 0.4 * Math.random()));
    this.onstate("lost", event.reason
      ? `The server says: ${event.reason}. Trying again.`
      : "Is the server still running? Trying again until it answers.");
  }

  /** Answer what comes next by another profile (profile.js): a connection has one from its hello on. */
  setProfile(profile) {
    this.settings.profile = profile;
    const old = this.socket;
    if (!this.ready) return; // the next hello says it
    this.ready = false;
    this.connect();
    old.close();
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  sendBatch({ times, acceleration, angularRate, label }) {
    if (label !== this.sentLabel) {
      this.send({ type: "label", activity: label });
      this.sentLabel = label;
    }
    this.send({ type: "samples", times, acceleration, angular_rate: angularRate });
  }

  /** Send the batches that wait, as far as there is room; all of them before what must come after. */
  sendWaiting(all = false) {
    while (this.ready && this.next < this.batches.length && (all || this.socket.bufferedAmount <= MOST_BUFFERED)) {
      this.sendBatch(this.batches[this.next++]);
    }
    if (this.full) this.whenRoom();
  }

  get full() {
    return !this.ended && (!this.ready || this.next < this.batches.length || this.socket.bufferedAmount > MOST_BUFFERED);
  }

  whenRoom() {
    if (!this.full) return Promise.resolve();
    this.room ??= new Promise((resolve) => {
      const timer = setInterval(() => {
        this.sendWaiting();
        if (this.full) return;
        clearInterval(timer);
        this.room = null;
        resolve();
      }, CHECK_EVERY);
    });
    return this.room;
  }

  /**
   * Send samples, angularRate null where the model needs none; resolves when more may come. Who does
   * not wait for that loses nothing that a recording needs; without one, what is older than a few
   * seconds is not sent any more.
   */
  push(times, acceleration, angularRate) {
    if (this.ended) return Promise.resolve();
    const most = this.settings.maxSamples ?? 500;
    for (let at = 0; at < times.length; at += most) {
      this.batches.push({
        times: times.slice(at, at + most), acceleration: acceleration.slice(at, at + most),
        angularRate: angularRate?.slice(at, at + most) ?? null, label: this.label,
      });
    }
    // Nothing is sent too, as a sign of life.
    if (!times.length && this.ready && !this.full) this.sendBatch({ times, acceleration, angularRate, label: this.label });
    this.sendWaiting();
    this.trim();
    return this.whenRoom();
  }

  trim() {
    const newest = this.batches.at(-1)?.times.at(-1) ?? 0;
    let from = this.batches.findIndex(({ times }) =>
      times.at(-1) > newest - PRIMER || (this.recording && times.at(-1) > this.until));
    if (from < 0) from = this.batches.length;
    let count = this.batches.reduce((sum, { times }) => sum + times.length, 0);
    while (count > MOST_UNSAVED) count -= this.batches[from++].times.length;
    this.batches.splice(0, from);
    this.next = Math.max(this.next - from, 0);
  }

  /** Have the server write what follows into a file. */
  record() {
    this.recording = true;
    this.name = null;
    this.until = this.batches.at(-1)?.times.at(-1) ?? -Infinity; // what was before is not meant
    this.sendWaiting(true);
    this.batches = [];
    this.next = 0;
    if (this.ready) this.send({ type: "record", name: null });
  }

  /** The activity of what follows, null for none. */
  setLabel(activity) { this.label = activity; }

  /** Complete that file; `onkept` says when it is on the disk. */
  save() {
    this.saving = true;
    this.sendWaiting(true);
    if (this.ready) this.send({ type: "save" });
  }

  /** No more samples; resolves when all answers to those sent have come. */
  stop() {
    removeEventListener("online", this.retry);
    document.removeEventListener("visibilitychange", this.retry);
    clearTimeout(this.timer);
    if (this.ended) return Promise.resolve();
    this.ended = true;
    if (!this.ready) {
      this.socket?.close();
      return Promise.resolve();
    }
    this.sendWaiting(true);
    this.send({ type: "bye" });
    return new Promise((resolve) => { this.finished = resolve; });
  }
}
