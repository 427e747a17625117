// Activities over time: kept as stretches, drawn in lanes, zoomed.

import { clock, colourOf, short, UNKNOWN } from "./config.js";
import { prepare, themeColour } from "./plots.js";

/** Stretches of one activity each: {from, to, activity}. */
export class Stretches {
  constructor() { this.all = []; }

  add(from, to, activity) {
    const last = this.all.at(-1);
    if (last && last.activity === activity && from - last.to < 1e-3 + 2 * (to - from)) last.to = Math.max(last.to, to);
    else this.all.push({ from: last ? Math.max(from, Math.min(last.to, to)) : from, to, activity });
  }

  /** Put one in its place, over whatever else was said of that time. */
  insert(from, to, activity) {
    const cut = this.all.flatMap((each) => [
      { ...each, to: Math.min(each.to, from) }, { ...each, from: Math.max(each.from, to) },
    ]).filter((each) => each.to > each.from);
    this.all = [...cut, { from, to, activity }].sort((a, b) => a.from - b.from);
  }
}

const LEAST = 30; // seconds that it shows, at least
const STEPS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400]; // seconds between two times below it

/** What was predicted, what is true, and what was not measured, of the whole session. */
export class Timeline {
  constructor(canvas, lanes) {
    this.canvas = canvas;
    this.lanes = lanes;
    this.clear();
  }

  set lanes(lanes) {
    this.activities = [...lanes, UNKNOWN];
    this.canvas.style.height = `${1.35 * this.activities.length + 1.7}rem`;
  }

  clear() {
    this.predicted = new Stretches();
    this.actual = new Stretches();
    this.gaps = []; // {from, to, why}
    this.start = null;
    this.end = null;
    this.selected = null; // {from, to} that is marked
    this.span = null; // seconds shown; null for all
    this.last = null; // time at the right edge; null for the newest
  }

  /** Seconds there are, whatever is shown of them. */
  get length() { return Math.max((this.end ?? 0) - (this.start ?? 0), LEAST); }

  get zoomed() { return this.span !== null; }

  /** First and last time that are shown. */
  get view() {
    const first = this.start ?? 0, end = first + this.length;
    if (!this.zoomed) return [first, end];
    const last = Math.min(Math.max(this.last ?? end, first + this.span), end);
    return [last - this.span, last];
  }

  /** Show more (factor above 1) or less of it, around the middle; the newest stays where it is shown. */
  zoom(factor) {
    const [from, to] = this.view;
    const span = Math.max((to - from) * factor, LEAST / 3);
    if (span >= this.length) return this.showAll();
    if (this.last !== null || to < this.start + this.length - 1e-6) this.last = (from + to) / 2 + span / 2;
    this.span = span;
  }

  showAll() { this.span = this.last = null; }

  /** Share of the way through what is not shown: 0 at the beginning, 1 at the newest. */
  get position() {
    const hidden = this.length - this.span;
    return this.zoomed && hidden > 0 ? (this.view[0] - this.start) / hidden : 1;
  }

  set position(share) {
    this.last = share >= 1 ? null : this.start + this.span + share * (this.length - this.span);
  }

  /** The stretch of prediction at a place of the canvas, pixels from its left. */
  stretchAt(x) {
    const [from, to] = this.view, { left, right } = this.frame;
    const time = from + (x - left) / (right - left) * (to - from);
    return this.predicted.all.find((each) => each.from <= time && time <= each.to) ?? null;
  }

  draw() {
    const { context, width, height, size } = prepare(this.canvas);
    this.frame = paint(context, this, { width, height, size, view: this.view });
  }
}

/** Draw a timeline into a context; returns the pixels between which time runs. */
export function paint(context, timeline, { width, height, size, view: [start, stop] }) {
  const { activities } = timeline;
  const quiet = themeColour("quiet"), ink = themeColour("ink"), line = themeColour("line");
  const names = activities.map((activity) => fitted(context, short(activity), 0.42 * width));
  const left = Math.max(...names.map((name) => context.measureText(name).width)) + 0.8 * size, right = width - 2;
  const foot = 1.9 * size, lane = (height - foot) / activities.length, inset = 0.22 * lane;
  const colours = new Map(activities.map((activity) => [activity, colourOf(activity)]));
  const at = (time) => left + (time - start) / (stop - start) * (right - left);
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.lineWidth = 1;
  activities.forEach((_, index) => {
    const y = Math.round((index + 1) * lane) - 0.5;
    context.strokeStyle = line;
    context.beginPath(); context.moveTo(left, y); context.lineTo(width, y); context.stroke();
    context.fillStyle = ink;
    context.fillText(names[index], 0, (index + 0.5) * lane);
  });

  context.save();
  context.beginPath(); context.rect(left, 0, right - left, height - foot); context.clip();
  if (timeline.selected) {
    const { from, to } = timeline.selected;
    context.fillStyle = themeColour("track");
    context.fillRect(at(from), 0, Math.max(at(to) - at(from), 2), height - foot);
  }
  for (const { from, to } of timeline.gaps) hatch(context, at(from), 0, Math.max(at(to) - at(from), 2), height - foot, quiet);
  const boxes = function* (stretches) {
    for (const { from, to, activity } of stretches.all) {
      const index = activities.indexOf(activity);
      if (index >= 0 && to >= start && from <= stop) yield [activity, at(from), index * lane, Math.max(at(to) - at(from), 1.5)];
    }
  };
  for (const [activity, x, y, wide] of boxes(timeline.predicted)) {
    context.fillStyle = colours.get(activity);
    context.fillRect(x, y + inset, wide, lane - 2 * inset);
  }
  context.strokeStyle = ink;
  context.lineWidth = 1.5;
  for (const [, x, y, wide] of boxes(timeline.actual)) context.strokeRect(x, y + 1.5, wide, lane - 3);
  context.restore();

  context.fillStyle = quiet;
  const widest = context.measureText(clock(stop - timeline.start)).width + 1.2 * size;
  const step = STEPS.find((each) => each / (stop - start) * (right - left) >= widest) ?? STEPS.at(-1);
  const first = timeline.start ?? 0;
  let free = left - widest; // right edge of the last time written
  const ticks = [];
  for (let n = Math.max(Math.ceil((start - first) / step - 1e-6), 0); first + n * step <= stop + 1e-6; n++) {
    const text = clock(n * step), wide = context.measureText(text).width;
    const x = Math.min(Math.max(at(first + n * step) - wide / 2, left), right - wide);
    if (x < free + 0.5 * size) continue;
    context.fillText(text, x, height - foot / 2 + 2);
    free = x + wide;
    ticks.push([x, free]);
  }
  context.textBaseline = "alphabetic";
  return { left, right, ticks };
}

/** A text, cut where it is wider than that. */
function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > width) length--;
  return `${text.slice(0, length)}…`;
}

function hatch(context, x, y, width, height, colour) {
  context.save();
  context.beginPath(); context.rect(x, y, width, height); context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (let from = x - height; from < x + width; from += 8) { context.moveTo(from, y + height); context.lineTo(from + height, y); }
  context.stroke();
  context.restore();
}
