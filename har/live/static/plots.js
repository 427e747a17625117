// The moving signals and the timeline, on canvases.

function prepare(canvas) {
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const style = getComputedStyle(document.documentElement);
  return { context, width, height, colour: (name) => style.getPropertyValue(`--${name}`).trim() };
}

export const clock = (seconds) => {
  const whole = Math.max(Math.round(seconds), 0);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

const SHOWN = 10; // seconds

/** The last seconds of signals, those of the gyroscope if there is one. */
export class SignalPlot {
  constructor(canvas, gyroscope) {
    this.canvas = canvas;
    this.panels = [["acceleration, g", 0, 1.5], ["angular rate, rad/s", 3, 2]].slice(0, gyroscope ? 2 : 1);
    this.clear();
  }

  clear() { this.times = []; this.rows = []; }

  add(time, acceleration, angularRate) {
    if (this.times.length && time < this.times.at(-1)) this.clear();
    this.times.push(time);
    this.rows.push([...acceleration, ...(angularRate ?? [])]);
    if (this.times.length > 4000) {
      const from = this.times.findIndex((each) => each > time - SHOWN - 1);
      this.times.splice(0, from);
      this.rows.splice(0, from);
    }
  }

  draw() {
    const { context, width, height, colour } = prepare(this.canvas);
    const left = 34, gap = 26, part = (height - 6 - gap * (this.panels.length - 1)) / this.panels.length;
    const end = this.times.at(-1) ?? 0;
    const first = Math.max(this.times.findIndex((time) => time > end - SHOWN), 0);
    this.panels.forEach(([title, column, atLeast], index) => {
      const top = index * (part + gap) + 16, bottom = top + part - 16;
      let range = atLeast;
      for (let row = first; row < this.rows.length; row++) {
        for (let axis = 0; axis < 3; axis++) range = Math.max(range, Math.abs(this.rows[row][column + axis]));
      }
      const middle = (top + bottom) / 2, unit = (bottom - top) / 2 / range;
      context.fillStyle = colour("quiet");
      context.textAlign = "left";
      context.fillText(title, left, top - 5);
      context.textAlign = "right";
      context.strokeStyle = colour("line");
      context.lineWidth = 1;
      const step = range > 8 ? 8 : range > 4 ? 4 : range > 2 ? 2 : 1;
      for (let value = -step; value <= step; value += step) {
        const y = Math.round(middle - value * unit) + 0.5;
        context.beginPath(); context.moveTo(left, y); context.lineTo(width, y); context.stroke();
        context.fillText(value > 0 ? `+${value}` : String(value).replace("-", "−"), left - 6, y + 4);
      }
      ["x", "y", "z"].forEach((axis, offset) => {
        context.strokeStyle = colour(axis);
        context.lineWidth = 1.6;
        context.beginPath();
        let previous = null;
        for (let row = first; row < this.rows.length; row++) {
          const x = left + (this.times[row] - end + SHOWN) / SHOWN * (width - left);
          const y = middle - this.rows[row][column + offset] * unit;
          if (previous === null || this.times[row] - previous > 0.5) context.moveTo(x, y);
          else context.lineTo(x, y);
          previous = this.times[row];
        }
        context.stroke();
      });
    });
  }
}

/** Stretches of one activity each: {from, to, activity}. */
export class Stretches {
  constructor() { this.all = []; }

  add(from, to, activity) {
    const last = this.all.at(-1);
    if (last && last.activity === activity && from - last.to < 1e-3 + 2 * (to - from)) last.to = Math.max(last.to, to);
    else this.all.push({ from: last ? Math.max(from, Math.min(last.to, to)) : from, to, activity });
  }
}

/** Activities over the whole session, a lane each. */
export class Timeline {
  constructor(canvas, activities, readable, colours) {
    Object.assign(this, { canvas, activities, readable, colours });
    this.clear();
  }

  clear() {
    this.predicted = new Stretches();
    this.actual = new Stretches();
    this.start = null;
    this.end = null;
  }

  draw() {
    const { context, width, height, colour } = prepare(this.canvas);
    const left = width < 520 ? 96 : 132, right = 8, foot = 22;
    const lane = (height - foot) / this.activities.length;
    const start = this.start ?? 0, span = Math.max((this.end ?? start) - start, 30);
    const at = (time) => left + (time - start) / span * (width - left - right);
    context.textBaseline = "middle";
    this.activities.forEach((activity, index) => {
      const y = index * lane;
      context.strokeStyle = colour("line");
      context.lineWidth = 1;
      context.beginPath(); context.moveTo(left, Math.round(y + lane) - 0.5); context.lineTo(width, Math.round(y + lane) - 0.5); context.stroke();
      context.fillStyle = colour("ink");
      context.textAlign = "left";
      context.fillText(this.readable(activity), 0, y + lane / 2);
    });
    const draw = (stretches, alpha, inset) => {
      context.globalAlpha = alpha;
      for (const { from, to, activity } of stretches.all) {
        const index = this.activities.indexOf(activity);
        if (index < 0) continue;
        context.fillStyle = this.colours[activity] ?? colour("ink");
        context.fillRect(at(from), index * lane + inset, Math.max(at(to) - at(from), 1.5), lane - 2 * inset);
      }
      context.globalAlpha = 1;
    };
    draw(this.actual, 0.32, 1);
    draw(this.predicted, 1, lane * 0.3);
    const step = [5, 10, 30, 60, 120, 300, 600, 1800, 3600].find((each) => span / each <= (width < 520 ? 5 : 10)) ?? 7200;
    context.fillStyle = colour("quiet");
    context.textAlign = "center";
    for (let time = 0; time <= span + 1e-6; time += step) {
      const x = at(start + time);
      if (x < width - 12) context.fillText(clock(time), Math.max(x, left + 10), height - foot / 2 + 2);
    }
    context.textBaseline = "alphabetic";
  }
}
