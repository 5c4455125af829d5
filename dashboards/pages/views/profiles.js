// Profiles of any target, type and range: a flame graph, the functions, callers and callees, and two
// ranges compared. What is asked for is in the address; what is only shown otherwise is not asked again.

import { chart } from "../chart/chart.js";
import { ask, wasGivenUp } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { troubles } from "../core/health.js";
import { setPageKeys } from "../core/keys.js";
import * as router from "../core/router.js";
import { rangeOf } from "../core/time.js";
import { decode } from "../flame/tree.js";
import { functionsOf } from "../flame/functions.js";
import { rangeControls, rangeKeys } from "../parts/range.js";
import { empty, failure, leftOut, loading } from "../parts/states.js";
import { chooseType, drawToolbar, typePickers } from "./profile_controls.js";
import { drawBody } from "./profile_body.js";
import { labelPanel } from "./profile_labels.js";
import { emptySide, leftRangeOf, sideCards } from "./profile_sides.js";

/** Nodes of a flame graph at most. */
const MAX_NODES = 200_000;
/** Parameters that another answer belongs to; all others only change how one is shown. */
const ASKED = ["query", "type", "kind", "samples", "from", "to", "compare", "left_from", "left_to"];

/** Opens the page. */
export function open(root) {
  const [pickers, timeline, toolbar, body, notes, labels] = ["row", "stack", "row", "stack", "stack", "stack"].map((kind) => h("div", { class: kind }));
  replace(root, h("div", { class: "head" }, h("h1", {}, "Profiles"), pickers), timeline, toolbar, notes, body, labels);
  const page = { pickers, timeline, toolbar, body, notes, labels, asking: null, asked: null, answer: null, end: new AbortController() };
  page.refresh = () => { page.asked = null; show(page, router.here().params); };
  setPageKeys([
    ...rangeKeys(() => page.range, page.refresh),
    { keys: "/", does: "Search functions", run: () => toolbar.querySelector("input[type=search]")?.focus() },
    { keys: "v", does: "Flame graph, functions, or both", run: () => router.change({ view: nextView(router.here().params.get("view")) }) },
    { keys: "x", does: "Compare with another range, or not", run: () => toggleCompare() },
    { keys: "z", does: "Zoom out, and end callers and callees", run: () => router.change({ zoom: "", fn: "" }) },
  ]);
  return { update: (params) => show(page, params), close: () => { page.asking?.abort(); page.end.abort(); } };
}

function nextView(view) {
  return { both: "flame", flame: "table", table: "" }[view || "both"];
}

function toggleCompare() {
  const isOn = router.here().params.has("compare");
  router.change({ compare: isOn ? "" : "1", left_from: "", left_to: "", zoom: "" });
}

async function show(page, params) {
  const question = ASKED.map((name) => params.get(name) ?? "").join(" ");
  if (question === page.asked) {
    if (page.answer) drawView(page, params);
    return;
  }
  page.asked = question;
  page.asking?.abort();
  page.asking = new AbortController();
  page.range = rangeOf(params, Date.now());
  page.left = params.has("compare") ? leftRangeOf(params, page.range) : null;
  if (!page.answer) replace(page.body, loading());
  page.body.classList.add("busy");
  try {
    await read(page, params, page.asking.signal);
  } catch (error) {
    if (wasGivenUp(error)) return;
    page.answer = null;
    if (page.types) drawPickers(page, params, page.types, null);
    replace(page.notes, failure(error, page.refresh));
    replace(page.body);
  }
  page.body.classList.remove("busy");
}

async function read(page, params, signal) {
  const range = whole(page.range);
  const query = params.get("query") ?? "";
  const typesOf = (selector) => ask("/api/v1/profile/types", { query: selector, ...range }, signal);
  const [{ types }, ofQuery] = await Promise.all([typesOf(""), query ? typesOf(query) : typesOf("")]);
  page.types = types;
  const type = chooseType(ofQuery.types, params);
  drawPickers(page, params, types, type);
  if (!type) { drawNothing(page, params); return; }
  const samples = params.get("samples") ?? "";
  const question = { query, type: type.id, samples, max_nodes: MAX_NODES };
  const left = page.left && whole(page.left);
  const flame = left
    ? ask("/api/v1/profile/diff", { ...question, left_from: left.from, left_to: left.to, right_from: range.from, right_to: range.to }, signal)
    : ask("/api/v1/profile/flamegraph", { ...question, ...range }, signal);
  const [answer] = await Promise.all([flame, drawTimelines(page, { query, type: type.id }, type.unit, signal)]);
  page.answer = { ...answer, question, range, left, unit: answer.unit || type.unit, type };
  page.tree = answer.levels.length ? decode(answer) : null;
  page.functions = page.tree ? functionsOf(page.tree) : [];
  page.shown = null;
  replace(page.labels, left ? null : labelPanel({ query, type: type.id, samples, ...range }, page.answer.unit));
  drawView(page, params);
}

function whole({ from, to }) {
  return { from: Math.round(from), to: Math.round(to) };
}

function drawPickers(page, params, types, type) {
  replace(page.pickers, typePickers(types, type, params.get("query") ?? ""), page.left ? null : rangeControls(page.range, page.refresh));
}

async function drawTimelines(page, question, unit, signal) {
  const timeline = (range) => ask("/api/v1/profile/timeline", { ...question, ...whole(range) }, signal);
  if (page.left) {
    const [left, right] = await Promise.all([timeline(page.left), timeline(page.range)]);
    replace(page.timeline, sideCards(page, [left, right], unit));
    return;
  }
  const [{ points }, found] = await Promise.all([timeline(page.range), ask("/api/v1/findings", { query: question.query, ...whole(page.range) }, signal)]);
  const now = page.range.to;
  const spans = troubles(found.findings).map(({ last }) => ({ from: last.since, to: last.state === "resolved" ? last.time : now, kind: last.severity }));
  replace(page.timeline, chart({
    title: router.here().params.has("samples") ? "All samples over time" : "Profiles over time", from: page.range.from, to: page.range.to, unit, height: 96, fill: true, hint: "drag to choose a range",
    series: [{ name: "", points, tone: 0 }], spans, onRange: (from, to) => router.change({ from: String(from), to: String(to), zoom: "" }),
  }));
}

function drawNothing(page, params) {
  page.answer = null;
  page.asked = null;
  replace(page.timeline);
  replace(page.toolbar);
  replace(page.notes);
  replace(page.labels);
  const query = params.get("query");
  replace(page.body, empty("No profiles in this range", "Profiles are taken at an interval of targets whose job has a profiling_config. A longer range may have some.",
    h("a", { class: "button", href: router.changed({ from: "-24h", to: "" }) }, "The last 24 hours"),
    query ? h("a", { class: "button", href: router.changed({ query: "", type: "", kind: "" }) }, "All targets") : null,
    h("a", { class: "button", href: "/targets" }, "What is taken of which target")));
}

function drawView(page, params) {
  drawToolbar(page, params);
  replace(page.notes, leftOut(page.answer.left_out), page.left ? emptySide(page.answer) : null);
  if (page.tree) drawBody(page, params);
  else replace(page.body, empty("No profile of this type in this range", "Another range, type or target may have one.", h("a", { class: "button", href: router.changed({ from: "-24h", to: "", left_from: "", left_to: "" }) }, "The last 24 hours")));
}
