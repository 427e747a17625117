// A recording, played as if it were measured now.

const EVERY = 50; // milliseconds

export class Replay {
  /** onsamples(times, acceleration, angularRate, from, to) as they are due; onend() after the last */
  constructor(recording, speed, onsamples, onend) {
    Object.assign(this, { recording, speed, onsamples, onend, next: 0 });
    this.clock = recording.times[0];
  }

  start() {
    clearInterval(this.timer);
    this.moment = performance.now();
    this.timer = setInterval(() => this.play(), EVERY);
  }

  play() {
    const now = performance.now();
    // A tab in the background is called seldom: it plays on rather than all at once.
    this.clock += Math.min(now - this.moment, 1000) / 1000 * this.speed;
    this.moment = now;
    const { times, acceleration, angularRate } = this.recording;
    const from = this.next;
    while (this.next < times.length && times[this.next] <= this.clock) this.next++;
    const to = this.next;
    if (to > from) this.onsamples(times.slice(from, to), acceleration.slice(from, to), angularRate?.slice(from, to) ?? null, from, to);
    if (to === times.length) {
      this.stop();
      this.onend();
    }
  }

  stop() { clearInterval(this.timer); }
}
