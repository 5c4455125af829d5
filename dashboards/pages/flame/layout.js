// Which boxes of a tree are seen, and where: only those in the stretch that is shown and wider than
// part of a pixel; what is narrower is put together. Pure.

/** Boxes narrower than this are not drawn by themselves. Pixels. */
export const MIN_WIDTH = 0.6;

/** The node of no name that stands for neighbours too narrow to be seen. */
export const CRUMBS = -1;

/**
 * Calls `draw(node, left, width)` for what is seen of a level when `view.span` values from `view.start`
 * on are `width` pixels wide.
 */
export function eachBox(tree, level, view, width, draw) {
  const scale = width / view.span;
  const viewEnd = view.start + view.span;
  const end = tree.levelStart[level + 1];
  let [crumbStart, crumbEnd] = [0, -1];
  const flush = () => {
    if (crumbEnd - crumbStart >= MIN_WIDTH) draw(CRUMBS, crumbStart, crumbEnd - crumbStart);
    crumbEnd = -1;
  };
  for (let node = firstInView(tree, level, view.start); node < end && tree.x[node] < viewEnd; node += 1) {
    const left = Math.max(0, (tree.x[node] - view.start) * scale);
    const right = Math.min(width, (tree.x[node] + tree.total[node] - view.start) * scale);
    if (right - left >= MIN_WIDTH) {
      flush();
      draw(node, left, right - left);
    } else if (crumbEnd >= 0 && left - crumbEnd < MIN_WIDTH) {
      crumbEnd = right;
    } else {
      flush();
      [crumbStart, crumbEnd] = [left, right];
    }
  }
  flush();
}

/** The first node of a level that ends behind a value. */
function firstInView(tree, level, start) {
  let [low, high] = [tree.levelStart[level], tree.levelStart[level + 1]];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tree.x[middle] + tree.total[middle] <= start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The node of a level at a value; -1 where there is none. */
export function nodeAt(tree, level, value) {
  if (level < 0 || level >= tree.n_levels) return -1;
  const node = firstInView(tree, level, value);
  return node < tree.levelStart[level + 1] && tree.x[node] <= value ? node : -1;
}

/** The stretch that is shown when a node is as wide as everything. */
export function viewOf(tree, node) {
  return { start: tree.x[node] ?? 0, span: Math.max(tree.total[node] ?? 0, Number.MIN_VALUE) };
}

/** A stretch on the way from one to another; `part` from 0 to 1. */
export function between(from, to, part) {
  const mix = (left, right) => left + (right - left) * part;
  return { start: mix(from.start, to.start), span: mix(from.span, to.span) };
}

/** The node beside a node in the order of its level, of those that are shown; itself at the end. */
export function neighbour(tree, node, level, step, view) {
  const next = node + step;
  const isThere = next >= tree.levelStart[level] && next < tree.levelStart[level + 1];
  const isSeen = isThere && tree.x[next] < view.start + view.span && tree.x[next] + tree.total[next] > view.start;
  return isSeen ? next : node;
}

/** The widest child of a node; -1 without any. */
export function widestChild(tree, node) {
  let widest = -1;
  for (let child = tree.childStart[node]; child < tree.childEnd[node]; child += 1) {
    if (widest < 0 || tree.total[child] > tree.total[widest]) widest = child;
  }
  return widest;
}
