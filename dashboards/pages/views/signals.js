// The signals of a target: charts with what is usual, limits and findings; one signal in full.

import { chart } from "../chart/chart.js";
import { ask, wasGivenUp } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { inUnit } from "../core/format.js";
import { troubles } from "../core/health.js";
import { setPageKeys } from "../core/keys.js";
import { settled } from "../core/poll.js";
import * as router from "../core/router.js";
import { targetName, targetSelector, withMatcher } from "../core/selector.js";
import { limitsOf, signalsOf, spansOf } from "../core/signals.js";
import { rangeOf } from "../core/time.js";
import { picker } from "../parts/bits.js";
import { rangeControls, rangeKeys } from "../parts/range.js";
import { empty, failure, leftOut, loading } from "../parts/states.js";
import { signalDetail } from "./signal.js";

const GRID_POINTS = 120;
const DETAIL_POINTS = 500;
/** Lines of a small chart. */
const MAX_LINES = 6;

/** Opens the page. */
export function open(root) {
  const page = { controls: h("div", { class: "row" }), content: h("div", { class: "stack" }), asking: null, asked: null, answer: null, targets: null };
  replace(root, h("div", { class: "head" }, h("h1", {}, "Signals"), page.controls), page.content);
  page.refresh = () => { page.asked = null; show(page, router.here().params); };
  setPageKeys([...rangeKeys(() => page.range, page.refresh), { keys: "/", does: "Filter", run: () => page.controls.querySelector("input[type=search]")?.focus() }]);
  return { update: (params) => show(page, params), close: () => page.asking?.abort() };
}

async function show(page, params) {
  page.range = rangeOf(params, Date.now(), "6h");
  const question = [params.get("query"), params.get("from"), params.get("to"), params.get("signal")].join(" ");
  if (question === page.asked && page.answer) { draw(page, params); return; }
  page.asked = question;
  page.asking?.abort();
  page.asking = new AbortController();
  if (!page.answer) replace(page.content, loading());
  page.content.classList.add("busy");
  try {
    page.answer = await read(page, params, page.asking.signal);
    page.content.classList.remove("busy");
    draw(page, params);
  } catch (error) {
    if (wasGivenUp(error)) return;
    page.content.classList.remove("busy");
    drawControls(page, params, "");
    replace(page.content, failure(error, page.refresh));
  }
}

async function read(page, params, signal) {
  page.targets ??= (await ask("/api/v1/targets", {}, signal)).targets;
  page.catalogue ??= (await ask("/api/v1/signals", {}, signal)).signals;
  const query = params.get("query") || defaultQuery(page.targets);
  const range = { from: Math.round(page.range.from), to: Math.round(page.range.to) };
  const name = params.get("signal");
  const known = page.catalogue.find((one) => one.name === name);
  const points = name ? DETAIL_POINTS : GRID_POINTS;
  const values = known ? withMatcher(query, "__name__", "=", known.metric) : withMatcher(query, "__name__", "=~", "leadsman_signal_.+");
  const allEdges = withMatcher(query, "__name__", "=~", "leadsman_baseline_(lower|upper)");
  const edges = known ? withMatcher(allEdges, "signal", "=", name) : allEdges;
  const [found, bands, findings] = await Promise.all([
    ask("/api/v1/series", { query: values, points, ...range }, signal),
    ask("/api/v1/series", { query: edges, points, ...range }, signal),
    ask("/api/v1/findings", { query, from: range.from - 86_400_000, to: range.to }, signal),
  ]);
  return { query, range, signals: signalsOf(page.catalogue, found.series, bands.series), troubles: troubles(findings.findings), leftOut: [...found.left_out, ...bands.left_out] };
}

function defaultQuery(targets) {
  const up = targets.find(({ health }) => health === "up") ?? targets[0];
  return up ? targetSelector(up) : "{}";
}

function draw(page, params) {
  const { answer } = page;
  drawControls(page, params, answer.query);
  const name = params.get("signal");
  const one = name ? answer.signals.find(({ signal }) => signal.name === name) : null;
  if (one) replace(page.content, leftOut(answer.leftOut), signalDetail(one, answer, page.catalogue));
  else if (name) replace(page.content, noSignal(name), leftOut(answer.leftOut));
  else replace(page.content, leftOut(answer.leftOut), grid(answer, params));
}

function drawControls(page, params, query) {
  if (page.controls.contains(document.activeElement) && document.activeElement.matches("input[type=search]")) return;
  const options = (page.targets ?? []).map((target) => [targetSelector(target), targetName(target)]);
  if (query && !options.some(([known]) => known === query)) options.push([query, query]);
  const type = settled((value) => router.adjust({ q: value }), 120);
  replace(page.controls,
    picker("Target", options, query, (chosen) => router.change({ query: chosen })),
    params.get("signal")
      ? h("a", { class: "button", href: router.changed({ signal: "" }) }, "‹ All signals")
      : h("label", { class: "field" }, h("span", {}, "Filter"), h("input", { type: "search", value: params.get("q") ?? "", placeholder: "name or title", oninput: (event) => type(event.target.value) })),
    rangeControls(page.range, page.refresh));
}

function noSignal(name) {
  return empty(`Nothing of ${name} here`, "This target has no such signal in this range.", h("a", { class: "button", href: router.changed({ signal: "" }) }, "All its signals"));
}

function grid(answer, params) {
  if (!answer.signals.length) {
    return empty("No signals in this range", "Signals are computed from the first minutes on, of programs that the catalogue knows. A longer range or another target may have some.",
      h("a", { class: "button", href: router.changed({ from: "-7d", to: "" }) }, "The last 7 days"), h("a", { class: "button", href: "/targets" }, "The targets"));
  }
  const words = (params.get("q") ?? "").toLowerCase();
  const shown = answer.signals.filter(({ signal }) => `${signal.name} ${signal.title}`.toLowerCase().includes(words));
  const components = [...new Set(shown.map(({ signal }) => signal.component))];
  if (!shown.length) return empty("No signal fits", "The filter looks at names and titles.", h("a", { class: "button", href: router.changed({ q: "" }) }, "No filter"));
  return components.map((component) => h("section", { class: "stack" }, h("h2", {}, component),
    h("div", { class: "grid" }, shown.filter(({ signal }) => signal.component === component).map((one) => card(one, answer)))));
}

function card({ signal, series }, answer) {
  const { range } = answer;
  const last = series.length === 1 ? inUnit(series[0].points.at(-1)?.[1] ?? null, signal.unit) : `${series.length} series`;
  return h("article", { class: "card signal-card" },
    h("div", { class: "row" }, h("h3", {}, h("a", { href: router.changed({ signal: signal.name }) }, signal.title)), h("span", { class: "value" }, last)),
    chart({
      title: signal.title, ...range, unit: signal.unit, height: 110,
      series: series.slice(0, MAX_LINES).map(({ name, points }, idx) => ({ name, points, tone: idx % 6 })),
      band: series.length === 1 ? series[0].band : [],
      limits: limitsOf(signal), spans: spansOf(answer.troubles, signal.name, range.to),
      onPick: (time) => router.change({ signal: signal.name, at: String(time) }),
      onRange: (from, to) => router.change({ from: String(from), to: String(to) }),
    }));
}
