// What was found: each trouble with its evidence, functions, cause and remedy, and the way it went.

import { ask, wasGivenUp } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { atItsWorst, byUrgency, troubles } from "../core/health.js";
import { setPageKeys } from "../core/keys.js";
import * as router from "../core/router.js";
import { targetName } from "../core/selector.js";
import { rangeOf, showDuration } from "../core/time.js";
import { badge, choice, moment, since } from "../parts/bits.js";
import { changeText, findingFacts, findingLinks } from "../parts/finding.js";
import { rangeControls, rangeKeys } from "../parts/range.js";
import { empty, failure, leftOut, loading } from "../parts/states.js";

/** Opens the page. */
export function open(root) {
  const end = new AbortController();
  const controls = h("div", { class: "row" });
  const list = h("div", { class: "stack" });
  replace(root, h("div", { class: "head" }, h("h1", {}, "Findings"), controls), list);
  const page = { list, controls, range: null, asking: null };
  setPageKeys(rangeKeys(() => page.range, () => show(page, router.here().params)));
  return { update: (params) => show(page, params), close: () => { end.abort(); page.asking?.abort(); } };
}

async function show(page, params) {
  page.range = rangeOf(params, Date.now(), "7d");
  page.asking?.abort();
  page.asking = new AbortController();
  drawControls(page, params);
  if (!page.list.childElementCount) replace(page.list, loading());
  try {
    const found = await findings(params, page.range, page.asking.signal);
    draw(page.list, found, params);
  } catch (error) {
    if (!wasGivenUp(error)) replace(page.list, failure(error, () => show(page, router.here().params)));
  }
}

/** What is open, and what changed its state in the range; each change of state once. */
async function findings(params, range, signal) {
  const query = params.get("query");
  const id = params.get("id");
  const [open, changed] = await Promise.all([
    ask("/api/v1/findings", { state: "open", query }, signal),
    ask("/api/v1/findings", { query, id, from: Math.round(range.from), to: Math.round(range.to) }, signal),
  ]);
  const known = new Map();
  for (const finding of [...changed.findings, ...open.findings]) {
    if (!id || finding.id === id) known.set(`${finding.id} ${finding.state} ${finding.time}`, finding);
  }
  return { all: [...known.values()], leftOut: [...open.left_out, ...changed.left_out] };
}

function drawControls(page, params) {
  const state = params.get("state") ?? "all";
  replace(page.controls,
    choice("Which findings", [["all", "All"], ["open", "Open"], ["over", "Over"]], state, (chosen) => router.change({ state: chosen === "all" ? "" : chosen })),
    rangeControls(page.range, () => show(page, router.here().params)),
    params.get("query") ? h("a", { class: "button", href: router.changed({ query: "" }) }, `${params.get("query")} ✕`) : null,
    params.get("id") ? h("a", { class: "button", href: "/findings" }, "All findings") : null);
}

function draw(list, { all, leftOut: texts }, params) {
  const state = params.get("state") ?? "all";
  const shown = troubles(all).filter(({ last }) => state === "all" || (last.state === "resolved") === (state === "over"));
  const open = shown.filter(({ last }) => last.state !== "resolved").sort((left, right) => byUrgency(left.last, right.last));
  const over = shown.filter(({ last }) => last.state === "resolved");
  const isOne = Boolean(params.get("id"));
  replace(list,
    leftOut(texts),
    open.length ? [h("h2", {}, `Open (${open.length})`), open.map((trouble) => card(trouble, true))] : null,
    over.length ? [h("h2", {}, `Over (${over.length})`), over.slice(0, 100).map((trouble) => card(trouble, isOne))] : null,
    over.length > 100 ? h("p", { class: "dim" }, `and ${over.length - 100} more: choose a shorter range`) : null,
    shown.length ? null : nothing(state));
}

function nothing(state) {
  const text = state === "open"
    ? "Every signal is within what is usual for it and within its limits."
    : "In this range nothing left what is usual. A signal is judged by its own past once it has one of a day.";
  return empty("Nothing was found", text, h("a", { class: "button", href: router.changed({ from: "-90d", to: "", state: "" }) }, "The last 90 days"), h("a", { class: "button", href: "/signals" }, "Look at the signals"));
}

function card(trouble, isOpen) {
  const finding = atItsWorst(trouble);
  const { last } = trouble;
  const lasted = last.state === "resolved" ? `lasted ${showDuration(last.time - last.since)}` : null;
  return h("article", { class: `card finding-card ${finding.severity}` },
    h("details", { open: isOpen },
      h("summary", {},
        h("span", { class: "row" }, badge(finding.severity), badge(last.state), h("span", { class: "dim small" }, "since ", since(finding.since), lasted ? ` · ${lasted}` : ""), h("span", { class: "dim small wrap" }, targetName(finding.target))),
        h("h3", {}, finding.title),
        h("span", { class: "small" }, changeText(finding))),
      h("div", { class: "stack" },
        finding.explanation ? h("p", { class: "text" }, finding.explanation) : null,
        findingFacts(finding), findingLinks(finding),
        captures(finding), way(trouble.states))));
}

function captures({ captures: ids, time }) {
  if (!ids?.length) return null;
  const taken = ids.length === 1 ? "1 profile was" : `${ids.length} profiles were`;
  return h("p", { class: "small dim" }, `${taken} taken for it around `, moment(time), ": “Profiles of then” shows them.");
}

function way(states) {
  return h("details", {}, h("summary", { class: "small" }, "How it went"),
    h("ol", { class: "small" }, states.map((state) => h("li", {}, moment(state.time), " ", badge(state.state === "firing" ? state.severity : state.state, state.state), " ", state.title))));
}
