// Colours of boxes: one for each package, or for how much a function grew. Pure.

/** The package of a function: `go.etcd.io/etcd/server.(*EtcdServer).Put` is of `go.etcd.io/etcd/server`. */
export function packageOf(name) {
  const slash = name.lastIndexOf("/");
  const dot = name.indexOf(".", slash + 1);
  if (dot > 0) return name.slice(0, dot);
  const colons = name.lastIndexOf("::");
  return colons > 0 ? name.slice(0, name.indexOf("::")) : name;
}

/** Colours of the parts of a picture beside the boxes'. */
export function palette(isDark) {
  return isDark
    ? { text: "#eef2f6", paper: "#0f1419", crumbs: "#2b343e", faded: "#222b34", fadedText: "#8494a4", found: "#b07a00", foundText: "#ffffff", edge: "#74b4ff", root: "#36414d" }
    : { text: "#16202a", paper: "#ffffff", crumbs: "#d9dfe5", faded: "#eceff2", fadedText: "#66727f", found: "#ffc94d", foundText: "#16202a", edge: "#0a5cb8", root: "#d5dbe1" };
}

/** The colour of each name by its package; runtimes and systems are pale. */
export function packageColors(names, isDark) {
  const known = new Map();
  return names.map((name) => {
    const of = packageOf(name);
    if (!known.has(of)) known.set(of, packageColor(of, isDark));
    return known.get(of);
  });
}

function packageColor(name, isDark) {
  const isRuntime = name === "runtime" || name.startsWith("runtime/") || name === "syscall" || name.startsWith("internal/");
  const hash = hashOf(name);
  // Hues go round by the golden angle, so that names that differ little do not look alike.
  const hue = isRuntime ? 215 : Math.round((hash * 137.508) % 360);
  const [saturation, light] = isRuntime ? [isDark ? 12 : 22, isDark ? 30 : 82] : [isDark ? 38 : 66, (isDark ? 30 : 74) + (hash % 3) * 2];
  return `hsl(${hue} ${saturation}% ${light}%)`;
}

function hashOf(text) {
  let hash = 0;
  for (let idx = 0; idx < text.length; idx += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(idx)) >>> 0;
  return hash % 10007;
}

/** How much a share changed, from -1 (gone) over 0 to 1 (new). */
export function changeOf(leftShare, rightShare) {
  const sum = leftShare + rightShare;
  return sum > 0 ? (rightShare - leftShare) / sum : 0;
}

/** Blue for less, grey for the same, red for more. */
export function changeColor(change, isDark) {
  // Changes of a tenth are seen, those of a half are nearly the whole colour.
  const part = Math.sign(change) * Math.min(1, Math.abs(change) ** 0.7);
  const still = isDark ? [58, 68, 79] : [223, 227, 232];
  const far = part < 0 ? (isDark ? [59, 130, 196] : [91, 155, 213]) : isDark ? [207, 90, 77] : [224, 106, 92];
  const mixed = still.map((value, idx) => Math.round(value + (far[idx] - value) * Math.abs(part)));
  return `rgb(${mixed.join(" ")})`;
}
