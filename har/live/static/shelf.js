// Saved sessions: on the server, or in this browser where there is none.

import { config } from "./config.js";
import { element } from "./dom.js";
import { problem } from "./problems.js";

/** What the server answers; an Error with its `status` if it refuses. */
export async function asked(address, options) {
  const answer = await fetch(address, options);
  if (answer.ok) return answer;
  const { detail } = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(typeof detail === "string" ? detail : `The server answers ${answer.status}.`), { status: answer.status });
}

const at = (name) => `sessions/${encodeURIComponent(name)}`;

const onServer = {
  list: async () => (await asked("sessions.json")).json(),
  read: async (name) => (await asked(`${at(name)}.csv`)).text(),
  rename: (name, to) => asked(at(name), {
    method: "PATCH", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name: to }),
  }),
  remove: (name) => asked(at(name), { method: "DELETE" }),
};

/** Of this browser's database: {name, text, saved}. */
async function database(mode, act) {
  const opened = await settled(Object.assign(indexedDB.open("sessions", 1), {
    onupgradeneeded: ({ target }) => target.result.createObjectStore("sessions", { keyPath: "name" }),
  }));
  try {
    return await settled(act(opened.transaction("sessions", mode).objectStore("sessions")));
  } finally {
    opened.close();
  }
}

const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

const inBrowser = {
  list: async () => (await database("readonly", (store) => store.getAll()))
    .map(({ name, text, saved }) => ({ name, bytes: text.length, saved })).sort((a, b) => b.saved - a.saved),
  read: async (name) => (await database("readonly", (store) => store.get(name))).text,
  add: (name, text) => database("readwrite", (store) => store.add({ name, text, saved: Date.now() / 1000 })),
  remove: (name) => database("readwrite", (store) => store.delete(name)),
  async rename(name, to) {
    const session = await database("readonly", (store) => store.get(name));
    try {
      await database("readwrite", (store) => store.add({ ...session, name: to }));
    } catch {
      throw new Error(`There is a session ${to} already.`);
    }
    await inBrowser.remove(name);
  },
};

/**
 * list: [{name, bytes, saved (s since 1970)}], the newest first; read(name): its text; rename(name, to);
 * remove(name); and in the browser add(name, text).
 */
export const shelf = config.recognition === "browser" ? inBrowser : onServer;

const size = (bytes) => (bytes < 1e5 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** A list's entries, as of `shelf.list`, with buttons: {text: async (name) => …}; `about` is of their problems. */
export const entries = (listed, about, acts) => listed.map(({ name, bytes, saved }) => {
  const buttons = Object.entries(acts).map(([text, act]) => {
    const button = element("button", { type: "button", className: "second", textContent: text, ariaLabel: `${text} ${name}` });
    button.addEventListener("click", () => act(name).catch((error) => problem(about, `${text} ${name}: this did not work.`, error.message)));
    return button;
  });
  const when = new Date(1000 * saved).toLocaleString("en-GB");
  return element("li", {}, element("div", {}, element("strong", { textContent: name }), element("span", { className: "hint", textContent: `${when}, ${size(bytes)}` })),
    element("div", { className: "buttons" }, ...buttons));
});
