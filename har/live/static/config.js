// What the page is told by config.json, and how activities are called and coloured.

export const config = await (await fetch("config.json")).json();

/** An answer where postures are not told apart, and those postures. */
export const { answer: STILL, postures } = config.still;

/** What is shown where nothing is known. */
export const UNKNOWN = "unknown";

/** The answers that the model may give: any posture stands among the postures, if there are several. */
export const answers = config.activities.flatMap((activity) =>
  postures.length > 1 && activity === postures.at(-1) ? [activity, STILL] : [activity]);

export const isRight = (answer, truth) => answer === truth || (answer === STILL && postures.includes(truth));

const WORDS = {
  WALKING: "Walking", WALKING_UPSTAIRS: "Walking upstairs", WALKING_DOWNSTAIRS: "Walking downstairs",
  SITTING: "Sitting", STANDING: "Standing", LAYING: "Lying", RUNNING: "Running", STILL: "Still",
  [UNKNOWN]: "I don’t know",
};
const SHORT = { WALKING_UPSTAIRS: "Upstairs", WALKING_DOWNSTAIRS: "Downstairs", [UNKNOWN]: "Don’t know" };

const inWords = (name) => name.charAt(0) + name.slice(1).replaceAll("_", " ").toLowerCase();

/** An activity in words; a person's own has none but its name. */
export const readable = (activity) => WORDS[activity] ?? inWords(activity);
export const short = (activity) => SHORT[activity] ?? readable(activity);

export const anyOf = (activities) =>
  new Intl.ListFormat("en-GB", { type: "disjunction" }).format(activities.map((each) => readable(each).toLowerCase()));

/** Seconds as minutes and seconds, or hours too. */
export function clock(seconds) {
  const whole = Math.max(Math.round(seconds), 0);
  const two = (value) => String(value).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

// ---- colours -------------------------------------------------------------------------------------

const dark = matchMedia("(prefers-color-scheme: dark)");
const OWN = ["#7a5195", "#8c564b", "#17becf", "#7f7f00", "#e377c2"]; // of activities that a person has added
const LEAST_CONTRAST = 3; // WCAG 1.4.11

const parts = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
const hex = (values) => `#${values.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
function luminance(colour) {
  const [r, g, b] = parts(colour).map((value) => value / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const styled = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** An activity's colour, darker or lighter where it would be too close to the page's ground. */
export function colourOf(activity) {
  const own = [...activity].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % OWN.length;
  const usual = activity === UNKNOWN ? styled("quiet") : config.colours[activity] ?? OWN[own];
  const ground = styled("track");
  let colour = usual;
  for (let share = 0.05; share < 1 && contrast(colour, ground) < LEAST_CONTRAST; share += 0.05) {
    colour = hex(parts(usual).map((value) => value + share * ((dark.matches ? 255 : 0) - value)));
  }
  return colour;
}

/** Black or white, whichever is easier to see on a colour. */
export const inkOn = (colour) => (contrast(colour, "#ffffff") >= contrast(colour, "#16191d") ? "#ffffff" : "#16191d");

/** Call when the colours change. */
export const onColours = (changed) => dark.addEventListener("change", changed);
