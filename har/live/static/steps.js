/*
 * Steps, counted from the rhythm of the acceleration's length: har/recognition/steps.py in
 * JavaScript. A test compares the two.
 */

const RATE = 50; // Hz
const WEAKEST = 0.2; // autocorrelation below which there is no rhythm

/** Steps a second that people take, slowest and fastest. */
export const CADENCES = { WALKING: [1.25, 2.5], RUNNING: [2.0, 3.6] };

/** Likeness of a signal to itself some samples later, at most 1, by lag. */
function autocorrelation(signal, most) {
  const squares = [0];
  for (const value of signal) squares.push(squares.at(-1) + value * value);
  const size = signal.length;
  return Array.from({ length: Math.min(most + 1, size) }, (_, lag) => {
    let sum = 0;
    for (let i = lag; i < size; i++) sum += signal[i] * signal[i - lag];
    const first = squares[size - lag], last = squares[size] - squares[lag];
    return sum / Math.max(Math.sqrt(first * last), 1e-12);
  });
}

/** Steps a second in a window, NaN where there is no rhythm; lengths: of the acceleration, at 50 Hz. */
export function cadence(lengths, activity) {
  const [slowest, fastest] = CADENCES[activity], size = lengths.length;
  const mean = lengths.reduce((sum, value) => sum + value, 0) / size;
  const likeness = autocorrelation(lengths.map((value) => value - mean), size - 1);
  let best = 0, most = -Infinity, stride = -Infinity;
  for (let lag = Math.trunc(RATE / fastest); lag <= Math.ceil(RATE / slowest); lag++) {
    if (lag <= 1 || lag >= size - 2) continue;
    const twice = Math.min(2 * lag, likeness.length - 1);
    const atStride = Math.max(...[-1, 0, 1].map((by) => likeness[Math.min(Math.max(twice + by, 0), size - 1)]));
    stride = Math.max(stride, atStride);
    const summit = likeness[lag] >= likeness[lag - 1] && likeness[lag] >= likeness[lag + 1];
    if (summit && likeness[lag] + atStride > most) [best, most] = [lag, likeness[lag] + atStride];
  }
  if (!best || Math.max(likeness[best], stride) <= WEAKEST) return NaN;
  const [before, peak, after] = [-1, 0, 1].map((by) => likeness[best + by]);
  const curve = before - 2 * peak + after;
  const shift = curve < 0 ? Math.min(Math.max((before - after) / 2 / curve, -0.5), 0.5) : 0;
  return RATE / (best + shift);
}

/** Counts the steps of a session from its samples and answers. */
export class StepCounter {
  constructor(seconds) {
    this.seconds = seconds; // of a window
    this.times = [];
    this.lengths = [];
    this.steps = {}; // by activity
    this.walked = {}; // seconds in which they were counted
  }

  /** A sample: time in s, [x, y, z]. */
  add(time, acceleration) {
    this.times.push(time);
    this.lengths.push(Math.hypot(...acceleration));
    if (this.times.length > 60_000) { // what is not answered by now is old
      this.times.splice(0, 30_000);
      this.lengths.splice(0, 30_000);
    }
  }

  /** An answer for the window that ends at a time; it stands for some seconds. */
  count(time, activity, stands) {
    if (!(activity in CADENCES)) return;
    const found = cadence(this.window(time), activity);
    if (Number.isNaN(found)) return;
    this.steps[activity] = (this.steps[activity] ?? 0) + found * stands;
    this.walked[activity] = (this.walked[activity] ?? 0) + stands;
  }

  /** The window's lengths at an even rate, on the lines between the samples. */
  window(end) {
    const size = Math.round(this.seconds * RATE), { times, lengths } = this;
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < end - this.seconds) low = middle + 1;
      else high = middle;
    }
    let after = Math.max(low, 1);
    return Array.from({ length: size }, (_, n) => {
      const at = end - (size - 1 - n) / RATE;
      while (after < times.length - 1 && times[after] < at) after++;
      const share = Math.min(Math.max((at - times[after - 1]) / (times[after] - times[after - 1]), 0), 1);
      return lengths[after - 1] * (1 - share) + lengths[after] * share;
    });
  }
}
