// The samples of a page of Prometheus' text format, as far as our own /metrics needs it. Pure.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Samples `{ name, labels, value }` of a page. */
export function samples(text) {
  return text.split("\n").filter((line) => line && !line.startsWith("#")).map(sample).filter(Boolean);
}

function sample(line) {
  const match = LINE.exec(line);
  if (!match) return null;
  const labels = {};
  for (const [, name, value] of (match[2] ?? "").matchAll(LABEL)) labels[name] = value.replace(/\\(.)/g, (_, letter) => (letter === "n" ? "\n" : letter));
  return { name: match[1], labels, value: Number(match[3].replace("Inf", "Infinity")) };
}

/** The sum of a metric over its labels; null where it is not on the page. */
export function total(all, name) {
  const found = all.filter((one) => one.name === name);
  return found.length ? found.reduce((sum, one) => sum + one.value, 0) : null;
}
