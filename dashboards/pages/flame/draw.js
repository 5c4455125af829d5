// Draws the levels of a tree that are seen onto a canvas. Knows nothing of pointers and keys.

import { changeColor, changeOf, packageColors, palette } from "./colors.js";
import { CRUMBS, eachBox } from "./layout.js";

/** Height of a level. Pixels. */
export const ROW = 20;
const FONT = "11.5px ui-monospace, 'SF Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace";
/** Boxes narrower than this have no text. Pixels. */
const MIN_TEXT = 28;

/** What the boxes of a tree look like: made once for each tree and theme. */
export function paints(tree, isDark) {
  return {
    colors: palette(isDark),
    isDark,
    names: tree.isDiff ? null : packageColors(tree.names, isDark),
    leftAll: tree.isDiff ? tree.left[0] || 1 : 1,
    rightAll: tree.isDiff ? tree.right[0] || 1 : 1,
  };
}

/**
 * Draws rows from `scene.top` pixels on. `scene` has the tree, its paints, the view, width and height,
 * which names are found (`isMatch` or null), the node under the pointer and that of the keyboard, and
 * whether the root is at the bottom (`isUpward`).
 */
export function draw(context, scene) {
  const { tree, width, height, top, paint } = scene;
  context.fillStyle = paint.colors.paper;
  context.fillRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = "middle";
  scene.letter ??= context.measureText("m").width;
  const first = Math.floor(top / ROW);
  const last = Math.min(tree.n_levels - 1, Math.floor((top + height) / ROW));
  for (let row = first; row <= last; row += 1) drawRow(context, scene, row);
}

/** The level that is shown in a row, counted from the top; and the other way round. */
export function levelOfRow({ tree, isUpward }, row) {
  return isUpward ? tree.n_levels - 1 - row : row;
}

function drawRow(context, scene, row) {
  const level = levelOfRow(scene, row);
  const y = row * ROW - scene.top;
  const isAbove = level < scene.zoomLevel;
  let last = null;
  eachBox(scene.tree, level, scene.view, scene.width, (node, left, width) => {
    const isFaded = isAbove || (scene.isMatch && node !== CRUMBS && !scene.isMatch[scene.tree.name[node]]);
    const color = boxColor(scene, node, isFaded);
    // Setting a colour means reading its text: neighbours often have the same.
    if (color !== last) { context.fillStyle = color; last = color; }
    // A gap of a pixel, but not where it would take half of the box.
    context.fillRect(left, y, width > 3 ? width - 1 : width, ROW - 1);
    if (node === CRUMBS) return;
    if (width >= MIN_TEXT) { drawText(context, scene, node, left, y, width, isFaded); last = null; }
    if (node === scene.hovered || node === scene.focused) drawEdge(context, scene, node, left, y, width);
  });
}

function boxColor({ tree, paint, isMatch }, node, isFaded) {
  if (node === CRUMBS) return paint.colors.crumbs;
  if (isFaded) return paint.colors.faded;
  if (isMatch) return paint.colors.found;
  if (tree.parent[node] < 0 && !tree.isDiff) return paint.colors.root;
  if (!tree.isDiff) return paint.names[tree.name[node]];
  return changeColor(changeOf(tree.left[node] / paint.leftAll, tree.right[node] / paint.rightAll), paint.isDark);
}

function drawText(context, scene, node, left, y, width, isFaded) {
  const { tree, paint, isMatch, letter } = scene;
  const room = Math.floor((width - 7) / letter);
  const name = tree.names[tree.name[node]];
  const { text, fadedText, foundText } = paint.colors;
  context.fillStyle = isFaded ? fadedText : isMatch ? foundText : text;
  context.fillText(fit(name, room), left + 3.5, y + ROW / 2);
}

/** The end of a name says more than its beginning: `…(*Server).Put` of a long path. */
export function fit(name, room) {
  if (name.length <= room) return name;
  const short = name.slice(name.lastIndexOf("/") + 1);
  if (short.length <= room) return short;
  return room > 2 ? `${short.slice(0, room - 1)}…` : "";
}

function drawEdge(context, { paint }, node, left, y, width) {
  context.strokeStyle = paint.colors.edge;
  context.lineWidth = 2;
  context.strokeRect(left + 1, y + 1, Math.max(1, width - 3), ROW - 3);
}
