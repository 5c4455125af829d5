// A flame graph's tree as columns: nodes lie level by level, each level from left to right, so that
// children of a node are neighbours. Two hundred thousand nodes are a dozen arrays and no objects.
// Pure.

/** Values of a node in an answer: of one profile, and of two that are compared. */
const SINGLE = 4;
const DOUBLE = 7;

/** The tree of an answer of the API. `left` and `right` are there where two profiles are compared. */
export function decode({ names, levels, left_total: leftTotal }) {
  const isDiff = leftTotal !== undefined;
  const width = isDiff ? DOUBLE : SINGLE;
  const tree = allocate(names, levels.map((level) => level.length / width), isDiff);
  levels.forEach((level, depth) => (isDiff ? readDouble : readSingle)(tree, level, tree.levelStart[depth]));
  join(tree);
  return tree;
}

/** Columns for levels of so many nodes. */
export function allocate(names, sizes, isDiff) {
  const levelStart = new Int32Array(sizes.length + 1);
  sizes.forEach((size, depth) => { levelStart[depth + 1] = levelStart[depth] + size; });
  const n_nodes = levelStart[sizes.length];
  const column = () => new Float64Array(n_nodes);
  return {
    names, levelStart, n_nodes, n_levels: sizes.length, isDiff,
    x: column(), total: column(), self: column(), name: new Int32Array(n_nodes),
    left: isDiff ? column() : null, right: isDiff ? column() : null,
    leftSelf: isDiff ? column() : null, rightSelf: isDiff ? column() : null,
    parent: new Int32Array(n_nodes).fill(-1), childStart: new Int32Array(n_nodes), childEnd: new Int32Array(n_nodes),
  };
}

/** Offsets are from the end of the node before. */
function readSingle(tree, level, first) {
  let end = 0;
  for (let idx = 0, node = first; idx < level.length; idx += SINGLE, node += 1) {
    tree.x[node] = end + level[idx];
    tree.total[node] = level[idx + 1];
    tree.self[node] = level[idx + 2];
    tree.name[node] = level[idx + 3];
    end = tree.x[node] + tree.total[node];
  }
}

/** Both sides lie one behind the other: a node is as wide as its two values together. */
function readDouble(tree, level, first) {
  let [leftEnd, rightEnd] = [0, 0];
  for (let idx = 0, node = first; idx < level.length; idx += DOUBLE, node += 1) {
    const [leftStart, rightStart] = [leftEnd + level[idx], rightEnd + level[idx + 3]];
    tree.left[node] = level[idx + 1];
    tree.leftSelf[node] = level[idx + 2];
    tree.right[node] = level[idx + 4];
    tree.rightSelf[node] = level[idx + 5];
    tree.name[node] = level[idx + 6];
    tree.x[node] = leftStart + rightStart;
    tree.total[node] = tree.left[node] + tree.right[node];
    tree.self[node] = tree.leftSelf[node] + tree.rightSelf[node];
    [leftEnd, rightEnd] = [leftStart + tree.left[node], rightStart + tree.right[node]];
  }
}

/** Finds each node's parent and children: both levels go from left to right. */
export function join(tree) {
  for (let depth = 1; depth < tree.n_levels; depth += 1) {
    let parent = tree.levelStart[depth - 1];
    const [lastParent, end] = [tree.levelStart[depth] - 1, tree.levelStart[depth + 1]];
    for (let node = tree.levelStart[depth]; node < end; node += 1) {
      while (parent < lastParent && tree.x[parent] + tree.total[parent] <= tree.x[node]) parent += 1;
      tree.parent[node] = parent;
      if (tree.childEnd[parent] === 0) tree.childStart[parent] = node;
      tree.childEnd[parent] = node + 1;
    }
  }
}

/** The level of a node, 0 being the root's. */
export function levelOf(tree, node) {
  let [low, high] = [0, tree.n_levels - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tree.levelStart[middle] <= node) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The node's name. */
export function nameOf(tree, node) {
  return tree.names[tree.name[node]];
}

/** The names from the root down to a node. */
export function pathOf(tree, node) {
  const path = [];
  for (let at = node; at >= 0; at = tree.parent[at]) path.unshift(nameOf(tree, at));
  return path;
}

/** The node under a path of names as `pathOf` gives it; -1 where it is not there any more. */
export function nodeAtPath(tree, path) {
  if (!tree.n_nodes || path[0] !== nameOf(tree, 0)) return -1;
  let node = 0;
  for (const name of path.slice(1)) {
    let child = tree.childStart[node];
    while (child < tree.childEnd[node] && nameOf(tree, child) !== name) child += 1;
    if (child >= tree.childEnd[node]) return -1;
    node = child;
  }
  return node;
}

/** A number for a path of names, short enough for an address (FNV-1a, 32 bits). */
export function pathHash(path) {
  let hash = 0x811c9dc5;
  for (const letter of path.join("\n")) hash = Math.imul(hash ^ letter.codePointAt(0), 0x01000193);
  return (hash >>> 0).toString(36);
}

/** The node whose path has a hash; -1 without one. Only nodes of `level` are looked at. */
export function nodeOfHash(tree, level, hash) {
  if (level < 0 || level >= tree.n_levels) return -1;
  for (let node = tree.levelStart[level]; node < tree.levelStart[level + 1]; node += 1) {
    if (pathHash(pathOf(tree, node)) === hash) return node;
  }
  return -1;
}
