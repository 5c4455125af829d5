// A tree by function: what each spends itself and with what it calls, and the trees of its callers and
// callees. Pure.

import { allocate, join } from "./tree.js";

/**
 * Functions `{ name, self, total, left, right, leftSelf, rightSelf }`. What a function spends below
 * itself counts once in its total. The root is no function.
 */
export function functionsOf(tree) {
  const rows = new Map();
  const onStack = new Int32Array(tree.names.length);
  walk(tree, (node, isEntered) => {
    const name = tree.name[node];
    if (!isEntered) { onStack[name] -= 1; return; }
    if (tree.parent[node] >= 0) addTo(rows, tree, node, onStack[name] === 0);
    onStack[name] += 1;
  });
  return [...rows.values()];
}

/** Visits nodes from the root down: each when it is entered and when it is left. */
function walk(tree, visit) {
  const stack = [];
  for (let root = tree.levelStart[0]; root < (tree.levelStart[1] ?? 0); root += 1) stack.push(root);
  while (stack.length) {
    const node = stack.pop();
    if (node < 0) { visit(~node, false); continue; }
    visit(node, true);
    stack.push(~node);
    for (let child = tree.childStart[node]; child < tree.childEnd[node]; child += 1) stack.push(child);
  }
}

function addTo(rows, tree, node, isOutermost) {
  const idx = tree.name[node];
  let row = rows.get(idx);
  if (!row) {
    row = { name: tree.names[idx], self: 0, total: 0, left: 0, right: 0, leftSelf: 0, rightSelf: 0 };
    rows.set(idx, row);
  }
  row.self += tree.self[node];
  if (isOutermost) row.total += tree.total[node];
  if (!tree.isDiff) return;
  row.leftSelf += tree.leftSelf[node];
  row.rightSelf += tree.rightSelf[node];
  if (isOutermost) {
    row.left += tree.left[node];
    row.right += tree.right[node];
  }
}

/** Nodes of a function that are not below another one of it. */
function outermost(tree, nameIdx) {
  const covered = new Uint8Array(tree.n_nodes);
  const found = [];
  for (let node = 0; node < tree.n_nodes; node += 1) {
    const parent = tree.parent[node];
    const isInside = parent >= 0 && covered[parent] === 1;
    const isHit = tree.name[node] === nameIdx;
    covered[node] = isInside || isHit ? 1 : 0;
    if (isHit && !isInside) found.push(node);
  }
  return found;
}

/** What a function calls, merged over all places it is called from. */
export function calleesOf(tree, name) {
  const root = branch(tree.names.indexOf(name));
  for (const node of outermost(tree, root.name)) mergeBelow(root, tree, node);
  return treeOf(tree, root);
}

function mergeBelow(root, tree, top) {
  const stack = [[root, top]];
  while (stack.length) {
    const [into, node] = stack.pop();
    add(into, tree, node);
    for (let child = tree.childStart[node]; child < tree.childEnd[node]; child += 1) stack.push([childOf(into, tree.name[child]), child]);
  }
}

/** Who calls a function, merged: its callers are the root's children, theirs the next level, and so on. */
export function callersOf(tree, name) {
  const root = branch(tree.names.indexOf(name));
  for (const node of outermost(tree, root.name)) {
    let into = root;
    add(into, tree, node);
    for (let caller = tree.parent[node]; caller >= 0 && tree.parent[caller] >= 0; caller = tree.parent[caller]) {
      into = childOf(into, tree.name[caller]);
      add(into, tree, node);
    }
  }
  return treeOf(tree, root);
}

function branch(name) {
  return { name, total: 0, self: 0, left: 0, right: 0, leftSelf: 0, rightSelf: 0, children: null };
}

function childOf(node, name) {
  node.children ??= new Map();
  let child = node.children.get(name);
  if (!child) {
    child = branch(name);
    node.children.set(name, child);
  }
  return child;
}

function add(into, tree, node) {
  into.total += tree.total[node];
  into.self += tree.self[node];
  if (!tree.isDiff) return;
  into.left += tree.left[node];
  into.right += tree.right[node];
  into.leftSelf += tree.leftSelf[node];
  into.rightSelf += tree.rightSelf[node];
}

/** The columns of a tree of branches, the widest child first. */
function treeOf({ names, isDiff }, root) {
  const levels = [];
  let level = [[root, 0]];
  while (level.length) {
    levels.push(level);
    level = level.flatMap(([node, start]) => placed(node, start));
  }
  const tree = allocate(names, levels.map((nodes) => nodes.length), isDiff);
  levels.flat().forEach(([node, start], idx) => put(tree, idx, node, start));
  join(tree);
  return tree;
}

function placed(node, start) {
  const children = [...(node.children?.values() ?? [])].sort((left, right) => right.total - left.total);
  let x = start;
  return children.map((child) => {
    const place = [child, x];
    x += child.total;
    return place;
  });
}

function put(tree, idx, node, start) {
  tree.x[idx] = start;
  tree.name[idx] = node.name;
  for (const column of ["total", "self"]) tree[column][idx] = node[column];
  if (tree.isDiff) for (const column of ["left", "right", "leftSelf", "rightSelf"]) tree[column][idx] = node[column];
}
