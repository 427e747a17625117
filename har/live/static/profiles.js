// A person's profile: kept in this browser, shown, taken along as a file; on the server if asked.

import { config, readable } from "./config.js";
import { $, download } from "./dom.js";
import { problem } from "./problems.js";
import { Profile } from "./profile.js";
import { store, stored } from "./settings.js";
import { asked, entries } from "./shelf.js";

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
  $("profile-kept").textContent = "";
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
$("profile-delete").addEventListener("click", () => { if (confirm(`Delete the profile ${kept.name} from this browser?`)) keepProfile(null); });
$("profile-file").addEventListener("change", async () => {
  const [file] = $("profile-file").files;
  $("profile-file").value = "";
  if (!file) return;
  try {
    await take(await file.text());
  } catch (error) {
    problem("profile", `${file.name} cannot be used.`, `${error.message}.`);
  }
});

/** Keep the profile that a text is, unless another one is to stay. */
async function take(text) {
  const profile = Profile.parse(text, await described());
  if (kept && kept.json() !== profile.json() && !confirm(`Use ${profile.name} in place of ${kept.name}, which is in this browser?`)) return;
  problem("profile", null);
  keepProfile(profile);
}

// ---- on the server -------------------------------------------------------------------------------

const at = (name) => `profiles/${encodeURIComponent(name)}.json`;

/** List the server's profiles, where recognition is the server's. */
export async function listProfiles() {
  const here = config.recognition === "server" && !$("local").checked;
  $("profile-keep").hidden = !here;
  let profiles = [];
  if (here) try { profiles = await (await asked("profiles.json")).json(); } catch { return; } // the server is away, which is said elsewhere
  $("server-profiles").hidden = !profiles.length;
  $("server-profile-list").replaceChildren(...entries(profiles, "profile", {
    Use: async (name) => take(await (await asked(at(name))).text()),
    Delete: async (name) => {
      if (!confirm(`Delete the profile ${name} from the server?`)) return;
      $("profile-kept").textContent = "";
      await asked(at(name), { method: "DELETE" });
      await listProfiles();
    },
  }));
}

/** Keep the profile on the server too; another one of its name stays, unless it is meant. */
async function keepThere() {
  const { name } = kept;
  const put = (headers) => asked(at(name), {
    method: "PUT", headers: { "Content-Type": "application/json", ...headers }, body: kept.json(),
  });
  try {
    await put({ "If-None-Match": "*" });
  } catch (error) {
    if (error.status !== 412) throw error;
    if (!confirm(`There is a profile ${name} on the server already. Put this one in its place?`)) return;
    await put({});
  }
  problem("profile", null);
  $("profile-kept").textContent = `Kept on the server as it is now: ${config.sessions}/profiles/${name}.json.`;
  await listProfiles();
}
$("profile-keep").addEventListener("click", () => keepThere().catch((error) => problem("profile", "The profile is not kept on the server.", `${error.message}.`)));
$("local").addEventListener("change", listProfiles);
