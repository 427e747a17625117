// A person's profile: kept in this browser, shown, taken along as a file.

import { config, readable } from "./config.js";
import { $, download } from "./dom.js";
import { problem } from "./problems.js";
import { Profile } from "./profile.js";
import { store, stored } from "./settings.js";

const KEY = "profile";

let kept = null;
let description = null;

/** What recognizer.json says. */
async function described() {
  if (!description) {
    const answer = await fetch("recognizer.json");
    if (!answer.ok) throw new Error(`The server answers ${answer.status}.`);
    description = await answer.json();
  }
  return description;
}

/** The profile that answers are given by, null for none. */
export const profileInUse = () => (kept && $("use-profile").checked ? kept : null);

/** The kept profile, or a new one of the name that is written. */
export async function profileToTeach() {
  return kept ?? Profile.begin($("profile-name").value.trim() || "me", await described());
}

/** Without anything taught: to compare with. */
export const emptyProfile = async () => Profile.begin("nothing", await described());

/** Keep a profile, or none, and show what it was taught. */
export function keepProfile(profile) {
  kept = profile;
  if (!store(KEY, profile && profile.json())) problem("profile", "The profile cannot be kept in this browser.", "Export it before you close the page.");
  tell();
}

function tell() {
  $("profile").hidden = !kept;
  $("profile-name-choice").hidden = Boolean(kept);
  if (!kept) return;
  const shown = Object.entries(kept.windows).map(([activity, windows]) => `${readable(activity).toLowerCase()} (${windows} windows)`);
  $("profile-shown").textContent = `${kept.name}: ${shown.join(", ") || "nothing yet"}`;
}

/** Bring back what is kept. */
export async function loadProfile() {
  const text = stored(KEY);
  if (text) {
    try { kept = Profile.parse(text, await described()); } catch (error) {
      problem("profile", "What was taught cannot be used.", `${error.message}.`);
    }
  }
  tell();
}

$("profile-export").addEventListener("click", () => download(kept.json(), `${kept.name}.json`, "application/json"));
$("profile-delete").addEventListener("click", () => { if (confirm(`Delete the profile ${kept.name}?`)) keepProfile(null); });
$("profile-file").addEventListener("change", async () => {
  const [file] = $("profile-file").files;
  $("profile-file").value = "";
  if (!file) return;
  try {
    keepProfile(Profile.parse(await file.text(), await described()));
    problem("profile", null);
  } catch (error) {
    problem("profile", `${file.name} cannot be used.`, `${error.message}.`);
  }
});
