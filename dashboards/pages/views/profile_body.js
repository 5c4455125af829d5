// The picture and the table of an answer, or the callers and callees of one function of it.

import { h, replace } from "../core/dom.js";
import * as router from "../core/router.js";
import { calleesOf, callersOf } from "../flame/functions.js";
import { topTable } from "../flame/top.js";
import { levelOf, nodeOfHash, pathHash, pathOf } from "../flame/tree.js";
import { flameView } from "../flame/view.js";

const toFunction = (name) => router.change({ fn: name });

/** Shows the page's tree as the address says. Pictures stay as long as they show the same. */
export function drawBody(page, params) {
  const view = params.get("view") || "both";
  const fn = params.get("fn") ?? "";
  const shown = `${view} ${fn}`;
  if (page.shown !== shown) {
    page.shown = shown;
    page.pictures?.end.abort();
    page.pictures = build(page, view, fn);
  }
  const { flame, side } = page.pictures;
  if (side) replace(side, functionTable(page, params, fn));
  if (flame) flame.setZoom(zoomedNode(page.tree, params.get("zoom")));
  for (const picture of page.pictures.all) picture.setMatch(page.isMatch);
}

function build(page, view, fn) {
  const end = new AbortController();
  page.end.signal.addEventListener("abort", () => end.abort());
  const side = view === "flame" ? null : h("div", {});
  const pictures = { end, side, flame: null, all: [] };
  const main = h("div", { class: "flame-side stack" });
  if (view !== "table") fillMain(page, main, pictures, fn);
  replace(page.body, h("div", { class: `profile-body ${view}${page.tree.isDiff ? " compared" : ""}` }, side, view === "table" ? null : main));
  return pictures;
}

function fillMain(page, main, pictures, fn) {
  const { tree, answer } = page;
  if (fn && tree.names.includes(fn)) {
    const close = h("a", { class: "button", href: router.changed({ fn: "" }) }, "Back to the whole");
    main.append(h("div", { class: "row" }, h("h2", { class: "mono wrap" }, fn), close));
    main.append(part(pictures, "Callers", callersOf(tree, fn), answer, true), part(pictures, "Callees", calleesOf(tree, fn), answer, false));
    return;
  }
  const flame = flameView({ unit: answer.unit, label: "Flame graph. Arrows move, Enter zooms, Escape zooms out, c shows callers and callees.", onZoom: (node) => router.change({ zoom: zoomWord(tree, node) }), onFunction: toFunction }, pictures.end.signal);
  flame.setTree(tree, zoomedNode(tree, router.here().params.get("zoom")));
  Object.assign(pictures, { flame, all: [flame] });
  main.append(flame.element, tree.isDiff ? scaleKey() : "");
}

function part(pictures, title, tree, answer, isUpward) {
  const view = flameView({ unit: answer.unit, label: `${title}. Arrows move, Enter zooms, Escape zooms out.`, onZoom: (node) => view.setZoom(node), onFunction: toFunction, isUpward }, pictures.end.signal);
  view.setTree(tree);
  pictures.all.push(view);
  return h("section", { class: "stack" }, h("h3", {}, title), view.element);
}

function scaleKey() {
  return h("div", { class: "scale-key" }, "less than before", h("i"), "more than before");
}

function zoomWord(tree, node) {
  return node > 0 ? `${levelOf(tree, node)}.${pathHash(pathOf(tree, node))}` : "";
}

function zoomedNode(tree, word) {
  const [level, hash] = (word ?? "").split(".");
  return hash ? Math.max(0, nodeOfHash(tree, Number(level), hash)) : 0;
}

function functionTable(page, params, fn) {
  const { tree, answer, functions, pattern } = page;
  const root = { total: tree.total[0], left: tree.isDiff ? tree.left[0] : 0, right: tree.isDiff ? tree.right[0] : 0 };
  return topTable({
    functions, root, unit: answer.unit, isDiff: tree.isDiff, sort: params.get("sort") ?? undefined, onSort: (sort) => router.adjust({ sort }),
    chosen: fn, pattern, onFunction: toFunction,
  });
}
