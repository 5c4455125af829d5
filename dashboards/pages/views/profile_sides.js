// Two ranges that are compared: which they are, and a timeline of each to change them.

import { chart } from "../chart/chart.js";
import { h } from "../core/dom.js";
import * as router from "../core/router.js";
import { rangeOf } from "../core/time.js";
import { choice } from "../parts/bits.js";
import { rangeControls } from "../parts/range.js";

const DAY = 86_400_000;
const NAMES = { from: "left_from", to: "left_to" };

/** The range before, of the address; just before the other one where it says nothing. */
export function leftRangeOf(params, right) {
  if (!params.has("left_from")) return { ...before(right), isRelative: false, fromText: "", toText: "" };
  const renamed = new URLSearchParams({ from: params.get("left_from"), to: params.get("left_to") ?? "now" });
  return rangeOf(renamed, Date.now());
}

function before({ from, to }) {
  return { from: from - (to - from), to: from };
}

function earlier({ from, to }, by) {
  return { from: from - by, to: to - by };
}

/** A card for each side. `answers` are their timelines. */
export function sideCards(page, [left, right], unit) {
  const greatest = Math.max(...[left, right].flatMap(({ points }) => points.map(([, value]) => value)), 0);
  return h("div", { class: "grid sides" },
    side("Before", "side-a", page.left, left, NAMES, { unit, greatest, tone: 0 }, presets(page)),
    side("After", "side-b", page.range, right, undefined, { unit, greatest, tone: 1 }, null));
}

/** Says so where one side has nothing: all of the other is a change then. */
export function emptySide({ left_captures: left, right_captures: right }) {
  if (left && right) return null;
  const where = !left && !right ? "of either side" : left ? "after" : "before";
  return h("p", { class: "notice warning" }, `There is no profile in the range ${where}: choose another one.`);
}

function side(title, kind, range, { points }, names, { unit, greatest, tone }, more) {
  const { from: fromName, to: toName } = names ?? { from: "from", to: "to" };
  return h("section", { class: `card stack ${kind}` },
    h("div", { class: "row" }, h("h2", {}, title), rangeControls(range, null, names)),
    more,
    chart({
      title, from: range.from, to: range.to, unit, greatest, height: 84, fill: true, series: [{ name: "", points, tone }], hint: "drag to choose a range",
      onRange: (from, to) => router.change({ [fromName]: String(from), [toName]: String(to), zoom: "" }),
    }));
}

function presets({ left, range }) {
  const usual = [["just", before(range), "Just before"], ["day", earlier(range, DAY), "A day before"], ["week", earlier(range, 7 * DAY), "Same hour last week"]];
  const isLeft = ({ from, to }) => Math.abs(from - left.from) < 1000 && Math.abs(to - left.to) < 1000;
  const chosen = usual.find(([, other]) => isLeft(other))?.[0];
  return choice("Compare with", usual.map(([name, , text]) => [name, text]), chosen, (name) => {
    const [, other] = usual.find(([known]) => known === name);
    router.change({ from: String(Math.round(range.from)), to: String(Math.round(range.to)), left_from: String(Math.round(other.from)), left_to: String(Math.round(other.to)), zoom: "" });
  });
}
