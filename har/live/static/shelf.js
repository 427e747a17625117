// Saved sessions, on the server.

async function asked(address, options) {
  const answer = await fetch(address, options);
  if (answer.ok) return answer;
  const { detail } = await answer.json().catch(() => ({}));
  throw new Error(typeof detail === "string" ? detail : `The server answers ${answer.status}.`);
}

const at = (name) => `sessions/${encodeURIComponent(name)}`;

/** [{name, bytes, saved (s since 1970)}], the newest first. */
export const list = async () => (await asked("sessions.json")).json();
export const read = async (name) => (await asked(`${at(name)}.csv`)).text();
export const rename = (name, to) => asked(at(name), {
  method: "PATCH", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name: to }),
});
export const remove = (name) => asked(at(name), { method: "DELETE" });
