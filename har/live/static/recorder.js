// Recording a session with labels, and the sessions that are kept.

import { clock, colourOf, config, onColours, readable } from "./config.js";
import { $, download, element, radio, stamp } from "./dom.js";
import { problem } from "./problems.js";
import { formatRecording } from "./recording.js";
import { entries, shelf } from "./shelf.js";

let rows = []; // of the session being recorded, or of the last one
let session = null; // {state, rows, name, backend, began}

export const isRecording = () => session?.state === "recording";
/** Whether something would be lost with the page. */
export const isUnsaved = () => ["recording", "saving", "unsaved", "failed"].includes(session?.state);

/** Keep a row: time, [x, y, z] of acceleration and of angular rate in g and rad/s, activity. */
export const keepRow = (...row) => { if (isRecording()) rows.push(row); };

export function record(run) {
  rows = [];
  session = { state: "recording", rows: 0, backend: run.backend, name: "", began: performance.now() };
  run.backend.record?.();
  label(run);
  tell();
}

/** What is done from now on. */
export function label(run) {
  const activity = radio("label") || null;
  if (!run) return;
  run.flush?.(); // what was measured before was something else
  run.label = activity;
  run.backend?.setLabel?.(activity);
}

/** End the recording; the server says when it is on its disk. */
export function end(run) {
  if (!isRecording()) return;
  run?.flush?.();
  if (session.backend.save) {
    session.state = "saving";
    session.backend.save();
  } else {
    keepHere();
  }
  tell();
}

/** Without a server: in the browser, or as a download where that does not work. */
function keepHere() {
  session.name = `session-${stamp()}`;
  session.state = "download";
  if (!shelf.add) return downloadRows();
  const mine = session;
  shelf.add(session.name, formatRecording(rows)).then(() => {
    mine.state = "browser";
    listSessions();
  }, downloadRows).then(() => { if (session === mine) tell(); });
}

/** The server's word on what it has kept. */
export function kept(message) {
  if (!session) return;
  const { rows: count, name, files, leftOut } = message;
  Object.assign(session, { rows: count, name, files, leftOut });
  if (message.type === "saved") {
    session.state = message.rows ? "saved" : "empty";
    listSessions();
  }
  tell();
}

/** The server could not do what was asked. */
export function failed(reason) {
  problem("session", "The recording is not safe on the server.", `${reason}. What was measured is also in this page: download it below before you close it.`);
  if (session?.state !== "saving") return;
  session.state = "failed";
  tell();
}

/** No more answers will come. */
export function closed() {
  if (session?.state !== "saving") return;
  session.state = "unsaved";
  tell();
}

function tell() {
  const count = session.rows.toLocaleString("en");
  const { files = 1, leftOut = 0 } = session;
  const more = (files > 1 ? ` The phone’s clock was set back, so they are in ${files} files.` : "")
    + (leftOut ? ` Left out: ${leftOut.toLocaleString("en")} that cannot be, in value or time.` : "");
  const recording = isRecording();
  $("record").dataset.recording = recording;
  $("record-text").textContent = recording ? "Save" : "Record";
  $("elapsed").hidden = !recording;
  $("kept").textContent = {
    recording: session.backend.record ? `Recording; ${count} samples are on the server’s disk.${more}` : "Recording in this browser.",
    saving: `Saving; ${count} samples are on the disk so far.`,
    saved: `Saved: ${config.sessions}/${session.name}.csv, ${count} samples.${more}`,
    empty: "Nothing was recorded.",
    unsaved: `The server went away. ${count} samples are on its disk${session.name ? ` (${session.name}.csv)` : ""}; download the whole from here.`,
    failed: `The server could not save all of it: ${count} samples are on its disk; download the whole from here.`,
    browser: `Kept in this browser: ${session.name}.`,
    download: "Kept as a download of this browser.",
  }[session.state];
  $("download").hidden = !rows.length && !session.rows;
  elapsed();
}

function elapsed() {
  if (isRecording()) $("elapsed").textContent = clock((performance.now() - session.began) / 1000);
}
setInterval(elapsed, 500);

function downloadRows() {
  download(formatRecording(rows), `${session?.name || `session-${stamp()}`}.csv`, "text/csv");
}
$("download").addEventListener("click", downloadRows);

// ---- labels --------------------------------------------------------------------------------------

/** Offer these activities as labels. */
export function offerLabels(activities) {
  const chosen = radio("label") ?? "";
  $("labels").replaceChildren(...[...activities, ""].map((activity) => {
    const text = element("span", { textContent: activity ? readable(activity) : "None of these" });
    if (activity) text.style.setProperty("--colour", colourOf(activity));
    return element("label", {}, element("input", { type: "radio", name: "label", value: activity, checked: activity === chosen }), text);
  }));
}
onColours(() => offerLabels(config.activities));

// ---- what is kept --------------------------------------------------------------------------------

/** List the saved sessions. */
export async function listSessions() {
  let sessions;
  try { sessions = await shelf.list(); } catch { return; } // the server is away, which is said elsewhere, or the browser keeps nothing
  $("sessions").hidden = !sessions.length;
  $("session-list").replaceChildren(...entries(sessions, "session", {
    Replay: async (name) => listSessions.replay(name),
    Download: async (name) => download(await shelf.read(name), `${name}.csv`, "text/csv"),
    Rename: async (name) => {
      const to = prompt("Its new name", name)?.trim();
      if (to && to !== name) { await shelf.rename(name, to); await listSessions(); }
    },
    Delete: async (name) => {
      if (confirm(`Delete ${name} for good?`)) { await shelf.remove(name); await listSessions(); }
    },
  }));
  listSessions.listed?.(sessions.map(({ name }) => name));
}
