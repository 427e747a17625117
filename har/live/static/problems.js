// What is wrong, beside the button, and whether the recogniser is there.

import { $, element } from "./dom.js";

const problems = new Map(); // by what they are about: [title, what to do]

/** Say what is wrong and what to do, or that nothing is (any more). */
export function problem(about, title, text = "") {
  const old = problems.get(about);
  if (title ? old?.[0] === title && old[1] === text : !old) return;
  if (title) problems.set(about, [title, text]);
  else problems.delete(about);
  $("problems").replaceChildren(...[...problems].map(([name, [what, todo]]) =>
    element("p", { className: "problem", dataset: { about: name } },
      element("strong", { textContent: what }), element("span", { textContent: todo }))));
}

/** What is said about something: [title, what to do]. */
export const problemAbout = (about) => problems.get(about);

export function connection(state, text) {
  $("connection").dataset.state = state;
  $("connection-text").textContent = text;
}
