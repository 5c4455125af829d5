// How targets and leadsman are doing, in words. Pure.

/** Counts of targets by health. */
export function healthCounts(targets) {
  const counts = { up: 0, down: 0, unknown: 0 };
  for (const { health } of targets) counts[health] = (counts[health] ?? 0) + 1;
  return counts;
}

/** Whether a finding belongs to a target: all labels that tell targets apart are the same. */
export function isOf(finding, target) {
  return finding.target.job === target.job && finding.target.instance === target.instance;
}

const RANKS = { critical: 3, warning: 2, info: 1 };

/** The worst severity of some findings; null without any. */
export function worst(findings) {
  const ranked = [...findings].sort((left, right) => rank(right) - rank(left));
  return ranked.length ? ranked[0].severity : null;
}

/** Sorts the worst and newest to the front. */
export function byUrgency(left, right) {
  return rank(right) - rank(left) || right.time - left.time;
}

function rank(finding) {
  return RANKS[finding.severity] ?? 0;
}

/**
 * The troubles in a list of changes of state, the newest to begin first: each has `states` in order of
 * time, and `last`. One id may have had several troubles, one after the other.
 */
export function troubles(findings) {
  const known = [];
  for (const finding of [...findings].sort((left, right) => left.time - right.time)) {
    const same = known.findLast((one) => one.last.id === finding.id && one.last.state !== "resolved");
    if (same) {
      same.states.push(finding);
      same.last = finding;
    } else {
      known.push({ states: [finding], last: finding });
    }
  }
  return known.reverse();
}

/** What was told last of a trouble while it was there: of one that is over, its end says little. */
export function atItsWorst(trouble) {
  return trouble.states.findLast((state) => state.state !== "resolved") ?? trouble.last;
}

/** One sentence on everything, and how bad it is. */
export function verdict(counts, open) {
  const severity = worst(open.filter((finding) => finding.state === "firing"));
  const n_targets = counts.up + counts.down + counts.unknown;
  if (n_targets === 0) return { kind: "warning", text: "No targets yet." };
  const trouble = open.length === 1 ? "1 finding is open" : `${open.length} findings are open`;
  const down = counts.down === 1 ? "1 target is down" : `${counts.down} targets are down`;
  const parts = [counts.down ? down : null, open.length ? trouble : null].filter(Boolean);
  const kind = severity ?? (counts.down ? "warning" : open.length ? "info" : "good");
  return { kind, text: parts.length ? `${parts.join(", ")}.` : "Everything is as it usually is." };
}
