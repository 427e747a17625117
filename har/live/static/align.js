// How the phone hangs, measured while its wearer stands.

import { rotationUpright } from "./recording.js";

const MOVED = 0.08; // of gravity, standard deviation above which nobody stood still
const FLAT = 0.8; // of gravity along the screen's normal, above which no edge is up
const LEAST = 30; // samples

export const SCREEN_IN = "-screen-in";
const EDGES = { "right-edge-up": "Right edge up", "left-edge-up": "Left edge up", "top-up": "Upright", "top-down": "Upside down" };

/** A mounting in words. */
export function mountingInWords(name) {
  const edge = name.replace(SCREEN_IN, "");
  return `${EDGES[edge] ?? edge}, ${name.endsWith(SCREEN_IN) ? "screen to the body" : "screen outward"}`;
}

/**
 * Which edge is up, and by how much the phone is tilted from that.
 *
 * samples: [x, y, z] of acceleration along the phone's axes; mountings: rotations by name; chosen:
 * the mounting whose side of the screen is kept, as gravity does not tell it. Returns {mounting,
 * degrees, correction}, or {reason} why not.
 */
export function alignment(samples, mountings, chosen) {
  if (samples.length < LEAST) return { reason: "Too few samples came. Try again." };
  const mean = [0, 1, 2].map((axis) => samples.reduce((sum, each) => sum + each[axis], 0) / samples.length);
  const length = Math.hypot(...mean);
  const spread = Math.sqrt(samples.reduce((sum, each) => sum + Math.hypot(...each.map((value, axis) => value - mean[axis])) ** 2, 0) / samples.length);
  if (spread > MOVED * length) return { reason: "You moved. Try again, standing still." };
  if (Math.abs(mean[2]) > FLAT * length) return { reason: "The phone lies flat. Put it where you wear it, an edge up, and try again." };
  const up = (name) => [0, 3, 6].map((row) => mountings[name].slice(row, row + 3).reduce((sum, value, axis) => sum + value * mean[axis], 0) / length);
  const [mounting] = Object.keys(mountings).filter((name) => name.endsWith(SCREEN_IN) === chosen.endsWith(SCREEN_IN))
    .sort((one, other) => up(other)[0] - up(one)[0]);
  const turned = up(mounting);
  return {
    mounting, correction: rotationUpright(turned),
    degrees: Math.round(Math.acos(Math.min(Math.max(turned[0], -1), 1)) * 180 / Math.PI),
  };
}
