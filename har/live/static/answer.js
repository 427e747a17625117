// The answer: large, spoken, in the tab's title; and how likely each activity is.

import { UNKNOWN, anyOf, colourOf, config, inkOn, isRight, onColours, postures, readable, short, STILL } from "./config.js";
import { $, element } from "./dom.js";

const HUSH = 1500; // milliseconds an activity lasts before it is spoken
const STALE = 2000; // milliseconds without news after which an answer is old
const TITLE = document.title;

const IS_IT_WORN = config.mountings ? "Is the phone at the waist, worn as chosen?" : "Is the phone worn on the body?";

// ---- the one word --------------------------------------------------------------------------------

let shown = null; // activity whose colour it has
function colour() {
  const ground = shown ? colourOf(shown) : "";
  $("activity").style.setProperty("--colour", ground || "var(--quiet)");
  $("activity").style.setProperty("--figure", ground ? inkOn(ground) : "#fff");
}

/** state: idle, known or unknown; activity: whose picture and colour. */
export function show(state, name, note, activity = null) {
  shown = activity in config.colours ? activity : activity && state === "known" ? activity : null;
  $("activity").dataset.state = state;
  $("activity-name").textContent = name;
  $("activity-note").textContent = note;
  $("figure").setAttribute("href", `#${activity && document.getElementById(activity) ? activity : state === "known" ? "OWN" : "NONE"}`);
  colour();
  document.title = ["known", "unknown"].includes(state) ? `${name} · ${TITLE}` : TITLE;
}

/** Show a prediction. */
export function showAnswer(made, activities) {
  const percent = Math.round(made.probability * 100);
  const which = made.activity === STILL ? `: ${anyOf(postures)}` : "";
  const by = made.profile ? ` · taught by ${made.profile}` : "";
  if (made.known) show("known", readable(made.activity), `${percent} % sure${which}${by}`, made.activity);
  else if (made.novelty > 1) show("unknown", readable(UNKNOWN), `Unlike anything I was trained on. ${IS_IT_WORN}`);
  else show("unknown", readable(UNKNOWN), `Perhaps ${readable(made.activity).toLowerCase()}, ${percent} % sure${by}.`);
  speak(made.known ? readable(made.activity) : readable(UNKNOWN));
  made.probabilities.forEach((probability, index) => {
    const { row, fill, value } = barOf(activities[index]);
    row.classList.toggle("best", isRight(made.activity, activities[index]));
    fill.style.transform = `scaleX(${probability})`;
    value.textContent = `${Math.round(probability * 100)} %`;
  });
}

// ---- the likelihoods -----------------------------------------------------------------------------

const bars = new Map();
function barOf(activity) {
  if (!bars.has(activity)) {
    const fill = element("div", { className: "fill" });
    const value = element("span", { className: "value", textContent: "–" });
    fill.style.setProperty("--colour", colourOf(activity));
    const row = element("li", {}, element("span", { textContent: short(activity) }), element("div", { className: "track" }, fill), value);
    $("bars").append(row);
    bars.set(activity, { row, fill, value });
  }
  return bars.get(activity);
}

/** Empty bars of these activities. */
export function clearBars(activities) {
  $("bars").replaceChildren();
  bars.clear();
  activities.forEach(barOf);
}
clearBars(config.activities);
onColours(() => {
  colour();
  for (const [activity, { fill }] of bars) fill.style.setProperty("--colour", colourOf(activity));
});

// ---- spoken --------------------------------------------------------------------------------------

let spoken = "", speaking = null;
/** For who does not look: to a screen reader, and aloud if wanted. What lasts a moment is not said. */
export function speak(text) {
  if (text === spoken) return clearTimeout(speaking);
  if (speak.next === text && speaking) return;
  clearTimeout(speaking);
  speak.next = text;
  speaking = setTimeout(() => {
    speaking = null;
    spoken = text;
    $("spoken").textContent = text;
    if ($("aloud").checked) say(text);
  }, HUSH);
}

/** Aloud, where the browser has a voice. */
export function say(text) {
  if (!("speechSynthesis" in window)) return;
  speechSynthesis.cancel();
  speechSynthesis.speak(Object.assign(new SpeechSynthesisUtterance(text), { lang: "en" }));
}

// ---- how old it is -------------------------------------------------------------------------------

let heard = null; // when there was news last: [performance.now(), Date]

/** There is news. */
export function fresh() {
  heard = [performance.now(), new Date()];
  age();
}

/** Fade the answer once there has been no news for a while, and say since when. */
export function age() {
  const old = heard && performance.now() - heard[0] > STALE;
  $("activity").dataset.stale = Boolean(old);
  $("since").hidden = !old;
  if (!old) return;
  const seconds = Math.round((performance.now() - heard[0]) / 1000);
  $("since").textContent = `No news since ${heard[1].toLocaleTimeString("en-GB")}, ${seconds} s ago`;
  if ($("activity").dataset.state === "known") document.title = `? ${$("activity-name").textContent} · ${TITLE}`;
}

/** Nothing is expected any more, so nothing is old. */
export function ageless() {
  heard = null;
  age();
}
