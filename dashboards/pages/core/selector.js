// Matchers of labels as PromQL writes them. Pure.

/** `{job="etcd",instance="a:1"}` of an object of labels. */
export function selectorOf(labels) {
  const matchers = Object.entries(labels).map(([name, value]) => `${named(name)}="${escape(value)}"`);
  return `{${matchers.join(",")}}`;
}

/** A selector with one more matcher, `op` being one of `=`, `!=`, `=~`, `!~`. */
export function withMatcher(selector, name, op, value) {
  const inner = selector.trim().replace(/^\{/, "").replace(/\}$/, "").replace(/,\s*$/, "");
  const matcher = `${named(name)}${op}"${escape(value)}"`;
  return `{${inner ? `${inner},` : ""}${matcher}}`;
}

/** A name as it is written: between quotes unless it is a plain one. */
function named(name) {
  return /^[a-zA-Z_]\w*$/.test(name) ? name : `"${escape(name)}"`;
}

/** The text of a label's value between quotes. */
export function escape(value) {
  return value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}

/** Labels in a fixed order, for lists: `a=1 b=2`. */
export function showLabels(labels) {
  return Object.keys(labels).sort().map((name) => `${name}=${labels[name]}`).join(" ");
}

/** How people call a target. */
export function targetName(labels) {
  return [labels.job, labels.instance].filter(Boolean).join(" ") || showLabels(labels);
}

/** The matchers of a target by its job and instance alone. */
export function targetSelector(labels) {
  const { job, instance } = labels;
  return selectorOf(job && instance ? { job, instance } : labels);
}
