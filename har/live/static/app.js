// The page: where signals come from, what recognises them, and what is shown.

import { Motion } from "./motion.js";
import { SignalPlot, Timeline, clock } from "./plots.js";
import { converter, formatRecording, parseRecording, product, rotationUpright } from "./recording.js";
import { Replay } from "./replay.js";

const $ = (id) => document.getElementById(id);
const radio = (name) => document.querySelector(`input[name="${name}"]:checked`)?.value;

const WORDS = {
  WALKING: "Walking", WALKING_UPSTAIRS: "Walking upstairs", WALKING_DOWNSTAIRS: "Walking downstairs",
  SITTING: "Sitting", STANDING: "Standing", LAYING: "Lying", RUNNING: "Running", STILL: "Still",
};
const SHORT = { WALKING_UPSTAIRS: "Upstairs", WALKING_DOWNSTAIRS: "Downstairs" };
const readable = (activity) => WORDS[activity] ?? activity.replaceAll("_", " ").toLowerCase();
const short = (activity) => SHORT[activity] ?? readable(activity);

const EDGES = { "right-edge-up": "Right edge up", "left-edge-up": "Left edge up", "top-up": "Upright", "top-down": "Upside down" };
const BATCH = 100; // milliseconds of a phone's samples sent together
const IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0, 1];
const IN_G = { accelerationUnit: "g", angularRateUnit: "rad/s", rotation: IDENTITY };
const MOST_ARRIVALS = 3000; // samples whose arrival is remembered until they are recognised
const HUSH = 1500; // milliseconds an activity lasts before it is spoken

const config = await (await fetch("config.json")).json();
const { answer: STILL, postures } = config.still; // an answer where postures are not told apart
const answers = config.activities.flatMap((activity) => // among the postures' lanes, if there are several
  postures.length > 1 && activity === postures.at(-1) ? [activity, STILL] : [activity]);
const isRight = (answer, truth) => answer === truth || (answer === STILL && postures.includes(truth));
const anyOf = (activities) => {
  const names = activities.map((activity) => readable(activity).toLowerCase());
  return new Intl.ListFormat("en-GB", { type: "disjunction" }).format(names);
};
const [HOW_TO_WEAR, IS_IT_WORN] = config.mountings
  ? ["On the belt or in a tight front pocket, screen on while you measure. The model was trained on phones at the waist, right edge up.",
    "Is the phone at the waist, worn as chosen?"]
  : ["Wear it as you like, screen on while you measure.", "Is the phone worn on the body?"]
    .map((text) => text + (config.trainedOn && ` The model was trained on phones worn here: ${config.trainedOn}.`));
const plot = new SignalPlot($("plot"), config.needsGyroscope);
const timeline = new Timeline($("timeline"), answers, short, config.colours);
const problems = new Map(); // by what they are about: [title, what to do]
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let run = null; // what is going on between Start and Stop
let correction = null; // rotation after that of the mounting, found by aligning
let file = null; // the chosen recording
let recorded = []; // rows of the session being recorded, or of the last one
let session = null; // {rows, state} of that session

// ---- what is wrong -------------------------------------------------------------------------------

function problem(about, title, text = "") {
  const old = problems.get(about);
  if (title ? old?.[0] === title && old[1] === text : !old) return;
  if (title) problems.set(about, [title, text]);
  else problems.delete(about);
  $("problems").replaceChildren(...[...problems].map(([name, [what, todo]]) => {
    const box = document.createElement("p");
    box.className = "problem";
    box.dataset.about = name;
    box.append(Object.assign(document.createElement("strong"), { textContent: what }),
      Object.assign(document.createElement("span"), { textContent: todo }));
    return box;
  }));
}

function connection(state, text) {
  $("connection").dataset.state = state;
  $("connection-text").textContent = text;
}

// ---- what is shown -------------------------------------------------------------------------------

const bars = new Map(config.activities.map((activity) => {
  const row = document.createElement("li");
  const track = Object.assign(document.createElement("div"), { className: "track" });
  const fill = Object.assign(document.createElement("div"), { className: "fill" });
  const value = Object.assign(document.createElement("span"), { className: "value", textContent: "–" });
  fill.style.setProperty("--colour", config.colours[activity]);
  track.append(fill);
  row.append(Object.assign(document.createElement("span"), { textContent: short(activity) }), track, value);
  $("bars").append(row);
  return [activity, { row, fill, value }];
}));

let spoken = "", speaking = null;
function speak(text) {
  if (text === spoken) return clearTimeout(speaking);
  if (speak.next === text && speaking) return;
  clearTimeout(speaking);
  speak.next = text;
  speaking = setTimeout(() => { speaking = null; spoken = text; $("spoken").textContent = text; }, HUSH);
}

function show(state, name, note, activity = null) {
  $("activity").dataset.state = state;
  $("activity-name").textContent = name;
  $("activity-note").textContent = note;
  $("figure").setAttribute("href", `#${activity && document.getElementById(activity) ? activity : "NONE"}`);
  const colour = activity ? config.colours[activity] : "";
  $("activity").style.setProperty("--colour", colour || "var(--quiet)");
  $("activity").style.setProperty("--figure", isLight(colour) ? "#16191d" : "#fff");
}

function isLight(colour) {
  if (!colour) return false;
  const [r, g, b] = [1, 3, 5].map((at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.26;
}

function predicted(made) {
  if (!run || made.time <= run.shown) return; // sent again after a reconnection
  const length = run.settings.hop / 50;
  const gap = made.time - run.shown;
  run.shown = made.time;
  run.count++;
  const shown = made.known ? made.activity : "unknown";
  const percent = Math.round(made.probability * 100);
  const which = made.activity === STILL ? `: ${anyOf(postures)}` : "";
  if (made.known) show("known", readable(made.activity), `${percent} % sure${which}`, made.activity);
  else if (made.novelty > 1) show("unknown", "I don’t know", `Unlike anything I was trained on. ${IS_IT_WORN}`);
  else show("unknown", "I don’t know", `Perhaps ${readable(made.activity).toLowerCase()}, ${percent} % sure.`);
  speak(made.known ? readable(made.activity) : "I don’t know");
  made.probabilities.forEach((probability, index) => {
    const { row, fill, value } = bars.get(config.activities[index]);
    row.classList.toggle("best", isRight(made.activity, config.activities[index]));
    fill.style.transform = `scaleX(${probability})`;
    value.textContent = `${Math.round(probability * 100)} %`;
  });
  timeline.predicted.add(made.time - (gap < 3 * length ? Math.min(gap, length) : length), made.time, shown);
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
    $("truth").textContent = truth ? `Truly ${readable(truth).toLowerCase()}` : "Truly between two activities";
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
  const rejected = Object.entries(report.rejected);
  $("samples").textContent = report.samples.toLocaleString("en");
  const all = rejected.reduce((sum, [, count]) => sum + count, 0);
  $("rejected").textContent = all ? `${all.toLocaleString("en")} (${rejected.map(([reason]) => reason).join("; ")})` : "none";
  if (report.problem) {
    problem("readings", `These signals cannot be right: ${report.problem}`, "Units can be changed under Settings; stop first.");
    show("unknown", "I don’t know", "The signals cannot be right: see above.");
    speak("I don’t know");
  } else problem("readings", null);
}

function fillBouts() {
  $("bout-rows").replaceChildren(...timeline.predicted.all.map(({ from, to, activity }) => {
    const row = document.createElement("tr");
    for (const text of [clock(from - timeline.start), clock(to - timeline.start), activity === "unknown" ? "I don’t know" : readable(activity)]) {
      row.append(Object.assign(document.createElement("td"), { textContent: text }));
    }
    return row;
  }));
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
  if (run?.live) {
    const recent = plot.times.filter((time) => time > plot.times.at(-1) - 2);
    if (recent.length > 2) $("rate").textContent = `${Math.round((recent.length - 1) / (recent.at(-1) - recent[0]))} Hz`;
  }
  if ($("bouts").open && now - (draw.tabled ?? 0) > 1000) { draw.tabled = now; fillBouts(); }
}
const redraw = () => { draw.dirty = true; };
new ResizeObserver(redraw).observe(document.body);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
redraw();
requestAnimationFrame(draw);

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
    problem("connection", state === "lost" ? "The server does not answer." : state === "failed" ? "Recognition has ended." : null, message);
    if (state === "failed" || (state === "lost" && !run.live && run.count)) stop();
    else if (run.source instanceof Replay) run.source[state === "open" ? "start" : "stop"]();
  };
  backend.onkept = kept;
  backend.onerror = (reason) => {
    problem("session", "Recording", reason);
    if (session?.state !== "saving") return;
    session.state = "failed";
    told();
  };
  return backend;
}

/** Begin: settings, and what starts and stops the source. */
async function begin(settings, live) {
  clear();
  run = {
    settings: { ...settings, hop: Number($("hop").value), smoothing: $("smoothing").checked, maxSamples: config.maxSamples },
    live, convert: converter(settings), shown: -Infinity, count: 0, right: 0, scored: 0, open: false,
    arrivals: [], latencies: [], hasTruth: false, truthAt: () => "",
  };
  const mine = run;
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
  timeline.end = times.at(-1);
  const arrived = performance.now();
  times.forEach((time, index) => {
    const converted = [run.convert.acceleration(acceleration[index]), angularRate && run.convert.angularRate(angularRate[index])];
    plot.add(time, ...converted);
    if (session?.state === "recording") recorded.push([time, ...converted, run.label ?? ""]);
  });
  if (run.live && !run.timesItself) times.forEach((time) => addArrival(time, arrived));
  return run.backend.push(times, acceleration, angularRate);
}

function clear() {
  plot.clear();
  timeline.clear();
  for (const about of ["connection", "readings", "sensor", "session", "file"]) problem(about, null);
  for (const { row, fill, value } of bars.values()) {
    row.classList.remove("best");
    fill.style.transform = "scaleX(0)";
    value.textContent = "–";
  }
  for (const id of ["latency", "samples", "rate", "rejected"]) $(id).textContent = "–";
  $("accuracy").textContent = "";
  $("truth").hidden = $("legend").hidden = true;
  $("bout-rows").replaceChildren();
}

function running(on) {
  $("start").textContent = on ? "Stop" : radio("source") === "file" ? "Recognise the file" : "Start";
  $("start").dataset.running = on;
  for (const element of document.querySelectorAll("#source select, #source input, #align")) {
    if (element.id !== "speed") element.disabled = on;
  }
  $("record").disabled = !run?.backend || radio("source") === "file";
  if (!on) $("start").disabled = radio("source") === "file" && !file || radio("source") === "replay" && !config.recordings?.length;
}

async function stop() {
  const ending = run;
  if (!ending || ending.stopping) return;
  ending.stopping = true;
  ending.source?.stop();
  ending.flush?.();
  if (session?.state === "recording") save();
  await ending.backend?.stop();
  if (run !== ending) return;
  // Answers to the last samples came until now.
  if (session?.state === "saving") {
    session.state = "unsaved";
    told();
  }
  run = null;
  redraw();
  if ($("bouts").open) fillBouts();
  if ($("connection").dataset.state !== "failed") connection("idle", "stopped");
  if (ending.count) $("activity-note").textContent = "Stopped; this came last.";
  else show("idle", "Stopped", "Too little came to recognise anything.");
  if ($("connection").dataset.state !== "failed") problem("connection", null);
  running(false);
}

// ---- this phone ----------------------------------------------------------------------------------

const rotation = () => {
  if (!config.mountings) return IDENTITY;
  const mounting = config.mountings[$("mounting").value];
  return correction ? product(correction, mounting) : mounting;
};

function motion(onsample) {
  return new Motion(onsample, (title, text) => problem("sensor", title, text), config.needsGyroscope);
}

async function startPhone() {
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
  if (!await source.start()) return; // before anything else: iOS asks only right after a tap
  const mine = await begin({
    accelerationUnit: $("acceleration-unit").value, angularRateUnit: $("angular-rate-unit").value, rotation: rotation(),
  }, true);
  if (!mine) return source.stop();
  Object.assign(mine, { source, flush, timesItself: true });
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
  if (samples.length < 30) {
    $("aligned").textContent = problems.has("sensor") ? "" : "Too few samples came. Try again.";
    return;
  }
  const mean = [0, 1, 2].map((axis) => samples.reduce((sum, each) => sum + each[axis], 0) / samples.length);
  const spread = Math.sqrt(samples.reduce((sum, each) => sum + Math.hypot(...each.map((value, axis) => value - mean[axis])) ** 2, 0) / samples.length);
  if (spread > 0.08 * Math.hypot(...mean)) {
    $("aligned").textContent = "You moved. Try again, standing still.";
    return;
  }
  const mounting = config.mountings[$("mounting").value];
  const up = [0, 3, 6].map((row) => mounting[row] * mean[0] + mounting[row + 1] * mean[1] + mounting[row + 2] * mean[2]);
  const angle = Math.round(Math.acos(Math.min(Math.max(up[0] / Math.hypot(...up), -1), 1)) * 180 / Math.PI);
  correction = rotationUpright(up);
  $("aligned").textContent = angle > 60
    ? `Aligned, but the phone is tilted by ${angle}° from the chosen mounting. Is that choice right?`
    : `Aligned: the phone is tilted by ${angle}°, which is now corrected.`;
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

async function startReplay() {
  let recording;
  try {
    const answer = await fetch(`recordings/${encodeURIComponent($("recording").value)}.csv`);
    if (!answer.ok) throw new Error(`The server answers ${answer.status}.`);
    recording = parseRecording(await answer.text(), config.needsGyroscope);
  } catch (error) {
    problem("file", "This recording cannot be read.", error.message);
    return;
  }
  const mine = await begin(IN_G, true);
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
  const mine = await begin(recording.alongPhone ? { ...IN_G, rotation: rotation() } : IN_G, false);
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
  if (interrupted) problem("file", "The file was not recognised to its end.", "It was stopped, or the server went away. Start it again.");
  else if (mine.count) {
    $("truth").hidden = true;
    show("idle", "Done", `${mine.count} answers over ${clock(recording.times.at(-1) - recording.times[0])}; the timeline has them.`, "DONE");
    speak("The file is recognised");
  }
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
  } else if (config.recognition !== "server") throw new Error("Its name should end in .csv.");
  const answer = await fetch(`read?name=${encodeURIComponent(chosen.name)}`, { method: "POST", body: chosen });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof said.detail === "string" ? said.detail : `The server answers ${answer.status}.`);
  return { ...parseRecording(said.recording, config.needsGyroscope), notes: said.notes, alongPhone: true };
}

async function choose(chosen) {
  if (run || !chosen) return;
  file = null;
  problem("file", null);
  try {
    if (chosen.size > 200e6) throw new Error("It is larger than 200 MB.");
    file = await readChosen(chosen);
    const seconds = file.times.at(-1) - file.times[0];
    $("file-name").textContent = `${chosen.name}: ${clock(seconds)} min, ${file.times.length.toLocaleString("en")} samples${file.alongPhone && config.mountings ? ", worn as the settings say" : ""}${(file.notes ?? []).map((note) => `; ${note}`).join("")}`;
  } catch (error) {
    $("file-name").textContent = "";
    problem("file", `${chosen.name} cannot be read.`, error.message);
  }
  document.querySelector('input[name="source"][value="file"]').checked = true;
  pane();
}

// ---- recording a session -------------------------------------------------------------------------

function record() {
  recorded = [];
  session = { state: "recording", rows: 0, backend: run.backend, name: "" };
  run.backend.record?.();
  $("record").setAttribute("aria-pressed", "true");
  $("record").textContent = "Recording";
  $("save").disabled = false;
  label();
  told();
}

function label() {
  const activity = radio("label") || null;
  if (!run) return;
  run.flush?.(); // what was measured before was something else
  run.label = activity;
  run.backend?.setLabel?.(activity);
}

function save() {
  if (session?.state !== "recording") return;
  run.flush?.();
  $("record").setAttribute("aria-pressed", "false");
  $("record").textContent = "Record";
  $("save").disabled = true;
  if (session.backend.save) {
    session.state = "saving";
    session.backend.save();
  } else {
    session.state = "browser";
    download();
  }
  told();
}

function kept(message) {
  if (!session) return;
  Object.assign(session, { rows: message.rows, name: message.name });
  if (message.type === "saved") session.state = message.rows ? "saved" : "empty";
  told();
}

function told() {
  const rows = session.rows.toLocaleString("en");
  $("kept").textContent = {
    recording: session.backend.record ? `Recording; ${rows} samples are on the server’s disk.` : "Recording in this browser.",
    saving: `Saving; ${rows} samples are on the disk so far.`,
    saved: `Saved: ${config.sessions}/${session.name}.csv, ${rows} samples.`,
    empty: "Nothing was recorded.",
    unsaved: `The server went away. ${rows} samples are on its disk${session.name ? ` (${session.name}.csv)` : ""}; download the whole from here.`,
    failed: `The server could not save all of it: ${rows} samples are on its disk; download the whole from here.`,
    browser: "Kept as a download of this browser.",
  }[session.state];
  $("download").disabled = !recorded.length && !session.rows;
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([formatRecording(recorded)], { type: "text/csv" }));
  link.download = `${session?.name || `session-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}`}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// ---- the controls --------------------------------------------------------------------------------

function pane() {
  const source = radio("source");
  for (const id of ["phone", "replay", "file"]) $(id).hidden = id !== source;
  running(Boolean(run));
}

for (const name of Object.keys(config.mountings ?? {})) {
  const edge = name.replace("-screen-in", "");
  const facing = name.endsWith("-screen-in") ? "screen to the body" : "screen outward";
  $("mounting").append(new Option(`${EDGES[edge] ?? edge}, ${facing}`, name));
}
$("mounting").value = "top-up";
$("mounting-choice").hidden = $("align").hidden = !config.mountings;
$("worn-hint").textContent = HOW_TO_WEAR;
$("angular-rate-choice").hidden = !config.needsGyroscope;
if (!config.needsGyroscope) $("plot").setAttribute("aria-label", "The last ten seconds of acceleration");
$("mounting").addEventListener("change", () => { correction = null; $("aligned").textContent = ""; });
$("recording").append(...(config.recordings ?? []).map((name) => new Option(name.replaceAll("_", " "), name)));
$("no-recordings").hidden = Boolean(config.recordings?.length);
$("replay-choice").hidden = !config.recordings?.length;
$("hop").value = String(config.hop);
$("local-choice").hidden = !config.localModel || config.recognition === "browser";
for (const activity of [...config.activities, ""]) {
  const choice = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { type: "radio", name: "label", value: activity, checked: !activity });
  const text = Object.assign(document.createElement("span"), { textContent: activity ? readable(activity) : "None of these" });
  if (activity) text.style.setProperty("--colour", config.colours[activity]);
  choice.append(input, text);
  $("labels").append(choice);
}
function privacy() {
  $("privacy").textContent = config.recognition === "browser" || $("local").checked
    ? "Everything happens in this browser: nothing that is measured leaves it."
    : `What is measured goes to the server at ${location.host} and no further; it keeps nothing but sessions that you record.`;
}
privacy();

const likelyPhone = matchMedia("(pointer: coarse)").matches || !config.recordings?.length;
document.querySelector(`input[name="source"][value="${likelyPhone ? "phone" : "replay"}"]`).checked = true;
pane();

$("start").addEventListener("click", () => {
  if (run) stop();
  else ({ phone: startPhone, replay: startReplay, file: startFile })[radio("source")]();
});
for (const input of document.querySelectorAll('input[name="source"]')) input.addEventListener("change", pane);
$("speed").addEventListener("change", () => { if (run?.source instanceof Replay) run.source.speed = Number($("speed").value); });
$("align").addEventListener("click", align);
$("local").addEventListener("change", privacy);
$("record").addEventListener("click", () => (session?.state === "recording" ? save() : record()));
$("save").addEventListener("click", save);
$("download").addEventListener("click", download);
$("labels").addEventListener("change", label);
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
addEventListener("beforeunload", (event) => {
  if (["recording", "saving", "unsaved", "failed"].includes(session?.state)) event.preventDefault();
});
