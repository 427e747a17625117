// What was chosen is remembered over a reload, in this browser.

import { $ } from "./dom.js";

const KEY = "settings";

export const stored = (key) => {
  try { return JSON.parse(localStorage.getItem(key)) ?? null; } catch { return null; } // private mode, or damaged
};

/** Returns whether it is kept. */
export const store = (key, value) => {
  try { localStorage.setItem(key, JSON.stringify(value)); return true; } catch { return false; }
};

/** Bring back what these controls were set to, and remember it from now on. */
export function remember(ids) {
  const known = stored(KEY) ?? {};
  for (const id of ids) {
    const control = $(id), value = known[id];
    if (control.type === "checkbox") { if (typeof value === "boolean") control.checked = value; }
    else if ([...control.options].some((option) => option.value === value)) control.value = value;
    control.addEventListener("change", () => keep(ids));
  }
}

/** Remember what these controls are set to now. */
export function keep(ids) {
  store(KEY, Object.fromEntries(ids.map((id) => [id, $(id).type === "checkbox" ? $(id).checked : $(id).value])));
}
