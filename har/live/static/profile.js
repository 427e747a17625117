/*
 * What a person has shown, and the answers that follow: har/recognition/profile.py in JavaScript,
 * name by name, with the numbers of recognizer.json. A test compares the two; a profile's JSON is
 * the same for both.
 *
 *   let profile = Profile.begin("me", description);
 *   profile = profile.teach("WALKING", predictions);      // of a Recognizer
 *   const stream = recognizer.stream(readings, { profile });
 *   localStorage.setItem("profile", profile.json());      // and back: Profile.parse(text, description)
 */

/** Longest text of a profile, in characters. */
const MAX_SIZE = 1 << 20;

const round = (value) => Math.round(value * 1e4) / 1e4;

const isNumber = (value, most) => Number.isFinite(value) && Math.abs(value) <= most;

export class Profile {
  /** name: shown with every answer; shown: [{activity, windows, mean, novelty}]; do not change them. */
  constructor(name, shown, description) {
    const { profile, model_sha256: model, activities } = description;
    if (typeof name !== "string" || !new RegExp(`^${profile.name}$`, "u").test(name)) {
      throw new Error("name of a profile: should be a word or a few, 40 characters at most");
    }
    this.name = name;
    this.shown = shown;
    this.description = description;
    this.numbers = profile;
    this.model = model;
    const own = shown.map(({ activity }) => activity).filter((each) => !activities.includes(each));
    /** The model's, then the person's own. */
    this.activities = [...activities, ...new Set(own)];
    this.of = shown.map(({ activity }) => this.activities.indexOf(activity));
  }

  /** A profile that knows nothing yet; description: recognizer.json. */
  static begin(name, description) {
    return new Profile(name, [], description);
  }

  /** The profile that `json` made text of; throws an Error, one line, for any other text. */
  static parse(text, description) {
    let given;
    try {
      if (text.length > MAX_SIZE) throw new Error("too long");
      given = JSON.parse(text);
    } catch {
      throw new Error("this is no profile");
    }
    const { format, name, model_sha256: model, shown, ...more } = given ?? {};
    const size = shown?.[0]?.mean?.length;
    const sound =
      format === 1 &&
      Array.isArray(shown) &&
      shown.length <= description.profile.most &&
      Object.keys(more).length === 0 &&
      shown.every(
        (each) =>
          each !== null &&
          typeof each === "object" &&
          Object.keys(each).length === 4 &&
          Number.isInteger(each.windows) &&
          each.windows > 0 &&
          each.windows <= 1e6 &&
          Array.isArray(each.mean) &&
          each.mean.length === size &&
          size > description.profile.gravity &&
          each.mean.every((value) => isNumber(value, 1e6)) &&
          isNumber(each.novelty, 1e9) &&
          each.novelty >= 0 &&
          isActivity(each.activity, description),
      );
    if (!sound) throw new Error("this is no profile");
    if (model !== description.model_sha256) {
      throw new Error(`profile ${name} was made with another model: teach it anew`);
    }
    return new Profile(name, shown, description);
  }

  /** Its JSON, as Python reads and writes it: a line a stretch. */
  json() {
    const { name, model, shown } = this;
    const head = JSON.stringify({ format: 1, name, model_sha256: model }).slice(0, -1);
    return `${head}, "shown": [\n  ${shown.map((each) => JSON.stringify(each)).join(",\n  ")}\n]}\n`;
  }

  /** How many windows of each activity were shown: {WALKING: 7}. */
  get windows() {
    const counts = {};
    for (const { activity, windows } of this.shown) {
      counts[activity] = (counts[activity] ?? 0) + windows;
    }
    return counts;
  }

  /**
   * A profile that knows another stretch of windows.
   *
   * activity: what the person did, in words or as in files; predictions: a Recognizer's of the
   * stretch, with any profile or none; their `features` and `novelty` are read.
   */
  teach(activity, predictions) {
    const name = activityNamed(activity, this.description);
    if (predictions.length === 0) throw new Error(`${activity}: no window to learn from`);
    const mean = Array.from(predictions[0].features, (_, i) =>
      round(predictions.reduce((sum, { features }) => sum + features[i], 0) / predictions.length),
    );
    const novelty = round(Math.max(...predictions.map((each) => each.novelty)));
    const stretch = { activity: name, windows: predictions.length, mean, novelty };
    return new Profile(this.name, [...this.shown, stretch], this.description);
  }

  /** A profile without what was shown of an activity; or without one stretch, given its index. */
  forget(which) {
    const kept = this.shown.filter(({ activity }, index) => activity !== which && index !== which);
    return new Profile(this.name, kept, this.description);
  }

  /** Probabilities of `activities` for a window: the model's, in the light of what was shown. */
  probabilities(probabilities, features) {
    if (this.shown.length === 0) return probabilities;
    const { evidence, near, leaning, gravity, smallest } = this.numbers;
    if (features.length !== this.shown[0].mean.length) {
      throw new Error(`profile ${this.name} is damaged: teach it anew`);
    }
    const first = features.length - gravity;
    const distance = this.activities.map(() => Infinity);
    this.shown.forEach(({ mean }, row) => {
      let place = 0;
      let lean = 0;
      for (let i = 0; i < features.length; i++) {
        const apart = (features[i] - mean[i]) ** 2;
        if (i < first) place += apart;
        else lean += apart;
      }
      const found = place + Math.log1p(lean / leaning ** 2);
      distance[this.of[row]] = Math.min(distance[this.of[row]], found);
    });
    const nearest = Math.max(Math.min(...distance), near);
    const best = Math.max(...probabilities);
    const scores = distance.map((each, i) => {
      const prior = i < probabilities.length ? probabilities[i] : best;
      return Math.log(Math.max(prior, smallest)) - evidence * (each === Infinity ? nearest : each);
    });
    const most = Math.max(...scores);
    const weighed = scores.map((score) => Math.exp(score - most));
    const sum = weighed.reduce((a, b) => a + b, 0);
    return weighed.map((value) => value / sum);
  }

  /**
   * What smoothing over time needs, with the person's own activities. Postures that were shown are
   * smoothed as one no more, once there are two.
   */
  smoothing({ durations, priors, together }) {
    const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
    const more = this.activities.slice(priors.length);
    const all = [...priors, ...more.map(() => mean(priors))];
    const sum = all.reduce((a, b) => a + b, 0);
    const left = together.filter((index) => !this.of.includes(index));
    return {
      durations: [...durations, ...more.map(() => mean(durations))],
      priors: all.map((value) => value / sum),
      together: together.length - left.length < 2 ? together : left.length > 1 ? left : [],
    };
  }

  /** How novel a window may be with this answer: as the most novel that was shown, or 1. */
  mostNovel(activity) {
    const shown = this.shown.filter((each) => each.activity === activity);
    return Math.max(1, ...shown.map((each) => each.novelty));
  }
}

/** The name in files of an activity that a person writes in words, such as "Walking upstairs". */
export function activityNamed(text, description) {
  const words = text.toLowerCase().replaceAll("_", " ").trim().split(/\s+/u).join(" ");
  const known = Object.entries(description.profile.words).find(([, each]) => each.includes(words));
  if (known) return known[0];
  const name = words.toUpperCase().replaceAll(" ", "_");
  const fits = new RegExp(`^${description.profile.name}$`, "u").test(words);
  if (!fits || name === description.still.answer) {
    const names = Object.values(description.profile.words).map(([first]) => first);
    throw new Error(
      `activity ${text.slice(0, 40)}: should be ${names.join(", ")}, ` +
        "or one of your own in a few words, such as cycling",
    );
  }
  return name;
}

function isActivity(name, description) {
  try {
    return typeof name === "string" && activityNamed(name, description) === name;
  } catch {
    return false;
  }
}
