/*
 * Recognition as it happens: har/recognition/recognizer.py in JavaScript, name by name, with the
 * numbers of recognizer.json (har/live/javascript.py). What is made of a window is in model.onnx. A
 * test compares the two.
 *
 * Numbers are float64 as in NumPy; the filtered signals are float32 as there.
 */

/** The first index at which `sorted` is not less than `value`; with `right`, at which it is more. */
function searchSorted(sorted, value, right = false) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (right ? sorted[middle] <= value : sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/** From samples at uneven times to samples at an even rate: har/signals/resampling.py. */
export class Resampler {
  constructor(rate, sameTime) {
    this.interval = 1 / rate;
    this.sameTime = sameTime;
    this.times = [];
    this.samples = [];
    this.made = 0;
    this.start = 0;
  }

  /** The samples that became known with this block; number n since the first is at start + n / rate. */
  resample(times, samples) {
    if (times.length === 0) return [];
    if (this.made === 0 && this.times.length === 0) this.start = times[0];
    this.times = this.times.concat(times);
    this.samples = this.samples.concat(samples);
    const newest = this.times[this.times.length - 1];
    const last = Math.trunc((newest - this.start + this.sameTime) / this.interval);
    const rows = [];
    let after = 0;
    for (let n = this.made; n <= last; n++) {
      const at = this.start + n * this.interval;
      while (after < this.times.length - 1 && this.times[after] < at - this.sameTime) after++;
      let half = 0;
      if (after > 0) {
        half = Math.max(this.interval - (this.times[after] - this.times[after - 1]), 0) / 2;
        if (half < this.sameTime) half = 0;
      }
      if (at + half > newest + (half > 0 ? 0 : this.sameTime)) break;
      rows.push(half > 0 ? this.mean(at, half) : this.onLine(at));
    }
    this.made += rows.length;
    // What the next one may reach back to, and the sample before that.
    const oldest = this.start + (this.made - 0.5) * this.interval;
    const keep = Math.max(searchSorted(this.times, oldest) - 1, 0);
    this.times = this.times.slice(keep);
    this.samples = this.samples.slice(keep);
    return rows;
  }

  /** The broken line through the samples, at a time. */
  onLine(at) {
    const { times, samples } = this;
    if (times.length === 1) return samples[0].slice();
    const after = clip(searchSorted(times, at), 1, times.length - 1);
    const before = after - 1;
    const share = clip((at - times[before]) / (times[after] - times[before]), 0, 1);
    return samples[before].map((value, i) => value * (1 - share) + samples[after][i] * share);
  }

  /** Its mean from `half` before a time to as much after. */
  mean(at, half) {
    const { times } = this;
    const newest = times.length - 1;
    const end = clip(at + half, times[0], times[newest]);
    let from = clip(at - half, times[0], times[newest]);
    const sum = new Array(this.samples[0].length).fill(0);
    for (let i = searchSorted(times, from, true); from < end; i++) {
      const to = i <= newest ? Math.min(times[i], end) : end;
      // On a straight line the value in the middle is the mean.
      const middle = this.onLine((from + to) / 2);
      for (let c = 0; c < sum.length; c++) sum[c] += (to - from) * middle[c];
      from = to;
    }
    return sum.map((value) => value / (2 * half));
  }
}

/** A Butterworth low-pass over samples side by side, its state starting at zero. */
class CausalFilter {
  constructor({ sections, settled }, channels) {
    this.sections = sections;
    this.settled = settled;
    this.state = Array.from({ length: channels }, () => sections.map(() => [0, 0]));
  }

  /** Be as if the signals had long been at these levels. */
  settle(level) {
    this.state = level.map((value) => this.settled.map(([a, b]) => [a * value, b * value]));
  }

  filter(sample) {
    return sample.map((value, channel) => {
      const state = this.state[channel];
      let x = value;
      for (let s = 0; s < this.sections.length; s++) {
        const [b0, b1, b2, , a1, a2] = this.sections[s];
        const y = b0 * x + state[s][0];
        state[s][0] = b1 * x - a1 * y + state[s][1];
        state[s][1] = b2 * x - a2 * y;
        x = y;
      }
      return x;
    });
  }
}

const median = (a, b, c) => Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));

/** Raw accelerometer and gyroscope to the nine signals of UCI HAR: har/signals/filters.py. */
export class ArchiveFilter {
  constructor(filters, settled) {
    this.unsettled = settled;
    this.before = [0, 0, 0, 0, 0, 0];
    this.last = null;
    this.noise = new CausalFilter(filters.noise, 6);
    this.gravity = new CausalFilter(filters.gravity, 3);
    this.drift = new CausalFilter(filters.drift, 3);
  }

  /** The signals of the sample before this one, as the median waits for it; null for the first. */
  filter(sample) {
    if (this.unsettled) {
      this.unsettled = false;
      this.noise.settle([...sample.slice(0, 3), 0, 0, 0]);
      this.gravity.settle(sample.slice(0, 3));
    }
    const { before, last } = this;
    this.last = sample;
    if (last === null) return null;
    this.before = last;
    const filtered = this.noise.filter(last.map((value, i) => median(before[i], value, sample[i])));
    const total = filtered.slice(0, 3);
    const rate = filtered.slice(3);
    const gravity = this.gravity.filter(total);
    const drift = this.drift.filter(rate);
    return [...total.map((v, i) => v - gravity[i]), ...rate.map((v, i) => v - drift[i]), ...total];
  }
}

/** What the filter makes of each sample, and the model takes. */
export const SIGNALS = 9;

/** Probabilities in the light of the windows before: har/model/hmm.py. */
export class CausalSmoother {
  /** seconds: from window to window; smoothing: the description's, or a profile's. */
  constructor(description, seconds, smoothing = description.smoothing) {
    const { durations, priors, together } = smoothing;
    this.transitions = transitionsAfter(durations, seconds);
    this.priors = priors;
    this.together = together;
    this.smallest = description.smallest_probability;
    this.belief = null;
  }

  /** The smoothed probabilities of the next window, given the network's. */
  update(probabilities) {
    const { together, priors, smallest } = this;
    if (!together.length) return this.weigh(probabilities);
    const add = (values) => values.reduce((sum, value) => sum + value, 0);
    const shares = together.map((i) => Math.max(probabilities[i], smallest));
    const all = add(shares);
    const prior = add(together.map((i) => priors[i]));
    const evened = [...probabilities];
    for (const i of together) evened[i] = (all * priors[i]) / prior;
    const smoothed = [...this.weigh(evened)];
    const left = add(together.map((i) => smoothed[i]));
    together.forEach((i, place) => (smoothed[i] = (left * shares[place]) / all));
    return smoothed;
  }

  weigh(probabilities) {
    const { belief, priors } = this;
    const expected =
      belief === null
        ? priors
        : priors.map((_, to) => belief.reduce((sum, p, i) => sum + p * this.transitions[i][to], 0));
    // An activity that nobody was trained on stays impossible.
    const weighed = expected.map((value, i) =>
      priors[i] > 0 ? (value * Math.max(probabilities[i], this.smallest)) / priors[i] : 0,
    );
    const sum = weighed.reduce((a, b) => a + b, 0);
    this.belief = weighed.map((value) => value / sum);
    return this.belief;
  }
}

/** How likely each activity is to go on, or to give way to each other one, some seconds later. */
function transitionsAfter(durations, seconds) {
  return durations.map((duration, from) => {
    const stay = Math.exp(-seconds / duration);
    const change = (1 - stay) / Math.max(durations.length - 1, 1);
    return durations.map((_, to) => (to === from ? stay : change));
  });
}

const length = (vector) => Math.hypot(...vector);

/** Angle in degrees between two vectors of any length. */
function angleBetween(one, other) {
  const dot = one.reduce((sum, value, axis) => sum + value * other[axis], 0);
  const cosine = dot / Math.max(length(one) * length(other), 1e-9);
  return (Math.acos(Math.min(Math.max(cosine, -1), 1)) * 180) / Math.PI;
}

/** What a phone's angle says of its wearer's posture, as in har/model/postures.py. */
class Posture {
  constructor({ activities, still, sampling_rate: rate, postures_by_angle: known }, placement, hop) {
    if (!Object.hasOwn(known.placements, placement)) {
      const names = Object.keys(known.placements).join(", ");
      throw new Error(`placement ${placement}: ${names ? `should be ${names}` : "this model makes nothing of it"}`);
    }
    this.known = known;
    this.place = known.placements[placement];
    this.postures = still.postures.map((name) => activities.indexOf(name));
    this.onFeet = known.on_feet.map((name) => activities.indexOf(name)).filter((index) => index >= 0);
    this.seconds = hop / rate;
    this.last = null;
    this.begin();
  }

  begin() {
    this.up = null;
    this.walked = 0;
  }

  get knowsUp() {
    return this.up !== null && this.walked >= this.known.needed;
  }

  /** time of a window's last sample; its mean acceleration; what else is known of it. */
  update(time, acceleration, probabilities) {
    const { step, sure, remembered, pause } = this.known;
    const sum = (indices) => indices.reduce((total, index) => total + probabilities[index], 0);
    if (this.last !== null && !(time >= this.last && time - this.last <= pause)) this.begin();
    this.last = time;
    if (sum(this.onFeet) >= sure) {
      this.walked += this.seconds;
      const share = Math.min(this.seconds / Math.min(this.walked, remembered), 1);
      const before = this.up ?? acceleration;
      this.up = before.map((value, axis) => value + share * (acceleration[axis] - value));
    }
    if (!this.knowsUp) return probabilities;
    const angle = angleBetween(acceleration, this.up);
    const likely = this.postures.map((index, posture) => {
      const shares = this.place.shares[posture];
      const share = shares[Math.min(Math.floor(angle / step), shares.length - 1)];
      return this.place.weighed ? share * Math.max(probabilities[index], 1e-9) : share;
    });
    const together = sum(this.postures) / likely.reduce((total, value) => total + value, 0);
    const found = [...probabilities];
    this.postures.forEach((index, posture) => {
      found[index] = likely[posture] * together;
    });
    return found;
  }
}

/** The mean acceleration of a window, gravity included. */
function meanAcceleration(signals) {
  const sum = [0, 0, 0];
  for (let i = 0; i < signals.length; i++) if (i % SIGNALS >= 6) sum[(i % SIGNALS) - 6] += signals[i];
  return sum.map((value) => value / (signals.length / SIGNALS));
}

/** A number as Python's `.2g` writes it, for those that are neither huge nor tiny. */
const inTwoDigits = (value) => String(Number(value.toPrecision(2)));

/** One phone's samples on their way to windows; made by `Recognizer.stream`. */
export class Stream {
  constructor(description, { hop, gap, readings = {}, settled = true, profile = null, placement = null }) {
    const { acceleration_units: gs, angular_rate_units: radians } = description.readings;
    const {
      accelerationUnit = "g",
      angularRateUnit = "rad/s",
      rotation = [1, 0, 0, 0, 1, 0, 0, 0, 1],
    } = readings;
    if (!Object.hasOwn(gs, accelerationUnit)) {
      throw new Error(`unit of acceleration: ${accelerationUnit} is none of ${Object.keys(gs)}`);
    }
    if (!Object.hasOwn(radians, angularRateUnit)) {
      throw new Error(`unit of angular rate: ${angularRateUnit} is none of ${Object.keys(radians)}`);
    }
    if (rotation.length !== 9 || !rotation.every(Number.isFinite)) {
      throw new Error("rotation: should be nine numbers, row by row");
    }
    this.description = description;
    this.hop = hop;
    this.gap = gap;
    this.settled = settled;
    this.learn(profile);
    this.toG = rotation.map((value) => value * gs[accelerationUnit]);
    this.toRadians = rotation.map((value) => value * radians[angularRateUnit]);
    this.samples = 0;
    this.restarts = 0;
    this.rejectedWindows = 0;
    this.rejected = {};
    this.problem = "";
    this.posture = placement && new Posture(description, placement, hop);
    if (shownPostures(profile, description.still).length > 0) this.posture = null;
    this.begin();
  }

  /** What comes next is answered in the light of this profile, null for none. */
  learn(profile) {
    this.profile = profile;
    this.activities = profile?.activities ?? this.description.activities;
    this.smoother = null;
  }

  begin() {
    const { sampling_rate: rate, limits, filters } = this.description;
    this.resampler = new Resampler(rate, limits.same_time);
    this.filter = new ArchiveFilter(filters, this.settled);
    this.rows = [];
    this.firstRow = 0;
    this.nextStart = 0;
    this.newest = null;
  }

  /**
   * Take samples.
   *
   * times: in s; acceleration, with gravity, and angularRate: [x, y, z] of each, in the units of
   * the readings; angularRate is not looked at where the model needs none. Returns the windows that they complete, each {time, signals, fresh}:
   * the time of its last sample; Float32Array (size * 9); the first since the stream began (anew)?
   */
  push(times, acceleration, angularRate = null) {
    const { limits, reasons, needs_gyroscope: gyroscope } = this.description;
    if (gyroscope && angularRate === null) throw new Error(reasons.no_angular_rate);
    const rates = gyroscope ? angularRate : times.map(() => [0, 0, 0]);
    if (acceleration.length !== times.length || rates.length !== times.length) {
      throw new Error(
        `${times.length} times, ${acceleration.length} accelerations, ` +
          `${rates.length} angular rates: should be as many of each`,
      );
    }
    let windows = [];
    let stretch = { times: [], samples: [] };
    for (let i = 0; i < times.length; i++) {
      const time = times[i];
      const read = [...(acceleration[i] ?? []), ...(rates[i] ?? [])];
      const sample = [
        ...turned(this.toG, read.slice(0, 3)),
        ...turned(this.toRadians, read.slice(3)),
      ];
      // What a phone has no reading for it may leave null, which would count as zero.
      if (![time, ...read, ...sample].every(Number.isFinite)) {
        this.reject(reasons.not_finite);
        continue;
      }
      const inRange = sample.every(
        (value, c) => Math.abs(value) <= (c < 3 ? limits.acceleration : limits.angular_rate),
      );
      if (!inRange || Math.abs(time) > limits.time) {
        this.reject(reasons.out_of_range);
        continue;
      }
      // Forward it is a gap, back a clock that was set: what follows begins anew.
      if (this.newest !== null && Math.abs(time - this.newest) > this.gap) {
        windows = windows.concat(this.windows(stretch));
        stretch = { times: [], samples: [] };
        this.restarts += 1;
        this.begin();
      }
      if (this.newest !== null && !(time - this.newest >= limits.interval)) {
        this.reject(reasons.not_later);
        this.newest = Math.max(this.newest, time);
        continue;
      }
      this.newest = time;
      this.samples += 1;
      stretch.times.push(time);
      stretch.samples.push(sample);
    }
    return windows.concat(this.windows(stretch));
  }

  reject(reason) {
    this.rejected[reason] = (this.rejected[reason] ?? 0) + 1;
  }

  /** The windows that a stretch of samples completes, which are in order and without gaps. */
  windows({ times, samples }) {
    const { window_size: size, sampling_rate: rate } = this.description;
    for (const even of this.resampler.resample(times, samples)) {
      const row = this.filter.filter(even);
      if (row !== null) this.rows.push(Float32Array.from(row));
    }
    const end = this.firstRow + this.rows.length;
    const windows = [];
    for (; this.nextStart + size <= end; this.nextStart += this.hop) {
      const signals = new Float32Array(size * SIGNALS);
      const offset = this.nextStart - this.firstRow;
      for (let i = 0; i < size; i++) signals.set(this.rows[offset + i], i * SIGNALS);
      windows.push({
        time: this.resampler.start + (this.nextStart + size - 1) / rate,
        signals,
        fresh: this.nextStart === 0,
      });
    }
    const drop = Math.min(this.nextStart, end) - this.firstRow;
    this.rows = this.rows.slice(drop);
    this.firstRow += drop;
    return windows;
  }
}

/** A vector turned by a matrix that is given row by row. */
const turned = (m, [x, y, z]) => [
  x * m[0] + y * m[1] + z * m[2],
  x * m[3] + y * m[4] + z * m[5],
  x * m[6] + y * m[7] + z * m[8],
];

/** A trained model at work on any number of streams. */
export class Recognizer {
  /**
   * description: recognizer.json.
   * model: async, from Float32Array (windows * size * 9) to its outputs, an array of each by name.
   * hop, smoothing, threshold, gap: as in Python, with the same defaults.
   */
  constructor(description, model, { hop, smoothing = true, threshold, gap } = {}) {
    const { defaults } = description;
    this.description = description;
    this.model = model;
    this.hop = hop ?? defaults.hop;
    this.smoothing = smoothing;
    this.threshold = threshold ?? defaults.threshold;
    this.gap = gap ?? defaults.gap;
    if (!Number.isInteger(this.hop) || this.hop < 1) {
      throw new Error(`hop=${hop}: should be 1 sample or more`);
    }
    if (!(this.threshold >= 0 && this.threshold <= 1)) {
      throw new Error(`threshold=${threshold}: should be between 0 and 1`);
    }
    const interval = 1 / description.sampling_rate;
    if (!(this.gap > interval)) throw new Error(`gap=${gap}: should be more than ${interval} seconds`);
  }

  /**
   * A new stream; readings: {accelerationUnit, angularRateUnit, rotation (nine, row by row)};
   * profile: what its wearer has shown (profile.js), if anything; placement: where the phone is worn,
   * if that is told: not looked at with a profile that was shown a posture.
   */
  stream(readings, { settled = true, profile = null, placement = null } = {}) {
    const { hop, gap } = this;
    return new Stream(this.description, { hop, gap, readings, settled, profile, placement });
  }

  /** Take samples of a stream, and say what the windows are that they complete. */
  async push(stream, times, acceleration, angularRate = null) {
    return this.recognize(stream, stream.push(times, acceleration, angularRate));
  }

  /** Recognise the windows that the stream's `push` returned, as often and in the order it did. */
  async recognize(stream, windows) {
    const { description } = this;
    if (windows.length === 0) return [];
    const outputs = await this.model(joined(windows.map(({ signals }) => signals)));
    const classes = description.activities.length;
    const size = outputs.features.length / windows.length;
    const predictions = [];
    const { profile } = stream;
    windows.forEach(({ time, signals, fresh }, row) => {
      if (fresh) stream.smoother = null;
      const problem = description.problems[Number(outputs.problem[row])];
      stream.problem = problem.replace("{:.2g}", inTwoDigits(outputs.reading[row]));
      if (stream.problem) {
        stream.rejectedWindows += 1;
        return;
      }
      const novelty = outputs.novelty[row];
      const features = outputs.features.slice(row * size, (row + 1) * size);
      const own = outputs.probabilities.slice(row * classes, (row + 1) * classes);
      const total = Array.from(own).reduce((sum, value) => sum + value, 0);
      if (!(Math.abs(total - 1) < 1e-3 && Number.isFinite(novelty))) {
        throw new Error(`the model has no sound answer to window ${row} (from 0)`);
      }
      let probabilities = addUpToOne(Array.from(own));
      if (profile) probabilities = profile.probabilities(probabilities, features);
      if (this.smoothing) {
        const seconds = this.hop / description.sampling_rate;
        stream.smoother ??= new CausalSmoother(
          description,
          seconds,
          profile?.smoothing(description.smoothing),
        );
        probabilities = stream.smoother.update(probabilities);
      }
      if (stream.posture) {
        probabilities = stream.posture.update(time, meanAcceleration(signals), probabilities);
      }
      const [activity, probability] = this.answer(probabilities, stream);
      predictions.push({
        time,
        activity,
        probability,
        probabilities,
        novelty,
        known: probability >= this.threshold && novelty <= (profile?.mostNovel(activity) ?? 1),
        features,
        profile: profile?.name ?? "",
      });
    });
    return predictions;
  }

  /** The likeliest activity, or any posture, with its probability. */
  answer(probabilities, stream) {
    const { still, activities } = this.description;
    const best = Math.max(...probabilities);
    const activity = stream.activities[probabilities.indexOf(best)];
    const together = still.postures.reduce((sum, name) => sum + probabilities[activities.indexOf(name)], 0);
    const untold = still.postures.includes(activity) && !this.namedPostures(stream).includes(activity);
    if (untold || (best < this.threshold && together >= this.threshold)) return [still.answer, together];
    return [activity, best];
  }

  /** The postures that can be told from the others: by the mounting, by angle, by what was shown. */
  namedPostures({ profile, posture }) {
    const { still, postures_by_angle: known } = this.description;
    if (Object.keys(known.placements).length === 0 || posture?.knowsUp) return still.postures;
    return shownPostures(profile, still);
  }
}

function shownPostures(profile, still) {
  return still.postures.filter((name) => profile?.shown.some(({ activity }) => activity === name));
}

function addUpToOne(values) {
  const sum = values.reduce((a, b) => a + b, 0);
  return values.map((value) => value / sum);
}

/** Float32Arrays one after the other. */
function joined(arrays) {
  const all = new Float32Array(arrays.length * arrays[0].length);
  arrays.forEach((array, i) => all.set(array, i * array.length));
  return all;
}
