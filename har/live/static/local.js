/*
 * Recognition on this device alone: recognizer.js, and the model in plain JavaScript. What is measured
 * goes nowhere else; the page's content security policy would not let it.
 */

import { Model } from "./onnx.js";
import { Recognizer, SIGNALS } from "./recognizer.js";

/** Windows in one run of the model, and samples at a time: the page stays alive between them. */
const WINDOWS = 4;
const SAMPLES = 3000;

/** Pushes that may wait before `push` does. */
const BACKLOG = 20;

const breath = () => new Promise((resolve) => setTimeout(resolve));

let loading = null;

/** recognizer.json and the model, fetched once; onprogress(share) meanwhile. */
export function load(onprogress = () => {}) {
  loading ??= fetchAll(onprogress).catch((error) => {
    loading = null; // to be tried again
    throw error;
  });
  return loading;
}

async function fetchAll(onprogress) {
  const [description, content] = await Promise.all([
    fetched("recognizer.json").then((response) => response.json()),
    fetched("model.onnx").then((response) => received(response, onprogress)),
  ]);
  await check(content, description.model_sha256);
  const network = new Model(content);
  const shape = [description.window_size, SIGNALS];
  const each = shape[0] * shape[1];

  async function model(windows) {
    const all = Object.fromEntries(description.outputs.map((name) => [name, []]));
    for (let first = 0; first < windows.length; first += WINDOWS * each) {
      if (first) await breath();
      const data = windows.subarray(first, first + WINDOWS * each);
      const outputs = network.run({ signals: { dims: [data.length / each, ...shape], data } });
      for (const name of description.outputs) {
        // One by one: a wide network has more features than a call may have arguments.
        for (const value of outputs[name].data) all[name].push(value);
      }
    }
    return all;
  }
  return { description, model };
}

async function fetched(name) {
  const response = await fetch(new URL(name, import.meta.url), { cache: "no-cache" });
  if (!response.ok) throw new Error(`${name}: the server says ${response.status}`);
  return response;
}

/** Fail unless the model is the one that is described: a cache may hold the one or the other. */
async function check(content, digest) {
  if (!globalThis.crypto?.subtle) return; // on pages by plain HTTP the browser has none
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const found = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== digest) throw new Error("model.onnx is not what recognizer.json describes: reload");
}

/** All bytes of an answer. */
async function received(response, onprogress) {
  const whole = Number(response.headers.get("Content-Length")), parts = [];
  let length = 0;
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
    if (whole) onprogress(Math.min(length / whole, 1)); // what is compressed on the way comes to more
  }
  const bytes = new Uint8Array(length);
  parts.reduce((at, part) => { bytes.set(part, at); return at + part.length; }, 0);
  return bytes;
}

/** The page's recogniser, without a server. */
export class LocalBackend {
  /** settings: {accelerationUnit, angularRateUnit, rotation, hop, smoothing, profile, placement}, as for Recognizer. */
  constructor(settings) {
    this.settings = settings;
    this.onprediction = () => {};
    this.onstatus = () => {};
    this.onstate = () => {};
    this.waiting = [];
    this.work = null;
    this.stopped = false;
  }

  /** Load what is needed; state "open" follows, or "failed" with the reason. */
  async start() {
    try {
      const { description, model } = await load();
      const { hop, smoothing, profile, placement, ...readings } = this.settings;
      this.recognizer = new Recognizer(description, model, { hop, smoothing });
      this.stream = this.recognizer.stream(readings, { profile, placement });
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.stopped) return;
    this.onstate("open", "");
    this.wake();
  }

  /**
   * Take samples: times in s, [x, y, z] of each sensor, null for one not needed; resolves when more may come. Those from
   * before "open" wait for it.
   */
  async push(times, acceleration, angularRate) {
    if (this.stopped) return;
    for (let i = 0; i < times.length; i += SAMPLES) {
      const part = [times, acceleration, angularRate].map((all) => all?.slice(i, i + SAMPLES) ?? null);
      this.waiting.push(part);
    }
    this.wake();
    while (this.work && this.waiting.length > BACKLOG) await breath();
  }

  /** Answer what comes next by another profile (profile.js). */
  setProfile(profile) {
    this.settings.profile = profile;
    this.stream?.learn(profile);
  }

  /** Take no more; resolves when what was pushed is recognised. */
  async stop() {
    this.stopped = true;
    await this.work;
  }

  wake() {
    if (this.stream && this.waiting.length) this.work ??= this.drain();
  }

  async drain() {
    try {
      while (this.waiting.length) {
        const predictions = await this.recognizer.push(this.stream, ...this.waiting.shift());
        predictions.forEach((prediction) => this.onprediction(prediction));
        this.onstatus(this.status());
        if (this.waiting.length) await breath();
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.work = null;
    }
  }

  status() {
    const { samples, rejected, rejectedWindows, restarts, problem } = this.stream;
    return { samples, rejected: { ...rejected }, rejectedWindows, restarts, problem };
  }

  fail(error) {
    this.stopped = true;
    this.waiting = [];
    this.onstate("failed", `recognition in the browser: ${error.message ?? error}`);
  }
}
