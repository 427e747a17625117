// The page: where signals come from, what recognises them, and what is shown.

import { alignment, mountingInWords } from "./align.js";
import { age, ageless, clearBars, fresh, say, show, showAnswer, speak } from "./answer.js";
import { answers, clock, config, isRight, onColours, readable, UNKNOWN } from "./config.js";
import { $, element, radio } from "./dom.js";
import { comparison, Lesson, mistaken } from "./teach.js";
import { Motion } from "./motion.js";
import { SignalPlot } from "./plots.js";
import { emptyProfile, keepProfile, listProfiles, loadProfile, profileInUse, profileToTeach } from "./profiles.js";
import { connection, problem, problemAbout } from "./problems.js";
import { closed, end, failed, isRecording, isUnsaved, keepRow, kept, label, listSessions, offerLabels, record } from "./recorder.js";
import { converter, parseRecording, product } from "./recording.js";
import { Replay } from "./replay.js";
import { keep, remember } from "./settings.js";
import { shelf } from "./shelf.js";
import { showSummary, stretches } from "./summary.js";
import { StepCounter } from "./steps.js";
import { Timeline } from "./timeline.js";

const BATCH = 100; // milliseconds of a phone's samples sent together
const IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0, 1];
const IN_G = { accelerationUnit: "g", angularRateUnit: "rad/s", rotation: IDENTITY };
const MOST_ARRIVALS = 3000; // samples whose arrival is remembered until they are recognised
const PATIENCE = 5; // seconds after the first answer is due until its absence is explained
const MOST_WINDOWS = 40_000; // of a session that are kept, to learn from
const GAP = 1; // seconds without a sample that count as not measured
const TAUGHT_FIRST = ["WALKING", "SITTING", "STANDING"]; // unless one chooses otherwise
const LESSON_HOP = 10; // samples from window to window while it is taught
const REMEMBERED = ["hop", "smoothing", "acceleration-unit", "angular-rate-unit", "placement", "mounting", "local", "aloud", "use-profile"];

const HOW_TO_WEAR = (config.mountings
  ? "On the belt or in a tight front pocket, screen on while you measure. The model was trained on phones at the waist, right edge up."
  : "Wear it as you like, screen on while you measure.")
  + (config.trainedOn ? ` The model was trained on phones worn here: ${config.trainedOn}.` : "");

const onApple = /^Apple/.test(navigator.vendor);

const plot = new SignalPlot($("plot"), config.needsGyroscope);
const timeline = new Timeline($("timeline"), answers);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let run = null; // what is going on between Start and Stop
let correction = null; // rotation after that of the mounting, found by aligning
let session = null; // the last run, which may be the present one
let file = null; // the chosen recording

// ---- what is shown -------------------------------------------------------------------------------

function predicted(made) {
  if (!run || made.time <= run.shown) return; // sent again after a reconnection
  const length = run.settings.hop / 50;
  const gap = made.time - run.shown;
  run.shown = made.time;
  run.count++;
  run.windows.push(made);
  if (run.windows.length > MOST_WINDOWS) run.windows.splice(0, MOST_WINDOWS / 2);
  if (run.lesson) return run.lesson.predicted(made);
  fresh();
  showAnswer(made, run.activities);
  if (made.known) run.steps.count(made.time, made.activity, Math.min(gap, length));
  timeline.predicted.add(made.time - (gap < 3 * length ? Math.min(gap, length) : length), made.time, made.known ? made.activity : UNKNOWN);
  const truth = run.truthAt(made.time);
  if (truth) {
    const right = made.known && isRight(made.activity, truth);
    run.scored++;
    if (right) run.right++;
    $("accuracy").textContent = `${(100 * run.right / run.scored).toFixed(1)} % of ${run.scored} right`;
    $("truth").dataset.right = right;
  } else delete $("truth").dataset.right;
  if (run.hasTruth) {
    $("truth").hidden = $("legend").hidden = false;
    $("truth").textContent = truth ? `Actually ${readable(truth).toLowerCase()}` : "Actually between two activities";
  }
  measureLatency(made.time);
}

/** When a sample came, for `measureLatency`; a server that is away asks for none of them. */
function addArrival(time, arrived) {
  run.arrivals.push([time, arrived]);
  if (run.arrivals.length > 2 * MOST_ARRIVALS) run.arrivals.splice(0, MOST_ARRIVALS);
}

function measureLatency(time) {
  const arrivals = run.arrivals;
  while (arrivals.length > 1 && arrivals[0][0] < time - 1e-4) arrivals.shift();
  if (!run.live || !arrivals.length || arrivals[0][0] < time - 1e-4) return;
  run.latencies.push(performance.now() - arrivals[0][1]);
  if (run.latencies.length > 20) run.latencies.shift();
  const middle = [...run.latencies].sort((a, b) => a - b)[run.latencies.length >> 1];
  $("latency").textContent = `${Math.round(middle)} ms`;
}

function status(report) {
  if (!run) return;
  run.status = report;
  const rejected = Object.entries(report.rejected);
  $("samples").textContent = report.samples.toLocaleString("en");
  const all = rejected.reduce((sum, [, count]) => sum + count, 0);
  $("rejected").textContent = all ? `${all.toLocaleString("en")} (${rejected.map(([reason]) => reason).join("; ")})` : "none";
  if (report.problem) {
    fresh();
    problem("readings", `These signals cannot be right: ${report.problem}`, "Units can be changed under Advanced; stop first.");
    show("unknown", readable(UNKNOWN), "The signals cannot be right.");
    speak(readable(UNKNOWN));
  } else problem("readings", null);
}

/** The timeline as a table; rows that stand stay, so that what has the focus keeps it. */
function fillBouts() {
  const rows = stretches(timeline);
  rows.forEach(({ from, to, what, stretch }, index) => {
    const row = $("bout-rows").rows[index] ?? $("bout-rows").appendChild(element("tr", {}, ...Array.from({ length: 5 }, () => element("td"))));
    [clock(from), clock(to), clock(to - from), what].forEach((text, place) => { if (row.cells[place].textContent !== text) row.cells[place].textContent = text; });
    row.stretch = stretch;
    if (!stretch) row.cells[4].replaceChildren();
    else if (!row.cells[4].firstChild) {
      const button = element("button", { type: "button", className: "second", textContent: "Correct" });
      button.addEventListener("click", () => askForRight(row.stretch));
      row.cells[4].append(button);
    }
    row.cells[4].firstChild?.setAttribute("aria-label", `Correct ${what}, ${clock(from)} to ${clock(to)}`);
  });
  while ($("bout-rows").rows.length > rows.length) $("bout-rows").lastChild.remove();
}
$("bouts").addEventListener("toggle", () => { if ($("bouts").open) fillBouts(); });

let drawn = 0;
function draw(now) {
  requestAnimationFrame(draw);
  if (now - drawn < (calm.matches ? 1000 : 33) || document.visibilityState !== "visible") return;
  if (!run && !draw.dirty) return;
  drawn = now;
  draw.dirty = false;
  plot.draw();
  timeline.draw();
  showZoom();
  if (run?.live) {
    const recent = plot.times.filter((time) => time > plot.times.at(-1) - 2);
    if (recent.length > 2) $("rate").textContent = `${Math.round((recent.length - 1) / (recent.at(-1) - recent[0]))} Hz`;
  }
  if ($("bouts").open && now - (draw.tabled ?? 0) > 1000) { draw.tabled = now; fillBouts(); }
}
const redraw = () => { draw.dirty = true; };
new ResizeObserver(redraw).observe(document.body);
onColours(redraw);
redraw();
requestAnimationFrame(draw);

function showZoom() {
  $("pan").hidden = !timeline.zoomed;
  $("zoom-all").disabled = !timeline.zoomed;
  if (document.activeElement !== $("pan") || timeline.position === 1) $("pan").value = timeline.position;
}
for (const [id, act] of [["zoom-in", () => timeline.zoom(0.5)], ["zoom-out", () => timeline.zoom(2)], ["zoom-all", () => timeline.showAll()]]) {
  $(id).addEventListener("click", () => { act(); redraw(); });
}
$("pan").addEventListener("input", () => { timeline.position = Number($("pan").value); redraw(); });

/** Once a while: fade what is old, and say why no answer comes. */
function look() {
  age();
  if (!run?.live || run.lesson || run.count || run.stopping || $("activity").dataset.state === "unknown") return;
  if (performance.now() - run.began < 1000 * (config.window / 50 + PATIENCE)) return;
  show("unknown", "No answer", whyNoAnswer());
}
setInterval(look, 500);

function whyNoAnswer() {
  const about = ["sensor", "connection", "readings"].find(problemAbout);
  if (about) return problemAbout(about)[0];
  if (!run.open) return config.recognition === "browser" ? "The model is still being loaded." : "The server has not answered yet.";
  if (!plot.times.length) return "No motion has come yet.";
  const [refused] = Object.entries(run.status?.rejected ?? {}).sort((a, b) => b[1] - a[1]);
  if (refused && refused[1] > run.status.samples) return `Samples come, but they are refused: ${refused[0]}.`;
  return "Samples come, but with gaps: no window is whole yet.";
}

// ---- from source to recogniser -------------------------------------------------------------------

async function makeBackend(settings) {
  const inBrowser = config.recognition === "browser" || $("local").checked;
  const backend = inBrowser
    ? new (await import("./local.js")).LocalBackend(settings)
    : new (await import("./socket.js")).SocketBackend(settings);
  backend.onprediction = predicted;
  backend.onstatus = status;
  backend.onstate = (state, message) => {
    if (run?.backend !== backend) return;
    run.open = state === "open";
    connection(state, { open: inBrowser ? "in this browser" : "connected", lost: "connection lost", failed: "ended" }[state]);
    run.everOpen ||= run.open;
    if (state === "lost" && !run.everOpen && config.certificate && onApple) message = "An iPhone must trust its certificate first: the steps are under On your phone.";
    problem("connection", state === "lost" ? "The server does not answer." : state === "failed" ? "Recognition has ended." : null, message);
    if (state === "failed" || (state === "lost" && !run.live && run.count)) stop();
    else if (run.source instanceof Replay) run.source[state === "open" ? "start" : "stop"]();
  };
  backend.onkept = kept;
  backend.onerror = failed;
  return backend;
}

/** Begin: settings, what the session is called, and what starts and stops the source. */
async function begin(settings, live, name) {
  clear();
  run = {
    settings: { hop: Number($("hop").value), smoothing: $("smoothing").checked, profile: profileInUse(), placement: $("placement").value || null, maxSamples: config.maxSamples, ...settings },
    live, name, convert: converter(settings), shown: -Infinity, count: 0, right: 0, scored: 0, open: false,
    windows: [], lesson: null, steps: new StepCounter(config.window / 50), arrivals: [], latencies: [], hasTruth: false, truthAt: () => "", began: performance.now(), hidden: false,
  };
  const mine = session = run;
  offerActivities(run.settings.profile?.activities ?? config.activities);
  running(true);
  connection("idle", "connecting");
  show("idle", live ? "Listening…" : "Reading…", `The first answer takes ${(config.window / 50).toFixed(1)} s of signals.`);
  try {
    const backend = await makeBackend(mine.settings);
    if (mine.stopping) return null;
    mine.backend = backend;
    await backend.start();
  } catch (error) {
    problem("connection", "Recognition cannot start.", String(error.message ?? error));
    if (run === mine) stop();
    return null;
  }
  if (run !== mine || mine.stopping) return null;
  running(true); // now there is something that can record
  return mine;
}

function take(times, acceleration, angularRate) {
  if (!times.length) return undefined;
  timeline.start ??= times[0];
  for (const time of times) {
    const from = timeline.end ?? time;
    if (time - from > GAP) timeline.gaps.push({ from, to: time, why: run.hidden ? "the screen was off or the page hidden" : "no samples came" });
    timeline.end = time;
  }
  run.hidden = document.visibilityState !== "visible";
  const arrived = performance.now();
  times.forEach((time, index) => {
    const converted = [run.convert.acceleration(acceleration[index]), angularRate && run.convert.angularRate(angularRate[index])];
    plot.add(time, ...converted);
    keepRow(time, ...converted, run.label ?? "");
    run.lesson?.measured(time, converted[0]);
    run.steps.add(time, converted[0]);
  });
  if (run.live && !run.timesItself) times.forEach((time) => addArrival(time, arrived));
  return run.backend.push(times, acceleration, angularRate);
}
document.addEventListener("visibilitychange", () => { if (run && document.visibilityState !== "visible") run.hidden = true; });

/** What may be answered: bars and lanes of these. */
function offerActivities(activities) {
  run.activities = activities;
  clearBars(activities);
  timeline.lanes = [...answers, ...activities.slice(config.activities.length)];
}

function clear() {
  plot.clear();
  timeline.clear();
  ageless();
  for (const about of ["connection", "readings", "sensor", "session", "file"]) problem(about, null);
  for (const id of ["latency", "samples", "rate", "rejected"]) $(id).textContent = "–";
  $("accuracy").textContent = "";
  $("truth").hidden = $("legend").hidden = $("summary").hidden = true;
  $("bout-rows").replaceChildren();
  $("correct").hidden = true;
  $("corrected").textContent = "";
}

function running(on) {
  const source = radio("source");
  document.body.dataset.running = on;
  document.body.dataset.source = source;
  $("start").textContent = on ? "Stop" : source === "file" ? "Recognise the file" : "Start";
  $("start").dataset.running = on;
  for (const control of document.querySelectorAll("#source select, #source input, #align")) {
    if (!["speed", "aloud"].includes(control.id)) control.disabled = on;
  }
  $("record").disabled = !run?.backend || source === "file" || Boolean(run.lesson);
  $("teach").disabled = on;
  $("labelling").hidden = !on || source === "file" || Boolean(run?.lesson);
  $("wear").hidden = !on || source === "file";
  if (!on) {
    wear(false);
    $("start").disabled = source === "file" && !file || source === "replay" && !$("recording").options.length;
  }
}

async function stop() {
  const ending = run;
  if (!ending || ending.stopping) return;
  ending.stopping = true;
  ending.lesson?.stop();
  ending.source?.stop();
  ending.flush?.();
  end(ending);
  await ending.backend?.stop();
  if (run !== ending) return;
  closed(); // answers to the last samples came until now
  run = null;
  ageless();
  redraw();
  if ($("bouts").open) fillBouts();
  if ($("connection").dataset.state !== "failed") {
    connection("idle", "stopped");
    problem("connection", null);
  }
  $("truth").hidden = true;
  if (ending.lesson) show("idle", "Stopped", "");
  else if (ending.count) show("idle", ending.live ? "Stopped" : "Done", showSummary(timeline, ending.name, ending.steps), "DONE");
  else show("idle", "Stopped", "Too little came to recognise anything.");
  running(false);
}

// ---- this phone ----------------------------------------------------------------------------------

const rotation = () => {
  if (!config.mountings) return IDENTITY;
  const mounting = config.mountings[$("mounting").value];
  return correction ? product(correction, mounting) : mounting;
};

function motion(onsample) {
  return new Motion(onsample, (title, text) => problem("sensor", title, text), config.needsGyroscope, (note) => { $("awake").textContent = note; });
}

const dateAndTime = () => new Date().toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });

/** Listen to this phone; settings beside those of the page. */
async function startPhone(more = {}) {
  let times = [], acceleration = [], angularRate = [], sent = 0;
  const flush = () => {
    if (!run?.backend || !times.length) return;
    take(times, acceleration, config.needsGyroscope ? angularRate : null);
    [times, acceleration, angularRate] = [[], [], []];
    sent = performance.now();
  };
  const source = motion((time, a, w) => {
    if (run) addArrival(time, performance.now());
    times.push(time); acceleration.push(a); angularRate.push(w);
    if (performance.now() - sent >= BATCH) flush();
  });
  problem("sensor", null);
  if (!await source.start()) return null; // before anything else: iOS asks only right after a tap
  const mine = await begin({
    accelerationUnit: $("acceleration-unit").value, angularRateUnit: $("angular-rate-unit").value, rotation: rotation(), ...more,
  }, true, dateAndTime());
  if (!mine) {
    source.stop();
    return null;
  }
  return Object.assign(mine, { source, flush, timesItself: true });
}

async function align() {
  const samples = [];
  const source = motion((_, acceleration) => samples.push(acceleration));
  problem("sensor", null);
  if (!await source.start()) return;
  $("align").disabled = $("start").disabled = true;
  for (const left of [5, 4, 3, 2, 1]) {
    $("aligned").textContent = `Put the phone where you wear it and stand upright … ${left}`;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  samples.length = 0;
  navigator.vibrate?.(80);
  $("aligned").textContent = "Stand still for three seconds …";
  await new Promise((resolve) => setTimeout(resolve, 3000));
  source.stop();
  navigator.vibrate?.([80, 80, 80]);
  $("align").disabled = $("start").disabled = false;
  if (problemAbout("sensor")) {
    $("aligned").textContent = "";
    return;
  }
  const found = alignment(samples, config.mountings, $("mounting").value);
  if (found.reason) {
    $("aligned").textContent = found.reason;
    return;
  }
  correction = found.correction;
  $("mounting").value = found.mounting;
  keep(REMEMBERED);
  $("aligned").textContent = `Aligned: ${mountingInWords(found.mounting).toLowerCase()}, tilted by ${found.degrees}°, which is now corrected. Which way the screen faces cannot be measured: see Advanced.`;
}

// ---- teaching ------------------------------------------------------------------------------------

async function teach() {
  const own = $("own-activity").value.trim();
  const chosen = [...document.querySelectorAll("#lesson input:checked")].map(({ value }) => value);
  const activities = [...chosen, ...own ? [own] : []];
  problem("teach", null);
  if (!activities.length) return problem("teach", "Nothing is chosen to be shown.", "Choose activities, or write one of your own.");
  say("Let us begin"); // iOS lets a page speak only once it has done so right after a tap
  document.querySelector('input[name="source"][value="phone"]').checked = true;
  pane();
  const mine = await startPhone({ hop: LESSON_HOP, smoothing: false, profile: null });
  if (!mine) return undefined;
  mine.lesson = new Lesson(activities);
  running(true); // there is nothing to record now
  const { taught, left } = await mine.lesson.give();
  const stopped = mine.lesson.stopped;
  await stop();
  try {
    if (stopped) throw new Error("It was stopped before its end: nothing was learnt");
    const said = taught.length ? comparison(taught, await emptyProfile()) : [];
    let profile = await profileToTeach();
    for (const { activity, windows } of taught) profile = profile.teach(activity, windows);
    if (taught.length) keepProfile(profile);
    showLesson(said, left, mistaken(taught, profile));
  } catch (error) {
    problem("teach", "Teaching has ended.", `${error.message}.`);
  }
  return undefined;
}

function showLesson(said, left, mixed) {
  const sum = (of) => said.reduce((total, each) => total + each[of], 0);
  const [windows, before, after] = ["windows", "before", "after"].map(sum);
  show("idle", said.length ? "Taught" : "Nothing learnt", windows ? `Right before: ${before} of ${windows}. Now: ${after} of ${windows}.` : "", said.length ? "DONE" : null);
  const row = ({ activity, windows: all, before: was, after: is }) => element("tr", {}, element("th", { scope: "row", textContent: readable(activity) }),
    ...[`${was} of ${all}`, `${is} of ${all}`].map((textContent) => element("td", { textContent })));
  $("lesson-result").replaceChildren(
    ...said.length ? [element("table", {}, element("caption", { textContent: "Windows recognised correctly" }), element("thead", {}, element("tr", {},
      ...["Activity", "Before", "Now"].map((textContent) => element("th", { scope: "col", textContent })))), element("tbody", {}, ...said.map(row))),
    element("p", { className: "hint", textContent: "Counted on the end of each stretch, taught its beginning. Press Start to see it at work." })] : [],
    ...mixed.map(({ activity, like }) => element("p", { className: "hint", textContent: `${readable(activity)} is like ${readable(like).toLowerCase()} to the model: show that too, and they are told apart.` })),
    ...left.map(({ activity, why }) => element("p", { className: "hint", textContent: `${readable(activity)} was not learnt: ${why.charAt(0).toLowerCase()}${why.slice(1)}.` })));
}

/** Ask what a stretch of the timeline truly was. */
function askForRight(stretch) {
  timeline.selected = stretch;
  $("correct").hidden = !stretch;
  redraw();
  if (!stretch) return;
  $("correct-what").textContent = `${clock(stretch.from - timeline.start)} to ${clock(stretch.to - timeline.start)}, ${readable(stretch.activity).toLowerCase()}: it was`;
  const own = profileInUse()?.activities.slice(config.activities.length) ?? [];
  $("correct-to").replaceChildren(...[...config.activities, ...own].map((activity) => new Option(readable(activity), activity)), new Option("Another one of my own …", ""));
  $("correct-to").focus();
}

/** Learn from the marked stretch; what comes next is answered by it. */
async function correctStretch() {
  const { from, to } = timeline.selected, half = config.window / 100;
  const activity = $("correct-to").value || prompt("What do you call it?")?.trim();
  if (!activity) return;
  // The middle of a window says what it is of; the answer comes with its last sample.
  const inside = session.windows.filter(({ time }) => time - half >= from && time - half <= to);
  const windows = inside.length ? inside : session.windows.filter(({ time }) => time > from && time <= to);
  try {
    if (!windows.length) throw new Error("Its windows are not kept any more");
    const profile = (await profileToTeach()).teach(activity, windows);
    keepProfile(profile);
    $("use-profile").checked = true;
    if (run?.backend) {
      run.backend.setProfile(profile);
      offerActivities(profile.activities);
    }
    timeline.actual.insert(from, to, profile.shown.at(-1).activity);
    $("legend").hidden = false;
    $("corrected").textContent = `Taught: ${readable(profile.shown.at(-1).activity).toLowerCase()}, ${windows.length} windows.`;
    problem("teach", null);
  } catch (error) {
    problem("teach", "This cannot be learnt.", `${error.message}.`);
  }
  askForRight(null);
}

// ---- a recording, or a file ----------------------------------------------------------------------

/** What is true at a time, "" where nothing is known. */
function truthOf({ times, activity }) {
  return (time) => {
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time + 1e-4) low = middle + 1;
      else high = middle;
    }
    return activity[Math.max(low - 1, 0)];
  };
}

/** Put what is true of some rows on the timeline. */
function addTruth({ times, activity }, from, to) {
  for (let row = from; row < Math.min(to, times.length); row++) {
    if (activity[row]) timeline.actual.add(times[row], times[row + 1] ?? times[row], activity[row]);
  }
}

const SAVED = "saved/"; // before the name of a session among the recordings

async function startReplay() {
  const chosen = $("recording").value;
  let recording;
  try {
    let text;
    if (chosen.startsWith(SAVED)) text = await shelf.read(chosen.slice(SAVED.length));
    else {
      const answer = await fetch(`recordings/${encodeURIComponent(chosen)}.csv`);
      if (!answer.ok) throw new Error(`The server answers ${answer.status}.`);
      text = await answer.text();
    }
    recording = parseRecording(text, config.needsGyroscope);
  } catch (error) {
    problem("file", "This recording cannot be read.", error.message);
    return;
  }
  const mine = await begin(IN_G, true, chosen.replace(SAVED, "").replaceAll("_", " "));
  if (!mine) return;
  mine.hasTruth = recording.activity.some(Boolean);
  mine.truthAt = truthOf(recording);
  mine.source = new Replay(recording, Number($("speed").value), (times, acceleration, angularRate, from, to) => {
    addTruth(recording, from, to);
    take(times, acceleration, angularRate);
  }, stop);
  if (mine.open) mine.source.start();
}

async function startFile() {
  const recording = file;
  // A logger writes along the phone's axes, the project along those of the training.
  const mine = await begin(recording.alongPhone ? { ...IN_G, rotation: rotation() } : IN_G, false, recording.name);
  if (!mine) return;
  mine.hasTruth = recording.activity.some(Boolean);
  mine.truthAt = truthOf(recording);
  $("progress").hidden = false;
  for (let at = 0; at < recording.times.length && run === mine && !mine.stopping; at += config.maxSamples) {
    const to = at + config.maxSamples;
    addTruth(recording, at, to);
    await take(recording.times.slice(at, to), recording.acceleration.slice(at, to), recording.angularRate?.slice(at, to) ?? null);
    $("progress").value = to / recording.times.length;
  }
  const interrupted = mine.stopping;
  await stop();
  $("progress").hidden = true;
  if (interrupted) problem("file", "The file was not recognised to the end.", "It was stopped, or the server went away. Start it again.");
  else if (mine.count) speak("The file is recognised");
}

/** A recording in the project's form; a phone logger's, which the server turns into that. */
async function readChosen(chosen) {
  const own = /\.csv$/i.test(chosen.name);
  if (own) {
    try {
      return parseRecording(await chosen.text(), config.needsGyroscope);
    } catch (error) {
      if (config.recognition !== "server" || !error.otherForm) throw error;
    }
  } else if (config.recognition !== "server") throw new Error("Without a server the page reads CSV in this project’s form alone: its name should end in .csv.");
  const answer = await fetch(`read?name=${encodeURIComponent(chosen.name)}`, { method: "POST", body: chosen });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof said.detail === "string" ? said.detail : `The server answers ${answer.status}.`);
  return { ...parseRecording(said.recording, config.needsGyroscope), notes: said.notes, alongPhone: true };
}

async function choose(chosen) {
  if (!chosen) return;
  if (run) {
    problem("file", `${chosen.name} waits: something is running.`, "Press Stop, then choose or drop it again.");
    return;
  }
  file = null;
  problem("file", null);
  try {
    if (chosen.size > 200e6) throw new Error("It is larger than 200 MB.");
    file = { ...await readChosen(chosen), name: chosen.name };
    const seconds = file.times.at(-1) - file.times[0];
    $("file-name").textContent = `${chosen.name}: ${clock(seconds)} min, ${file.times.length.toLocaleString("en")} samples${file.alongPhone && config.mountings ? ", worn as the settings say" : ""}${(file.notes ?? []).map((note) => `; ${note}`).join("")}`;
  } catch (error) {
    $("file-name").textContent = "";
    problem("file", `${chosen.name} cannot be read.`, error.message);
  }
  document.querySelector('input[name="source"][value="file"]').checked = true;
  pane();
}

// ---- worn ----------------------------------------------------------------------------------------

/** One large word, Stop and labels, or all of the page again. */
function wear(on) {
  document.body.classList.toggle("worn", on);
  $("wear").textContent = on ? "Show all" : "Worn";
  if (on) scrollTo(0, 0);
}

// ---- the controls --------------------------------------------------------------------------------

function pane() {
  const source = radio("source");
  for (const id of ["phone", "replay", "file"]) $(id).hidden = id !== source;
  if (!run) problem("sensor", null);
  if (source === "phone" && !window.isSecureContext) Motion.refuseInsecure((title, text) => problem("sensor", title, text));
  running(Boolean(run));
}

$("mounting").append(...Object.keys(config.mountings ?? {}).map((name) => new Option(mountingInWords(name), name)));
$("mounting").value = "top-up";
$("placement").append(new Option("anywhere", ""), ...config.placements.map((name) => new Option(name === "pocket" ? "trouser pocket" : name, name)));
$("placement-choice").hidden = !config.placements.length;
$("mounting-choice").hidden = $("align").hidden = !config.mountings;
$("worn-hint").textContent = HOW_TO_WEAR;
$("angular-rate-choice").hidden = !config.needsGyroscope;
if (!config.needsGyroscope) $("plot").setAttribute("aria-label", "The last ten seconds of acceleration");
$("mounting").addEventListener("change", () => { correction = null; $("aligned").textContent = ""; });
$("chosen").accept = config.files?.join(",") ?? ".csv";
$("file-kinds").textContent = config.recognition === "server"
  ? "CSV, or what a phone’s logger exports, a zip too"
  : "CSV with the columns time_s, acc_x_g … gyro_z_rad_s. Other loggers’ files need the page of har live, or har predict.";

/** The recordings that can be replayed, saved sessions among them. */
function offerRecordings(sessions) {
  const chosen = $("recording").value;
  const made = (config.recordings ?? []).map((name) => new Option(name.replaceAll("_", " "), name));
  const saved = sessions.map((name) => new Option(name, SAVED + name));
  $("recording").replaceChildren(...made, ...saved.length ? [element("optgroup", { label: "Recorded here" }, ...saved)] : []);
  if ([...$("recording").options].some(({ value }) => value === chosen)) $("recording").value = chosen;
  $("no-recordings").hidden = Boolean($("recording").options.length);
  $("replay-choice").hidden = !$("recording").options.length;
  if (!run) running(false);
}
listSessions.listed = offerRecordings;
listSessions.replay = (name) => {
  if (run) throw new Error("Press Stop first.");
  document.querySelector('input[name="source"][value="replay"]').checked = true;
  $("recording").value = SAVED + name;
  pane();
  startReplay();
};

$("hop").value = String(config.hop);
$("local-choice").hidden = config.recognition === "browser";
remember(REMEMBERED);
if ($("local-choice").hidden) $("local").checked = false;
offerLabels(config.activities);
function privacy() {
  $("privacy").textContent = config.recognition === "browser" || $("local").checked
    ? "Everything happens in this browser: nothing that is measured leaves it."
    : `What is measured goes to the server at ${location.host} and no further; it keeps nothing but sessions that you record and profiles that you have it keep.`;
}
privacy();

// A phone has no use for the code, but for the steps: they are for the one that it is.
if (config.address) {
  const touch = matchMedia("(pointer: coarse)").matches;
  $("for-phones").hidden = false;
  $("code").hidden = touch;
  if (!touch) $("code").src = "address.svg";
  Object.assign($("address"), { href: config.address, textContent: config.address });
  for (const step of document.querySelectorAll("#on-iphone a")) step.parentElement.hidden = !config.certificate;
  $("on-iphone").open = touch && onApple;
}

const likelyPhone = matchMedia("(pointer: coarse)").matches || !config.recordings?.length;
document.querySelector(`input[name="source"][value="${likelyPhone ? "phone" : "replay"}"]`).checked = true;
$("lesson").append(...config.activities.map((activity) => element("label", {},
  element("input", { type: "checkbox", value: activity, checked: TAUGHT_FIRST.includes(activity) }), element("span", { textContent: readable(activity) }))));
offerRecordings([]);
pane();
loadProfile();
listProfiles();
listSessions();

// Without a server: fetch the model before it is needed, and keep the page for when there is no network.
if (config.recognition === "browser") {
  const idle = window.requestIdleCallback ?? ((act) => setTimeout(act, 200));
  idle(async () => {
    const { load } = await import("./local.js");
    $("fetching").hidden = false;
    // If it fails, Start tries again and says what is wrong.
    await load((share) => { $("fetching").value = share; }).catch(() => {});
    $("fetching").hidden = true;
  });
  navigator.serviceWorker?.register("service-worker.js").catch(() => {}); // without it, it needs the network
}

$("start").addEventListener("click", () => {
  if (run) stop();
  else ({ phone: startPhone, replay: startReplay, file: startFile })[radio("source")]();
});
for (const input of document.querySelectorAll('input[name="source"]')) input.addEventListener("change", pane);
$("speed").addEventListener("change", () => { if (run?.source instanceof Replay) run.source.speed = Number($("speed").value); });
$("align").addEventListener("click", align);
$("teach").addEventListener("click", teach);
$("timeline").addEventListener("click", (event) => askForRight(timeline.stretchAt(event.offsetX)));
$("correct").addEventListener("submit", (event) => { event.preventDefault(); correctStretch(); });
$("correct").addEventListener("reset", () => askForRight(null));
$("wear").addEventListener("click", () => wear(!document.body.classList.contains("worn")));
$("aloud").addEventListener("change", () => { if ($("aloud").checked) say("Changes are said aloud"); });
$("local").addEventListener("change", privacy);
$("record").addEventListener("click", () => (isRecording() ? end(run) : record(run)));
$("labels").addEventListener("change", () => label(run));
$("chosen").addEventListener("change", () => choose($("chosen").files[0]));
addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  choose(event.dataTransfer.files[0]);
});
// A source that has fallen silent must not look like a dead client to the server.
setInterval(() => { if (run?.open && !run.stopping) run.backend.push([], [], []); }, 15_000);
addEventListener("beforeunload", (event) => { if (isUnsaved()) event.preventDefault(); });
