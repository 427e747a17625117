// The moving signals, on a canvas.

/** A canvas in the device's pixels, cleared, with the page's font and colours. */
export function prepare(canvas) {
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const size = 0.75 * parseFloat(getComputedStyle(document.documentElement).fontSize);
  context.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  return { context, width, height, size, colour: themeColour };
}

/** One of the page's colours, by its name in the style sheet. */
export function themeColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

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
    const { context, width, height, size, colour } = prepare(this.canvas);
    const left = 2.8 * size, gap = 2.1 * size, part = (height - 6 - gap * (this.panels.length - 1)) / this.panels.length;
    const end = this.times.at(-1) ?? 0;
    const first = Math.max(this.times.findIndex((time) => time > end - SHOWN), 0);
    this.panels.forEach(([title, column, atLeast], index) => {
      const top = index * (part + gap) + 1.4 * size, bottom = top + part - 1.4 * size;
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
