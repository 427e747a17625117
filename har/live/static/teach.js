// Teaching by showing: a guided round of activities, and what came of it.

import { config, isRight, postures, readable } from "./config.js";
import { say, show } from "./answer.js";

/** Seconds to get ready and to show an activity; how often one may be tried. */
export const timing = { prepare: 5, show: 10, tries: 2 };

const PATIENCE = 3; // seconds after a stretch until its last window must have come
const MOVING = 0.07; // g, standard deviation of the acceleration's length: more is motion, less is none
const LEAST = 3; // windows to learn from
const LEARNT = 0.5; // of a stretch; what is left says how well it went

const length = () => config.window / 50; // seconds of a window
const now = () => performance.now() / 1000; // as samples are timed
const until = (moment) => new Promise((resolve) => setTimeout(resolve, Math.max(1000 * (moment - now()), 0)));

/** Why a stretch cannot be learnt from, "" if it can. samples: [x, y, z] in g; windows: how many. */
export function fault(activity, samples, windows) {
  if (windows < LEAST) return "Too little was measured";
  const lengths = samples.map((each) => Math.hypot(...each));
  const mean = lengths.reduce((sum, each) => sum + each, 0) / lengths.length;
  const spread = Math.sqrt(lengths.reduce((sum, each) => sum + (each - mean) ** 2, 0) / lengths.length);
  const still = postures.includes(activity);
  if (still && spread > MOVING) return "You moved";
  if (!still && config.activities.includes(activity) && spread < MOVING) return "You did not move";
  return "";
}

/** A round of activities. Its page calls `measured` and `predicted` with what comes meanwhile. */
export class Lesson {
  constructor(activities) {
    this.activities = activities;
    this.samples = []; // [time, [x, y, z] in g]
    this.windows = []; // predictions
    this.stopped = false;
  }

  measured(time, acceleration) { this.samples.push([time, acceleration]); }

  predicted(made) { this.windows.push(made); }

  stop() { this.stopped = true; }

  /** Guide through it; resolves to {taught: [{activity, from, to, windows}], left: [{activity, why}]}. */
  async give() {
    const taught = [], left = [];
    for (const activity of this.activities) {
      let why = "";
      for (let go = 0; go < timing.tries && !this.stopped; go++) {
        const stretch = await this.stretch(activity, why && `${why}. Once more: `);
        if (this.stopped) break;
        why = fault(activity, this.samples.filter(([time]) => time >= stretch.from && time <= stretch.to).map(([, each]) => each), stretch.windows.length);
        if (!why) { taught.push(stretch); break; }
      }
      if (this.stopped) break;
      if (why) left.push({ activity, why });
    }
    if (!this.stopped) say("That was all. Thank you.");
    return { taught, left };
  }

  async stretch(activity, before) {
    const name = readable(activity);
    say(`${before || "Next: "}${name}`);
    await this.count(timing.prepare, (seconds) => {
      show("idle", name, `${before}Begin now; it counts in ${seconds} s`, activity);
      if (seconds <= 3) tick(seconds);
    });
    navigator.vibrate?.(300);
    say("Go on");
    const from = now();
    await this.count(timing.show, (seconds) => {
      show("idle", name, `Go on: ${seconds} s`, activity);
      if (seconds <= 3) tick(seconds);
    });
    const to = now();
    navigator.vibrate?.([120, 80, 120]);
    for (const latest = to + PATIENCE; now() < latest && !this.stopped && !(this.windows.at(-1)?.time > to);) await until(now() + 0.1);
    const windows = this.windows.filter(({ time }) => time - length() >= from - 0.02 && time <= to);
    return { activity, from, to, windows };
  }

  async count(seconds, each) {
    const start = now();
    for (let left = seconds; left > 0 && !this.stopped; left--) {
      each(Math.ceil(left));
      await until(start + seconds - left + Math.min(left, 1));
    }
  }
}

/** Heard and felt. */
function tick(seconds) {
  say(String(seconds));
  navigator.vibrate?.(60);
}

/**
 * What activities of one's own, the last that `profile` was taught, are taken for by the model alone
 * and what was not shown: [{activity, like}]. Of that, only what is very near to them is told apart.
 */
export function mistaken(taught, profile) {
  return taught.map(({ windows }, index) => {
    const counts = config.activities.map(() => 0);
    for (const { probabilities } of windows) counts[probabilities.indexOf(Math.max(...probabilities))]++;
    const { activity } = profile.shown.at(index - taught.length);
    return { activity, like: config.activities[counts.indexOf(Math.max(...counts))] };
  }).filter(({ activity, like }) => !config.activities.includes(activity) && !(like in profile.windows));
}

/**
 * What of it is recognised: without a profile, and with one taught the beginning of each stretch, on
 * the windows of its end that share no sample with that beginning. Returns [{activity, windows,
 * before, after}], how many of these windows were right.
 */
export function comparison(taught, profile) {
  const parts = taught.map(({ activity, from, to, windows }) => {
    const cut = from + LEARNT * (to - from);
    const begun = windows.filter(({ time }) => time <= cut);
    return { activity, begun: begun.length ? begun : windows.slice(0, 1), rest: windows.filter(({ time }) => time - length() >= cut) };
  });
  const learnt = parts.reduce((made, { activity, begun }) => made.teach(activity, begun), profile);
  return parts.map(({ rest }, index) => {
    const { activity } = learnt.shown[index];
    const best = ({ probabilities, features }) => {
      const values = learnt.probabilities(probabilities, features);
      return learnt.activities[values.indexOf(Math.max(...values))];
    };
    return {
      activity, windows: rest.length,
      before: rest.filter((each) => each.known && isRight(each.activity, activity)).length,
      after: rest.filter((each) => best(each) === activity).length,
    };
  });
}
