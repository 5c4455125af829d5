// A flame graph to look at: it zooms, shows what is under the pointer, and goes with the keyboard.

import { h, replace, say } from "../core/dom.js";
import { change, inUnit, percent } from "../core/format.js";
import { isDark, onTheme } from "../core/theme.js";
import { hideTip, showTip } from "../parts/tip.js";
import { draw, levelOfRow, paints, ROW } from "./draw.js";
import { between, neighbour, nodeAt, viewOf, widestChild } from "./layout.js";
import { levelOf, nameOf } from "./tree.js";

const ZOOM_MILLIS = 160;
const MAX_PIXELS = 0.72;

/**
 * A flame graph. `onZoom(node)` is told when a node was chosen to be as wide as everything, and
 * `onFunction(name)` when callers and callees of a function are asked for. `isUpward` has the root at
 * the bottom. Gives `{ element, setTree, setZoom, setMatch }`.
 */
export function flameView({ unit, label, onZoom, onFunction, isUpward = false }, end) {
  const canvas = h("canvas", { tabindex: "0", role: "application", "aria-roledescription": "flame graph", "aria-label": label });
  const space = h("div", { class: "flame-space" });
  const scroll = h("div", { class: "flame-scroll" }, canvas, space);
  const note = h("div", { class: "flame-note row" });
  const element = h("div", { class: "flame" }, scroll, note);
  const scene = { tree: null, view: null, zoom: 0, zoomLevel: 0, isMatch: null, hovered: -1, focused: -1, isUpward, width: 0, height: 0, top: 0 };
  const flame = { canvas, space, scroll, note, scene, unit, onZoom, onFunction, frame: 0 };
  new ResizeObserver(() => resize(flame)).observe(scroll);
  scroll.addEventListener("scroll", () => redraw(flame), { passive: true });
  onTheme(() => { if (scene.tree) { scene.paint = paints(scene.tree, isDark()); redraw(flame); } }, end);
  listenToPointer(flame);
  canvas.addEventListener("keydown", (event) => onKey(flame, event));
  canvas.addEventListener("focus", () => { if (scene.focused < 0) focusNode(flame, scene.zoom); });
  canvas.addEventListener("blur", () => { scene.focused = -1; redraw(flame); });
  return {
    element,
    setTree: (tree, zoom = 0) => setTree(flame, tree, zoom),
    setZoom: (node) => setZoom(flame, node),
    setMatch: (isMatch) => { scene.isMatch = isMatch; redraw(flame); },
  };
}

function setTree(flame, tree, zoom) {
  const { scene } = flame;
  Object.assign(scene, { tree, zoom, zoomLevel: levelOf(tree, zoom), view: viewOf(tree, zoom), hovered: -1, focused: -1, isMatch: null });
  scene.paint = paints(tree, isDark());
  resize(flame);
  if (scene.isUpward) flame.scroll.scrollTop = flame.scroll.scrollHeight;
  showNote(flame, zoom);
}

function resize(flame) {
  const { scene, canvas, scroll, space } = flame;
  if (!scene.tree || scroll.clientWidth === 0) return;
  const whole = scene.tree.n_levels * ROW;
  scene.width = scroll.clientWidth;
  scene.height = Math.min(whole, Math.max(ROW * 4, innerHeight * MAX_PIXELS));
  const dots = devicePixelRatio || 1;
  canvas.width = Math.round(scene.width * dots);
  canvas.height = Math.round(scene.height * dots);
  canvas.style.width = `${scene.width}px`;
  canvas.style.height = `${scene.height}px`;
  space.style.height = `${whole - scene.height}px`;
  redraw(flame);
}

function redraw(flame) {
  flame.frame ||= requestAnimationFrame(() => {
    flame.frame = 0;
    const { scene, canvas, scroll } = flame;
    if (!scene.tree) return;
    scene.top = scroll.scrollTop;
    const context = canvas.getContext("2d", { alpha: false });
    const dots = devicePixelRatio || 1;
    context.setTransform(dots, 0, 0, dots, 0, 0);
    draw(context, scene);
  });
}

function setZoom(flame, node) {
  const { scene } = flame;
  if (!scene.tree || node === scene.zoom) return;
  Object.assign(scene, { zoom: node, zoomLevel: levelOf(scene.tree, node) });
  glide(flame, scene.view, viewOf(scene.tree, node));
  showNote(flame, node);
}

function glide(flame, from, to) {
  const { scene } = flame;
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const started = performance.now();
  const step = () => {
    if (scene.glide !== step) return;
    const part = isStill ? 1 : Math.min(1, (performance.now() - started) / ZOOM_MILLIS);
    scene.view = part === 1 ? to : between(from, to, 1 - (1 - part) ** 3);
    redraw(flame);
    if (part < 1) requestAnimationFrame(step);
  };
  scene.glide = step;
  step();
}

function nodeUnder({ scene, canvas }, event) {
  if (!scene.tree) return -1;
  const frame = canvas.getBoundingClientRect();
  const row = Math.floor((event.clientY - frame.top + scene.top) / ROW);
  const value = scene.view.start + ((event.clientX - frame.left) / scene.width) * scene.view.span;
  return nodeAt(scene.tree, levelOfRow(scene, row), value);
}

function listenToPointer(flame) {
  const { canvas, scene, onZoom, onFunction } = flame;
  canvas.addEventListener("pointermove", (event) => {
    const node = nodeUnder(flame, event);
    if (node !== scene.hovered) { scene.hovered = node; redraw(flame); }
    if (node < 0 || event.pointerType === "touch") hideTip();
    else showTip([event.clientX, event.clientY], details(flame, node));
  });
  canvas.addEventListener("pointerleave", () => { scene.hovered = -1; hideTip(); redraw(flame); });
  canvas.addEventListener("click", (event) => {
    const node = nodeUnder(flame, event);
    if (node < 0) return;
    if (event.shiftKey) onFunction?.(nameOf(scene.tree, node));
    else { showNote(flame, node); onZoom(node); }
  });
}

function onKey(flame, event) {
  const { scene, onZoom, onFunction } = flame;
  const { tree, focused } = scene;
  if (!tree || event.ctrlKey || event.metaKey || event.altKey) return;
  const level = focused < 0 ? 0 : levelOf(tree, focused);
  const down = () => widestChild(tree, focused);
  const steps = {
    ArrowLeft: () => neighbour(tree, focused, level, -1, scene.view),
    ArrowRight: () => neighbour(tree, focused, level, 1, scene.view),
    ArrowUp: () => (scene.isUpward ? down() : tree.parent[focused]),
    ArrowDown: () => (scene.isUpward ? tree.parent[focused] : down()),
  };
  if (steps[event.key]) focusNode(flame, steps[event.key]());
  else if (event.key === "Enter") onZoom(focused);
  else if (event.key === "Escape") onZoom(0);
  else if (event.key === "c" && onFunction) onFunction(nameOf(tree, focused));
  else return;
  event.preventDefault();
}

function focusNode(flame, node) {
  if (node < 0) return;
  const { scene, scroll } = flame;
  scene.focused = node;
  const level = levelOf(scene.tree, node);
  const y = (scene.isUpward ? scene.tree.n_levels - 1 - level : level) * ROW;
  if (y < scroll.scrollTop) scroll.scrollTop = y;
  else if (y + ROW > scroll.scrollTop + scene.height) scroll.scrollTop = y + ROW - scene.height;
  showNote(flame, node);
  say(`${nameOf(scene.tree, node)}, ${amounts(flame, node).map(([name, value]) => `${name} ${value}`).join(", ")}`);
  redraw(flame);
}

/** What is known of a node: `[name, value]`. */
function amounts({ scene: { tree, zoom }, unit }, node) {
  const share = (part, whole) => percent(whole > 0 ? part / whole : 0);
  if (tree.isDiff) {
    const [left, right] = [tree.left[node], tree.right[node]];
    const shares = [share(left, tree.left[0]), share(right, tree.right[0])];
    return [
      ["before", `${inUnit(left, unit)} (${shares[0]})`], ["after", `${inUnit(right, unit)} (${shares[1]})`],
      ["share changed by", change(left / (tree.left[0] || 1), right / (tree.right[0] || 1))],
    ];
  }
  const rows = [["total", `${inUnit(tree.total[node], unit)} (${share(tree.total[node], tree.total[0])})`], ["itself", inUnit(tree.self[node], unit)]];
  if (zoom > 0 && node !== zoom) rows.push(["of what is zoomed to", share(tree.total[node], tree.total[zoom])]);
  return rows;
}

function details(flame, node) {
  return [
    h("div", { class: "mono" }, nameOf(flame.scene.tree, node)),
    h("table", {}, h("tbody", {}, amounts(flame, node).map(([name, value]) => h("tr", {}, h("td", { class: "dim" }, name), h("td", { class: "number" }, value))))),
  ];
}

function showNote(flame, node) {
  const { note, scene, onZoom, onFunction } = flame;
  const name = nameOf(scene.tree, node);
  const isRoot = scene.tree.parent[node] < 0;
  replace(note,
    h("span", {}, h("b", { class: "mono" }, name), " · ", amounts(flame, node).map(([what, value]) => `${what} ${value}`).join(" · ")),
    scene.zoom > 0 ? h("button", { class: "button", type: "button", onclick: () => onZoom(0) }, "Zoom out") : null,
    onFunction && !isRoot ? h("button", { class: "button", type: "button", onclick: () => onFunction(name) }, "Callers and callees") : null);
}
