// Which functions a regular expression names, and what part of everything they are. Pure.

/** The expression of what was typed, or why it is none: `{ pattern, error }`. */
export function compile(text) {
  if (!text) return { pattern: null, error: null };
  try {
    return { pattern: new RegExp(text, "i"), error: null };
  } catch (error) {
    return { pattern: null, error: error.message.replace(/^Invalid regular expression: /, "") };
  }
}

/** For each name whether a pattern finds it. */
export function matches(names, pattern) {
  return Uint8Array.from(names, (name) => (pattern.test(name) ? 1 : 0));
}

/** The sum of all nodes that match, each value once: what is below a node that matches is in it. */
export function matched(tree, isMatch) {
  const covered = new Uint8Array(tree.n_nodes);
  const sum = { total: 0, left: 0, right: 0 };
  for (let node = 0; node < tree.n_nodes; node += 1) {
    const parent = tree.parent[node];
    const isInside = parent >= 0 && covered[parent] === 1;
    const isHit = isMatch[tree.name[node]] === 1;
    covered[node] = isInside || isHit ? 1 : 0;
    if (!isHit || isInside) continue;
    sum.total += tree.total[node];
    if (tree.isDiff) {
      sum.left += tree.left[node];
      sum.right += tree.right[node];
    }
  }
  return sum;
}
