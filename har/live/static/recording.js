// Recordings as text: the project's own form, in g and rad/s along UCI HAR's axes.

export const COLUMNS = ["time_s", "acc_x_g", "acc_y_g", "acc_z_g",
  "gyro_x_rad_s", "gyro_y_rad_s", "gyro_z_rad_s", "activity"];

const TO_G = { "g": 1, "m/s2": 1 / 9.80665 };
const TO_RAD_S = { "rad/s": 1, "deg/s": Math.PI / 180 };

/**
 * Read a recording: {times, acceleration, angularRate, activity, notes}, activity "" where there is none.
 * Without gyroscope angularRate is not looked at, and null. As on the command line, rows with a cell that is no number
 * are left out, and the notes say so.
 */
export function parseRecording(text, gyroscope = true) {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  while (lines.length && !lines.at(-1).trim()) lines.pop();
  const header = (lines[0] ?? "").split(",").map((name) => name.trim());
  const needed = COLUMNS.slice(0, gyroscope ? 7 : 4);
  const missing = needed.filter((name) => !header.includes(name));
  if (missing.length) {
    const error = new Error(`It has no column ${missing.join(", ")}. Its first line should be: ${COLUMNS.join(",")}`);
    throw Object.assign(error, { otherForm: true });
  }
  const at = needed.map((name) => header.indexOf(name));
  const labels = header.indexOf("activity");
  const count = lines.length - 1;
  if (count < 1) throw new Error("It has no samples: no row with times and numbers.");
const recording = { times: [], acceleration: [], angularRate: gyroscope ? [] : null, activity: [], notes: [] };
  for (let row = 0; row < count; row++) {
    const cells = lines[row + 1].split(",");
    const values = at.map((column) => cells[column]?.trim() ? Number(cells[column]) : NaN);
    if (cells.length > header.length || !values.every(Number.isFinite)) continue;
    recording.times.push(values[0]);
    recording.acceleration.push(values.slice(1, 4));
    if (gyroscope) recording.angularRate.push(values.slice(4, 7));
    recording.activity.push(labels < 0 ? "" : (cells[labels] ?? "").trim());
  }
  const left = count - recording.times.length;
  if (left === count) throw new Error("It has no samples: no row with times and numbers.");
  if (left) recording.notes.push(`rows left out: ${left.toLocaleString("en")} in which a cell is no number`);
  return recording;
}

/** Write rows of [time, [x, y, z] in g, [x, y, z] in rad/s or null in all of them, activity]. */
export function formatRecording(rows) {
  const lines = rows.map(([time, acceleration, rate, activity]) =>
    [time.toFixed(6), ...[...acceleration, ...(rate ?? [])].map((value) => Number(value.toPrecision(7))), activity].join(","));
  const columns = rows.length && !rows[0][2] ? [...COLUMNS.slice(0, 4), "activity"] : COLUMNS;
  return `${columns.join(",")}\n${lines.join("\n")}${lines.length ? "\n" : ""}`;
}

/** From what a phone gives to g and rad/s along UCI HAR's axes, by a backend's settings. */
export function converter({ accelerationUnit, angularRateUnit, rotation }) {
  const turn = (vector, scale) => [0, 3, 6].map((row) =>
    scale * (rotation[row] * vector[0] + rotation[row + 1] * vector[1] + rotation[row + 2] * vector[2]));
  return {
    acceleration: (vector) => turn(vector, TO_G[accelerationUnit]),
    angularRate: (vector) => turn(vector, TO_RAD_S[angularRateUnit]),
  };
}

/** The smallest rotation that turns an upright phone's gravity onto +x, row by row. */
export function rotationUpright(gravity) {
  const length = Math.hypot(...gravity);
  const [x, y, z] = gravity.map((value) => value / length);
  if (x < -1 + 1e-9) return [-1, 0, 0, 0, -1, 0, 0, 0, 1];
  const share = 1 / (1 + x);
  return [x, y, z, -y, 1 - y * y * share, -y * z * share, -z, -y * z * share, 1 - z * z * share];
}

/** Matrix product of two rotations, row by row. */
export function product(left, right) {
  return left.map((_, index) => {
    const row = index - (index % 3), column = index % 3;
    return left[row] * right[column] + left[row + 1] * right[column + 3] + left[row + 2] * right[column + 6];
  });
}
