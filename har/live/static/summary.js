// What a session came to: time per activity, changes, what was not known; as a table, CSV and picture.

import { clock, colourOf, readable, UNKNOWN } from "./config.js";
import { $, download, element, stamp } from "./dom.js";
import { themeColour } from "./plots.js";
import { paint } from "./timeline.js";

/**
 * Sums over a timeline: {measured, activities, unknown, notMeasured, changes}, times in seconds;
 * activities: [{activity, seconds, share}], the longest first, shares of what was measured.
 */
export function summarize(timeline) {
  const seconds = new Map();
  let changes = 0, before = null;
  for (const { from, to, activity } of timeline.predicted.all) {
    seconds.set(activity, (seconds.get(activity) ?? 0) + to - from);
    if (activity === UNKNOWN) continue;
    if (before !== null && activity !== before) changes++;
    before = activity;
  }
  const measured = [...seconds.values()].reduce((sum, each) => sum + each, 0);
  const unknown = seconds.get(UNKNOWN) ?? 0;
  seconds.delete(UNKNOWN);
  const activities = [...seconds].map(([activity, each]) => ({ activity, seconds: each, share: each / measured }))
    .sort((a, b) => b.seconds - a.seconds);
  const notMeasured = timeline.gaps.reduce((sum, { from, to }) => sum + to - from, 0);
  return { measured, activities, unknown, notMeasured, changes };
}

/** All stretches and gaps in their order: [{from, to, what, stretch (none of a gap)}], in seconds since the beginning. */
export function stretches(timeline) {
  return [
    ...timeline.predicted.all.map((stretch) => ({ ...stretch, what: readable(stretch.activity), stretch })),
    ...timeline.gaps.map(({ from, to, why }) => ({ from, to, what: `Not measured: ${why}` })),
  ].sort((a, b) => a.from - b.from)
    .map(({ from, to, what, stretch }) => ({ from: from - timeline.start, to: to - timeline.start, what, stretch }));
}

const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function asCsv(timeline) {
  const lines = stretches(timeline).map(({ from, to, what }) =>
    [from.toFixed(2), to.toFixed(2), (to - from).toFixed(2), quoted(what)].join(","));
  return `from_s,to_s,duration_s,activity\n${lines.join("\n")}\n`;
}

const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

/** The lines below the activities: [what, value]. */
function facts({ measured, unknown, notMeasured, changes }, { steps, walked }) {
  return [
    ...Object.entries(steps).map(([activity, count]) => [
      `Steps, ${readable(activity).toLowerCase()}`,
      `${Math.round(count).toLocaleString("en")}, ${Math.round(60 * count / walked[activity])} a minute`,
    ]),
    ["Not known", `${clock(unknown)} (${percent(measured ? unknown / measured : 0)})`],
    ["Changes of activity", String(changes)],
    ["Recognised", clock(measured)],
    ...(notMeasured ? [["Not measured", clock(notMeasured)]] : []),
  ];
}

const WIDE = 1200, TALL_LANE = 34, LINE = 40, EDGE = 40; // pixels of the picture

function asPicture(timeline, title, counted) {
  const made = summarize(timeline), lines = facts(made, counted);
  const lanes = TALL_LANE * timeline.activities.length + 60;
  const rows = made.activities.length + lines.length;
  const canvas = element("canvas", { width: WIDE, height: 3 * EDGE + 50 + lanes + LINE * rows });
  const context = canvas.getContext("2d"), family = getComputedStyle(document.body).fontFamily;
  const font = (size, weight = 400) => { context.font = `${weight} ${size}px ${family}`; };
  context.fillStyle = themeColour("card");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = themeColour("ink");
  font(30, 650);
  context.fillText(title, EDGE, EDGE + 28);
  context.translate(EDGE, EDGE + 60);
  font(20);
  const [start, stop] = [timeline.start, timeline.start + timeline.length];
  paint(context, timeline, { width: WIDE - 2 * EDGE, height: lanes, size: 20, view: [start, stop] });
  context.translate(0, lanes + EDGE);
  const column = (x, text, align = "left") => { context.textAlign = align; context.fillText(text, x, 0); };
  for (const { activity, seconds, share } of made.activities) {
    context.fillStyle = colourOf(activity);
    context.fillRect(420, -18, Math.max(share * 560, 2), 22);
    context.fillStyle = themeColour("ink");
    font(22);
    column(0, readable(activity));
    column(390, clock(seconds), "right");
    column(WIDE - 2 * EDGE, percent(share), "right");
    context.translate(0, LINE);
  }
  for (const [what, value] of lines) {
    context.fillStyle = themeColour("quiet");
    column(0, what);
    column(390, value, "right");
    context.translate(0, LINE);
  }
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** Show it, named after where it came from, with counted steps (steps.js); returns a sentence. */
export function showSummary(timeline, title, counted) {
  const made = summarize(timeline);
  $("summary").hidden = false;
  $("summary-rows").replaceChildren(...made.activities.map(({ activity, seconds, share }) => {
    const fill = element("div", { className: "fill" });
    fill.style.setProperty("--colour", colourOf(activity));
    fill.style.transform = `scaleX(${share})`;
    return element("tr", {}, element("th", { scope: "row", textContent: readable(activity) }),
      element("td", { textContent: clock(seconds) }), element("td", { textContent: percent(share) }),
      element("td", { className: "share" }, element("div", { className: "track" }, fill)));
  }));
  $("summary-facts").replaceChildren(...facts(made, counted).map(([what, value]) =>
    element("div", {}, element("dt", { textContent: what }), element("dd", { textContent: value }))));
  $("summary-csv").onclick = () => download(asCsv(timeline), `activities-${stamp()}.csv`, "text/csv");
  $("summary-picture").onclick = async () => download(await asPicture(timeline, title, counted), `activities-${stamp()}.png`);
  const [most] = made.activities;
  return most
    ? `Mostly ${readable(most.activity).toLowerCase()}: ${clock(most.seconds)} of ${clock(made.measured)}.`
    : "Nothing was recognised.";
}
