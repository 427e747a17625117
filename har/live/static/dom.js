// Small helpers around the document.

export const $ = (id) => document.getElementById(id);
export const radio = (name) => document.querySelector(`input[name="${name}"]:checked`)?.value;

/** A new element with properties, data attributes among them, and children. */
export function element(tag, { dataset = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, dataset);
  made.append(...children);
  return made;
}

/** Have the browser keep a file: `content` as a Blob, or as a Blob's parts. */
export function download(content, name, type = "") {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** The time now, for a file's name. */
export const stamp = () => new Date().toISOString().slice(0, 19).replaceAll(":", "");
