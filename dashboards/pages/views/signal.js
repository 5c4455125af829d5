// One signal in full: its chart, what the catalogue knows of it, and what was found.

import { chart } from "../chart/chart.js";
import { h, outsideLink } from "../core/dom.js";
import { inUnit } from "../core/format.js";
import * as router from "../core/router.js";
import { limitsOf, spansOf } from "../core/signals.js";
import { showDuration } from "../core/time.js";
import { findingSummary } from "../parts/finding.js";

/** How long around a moment profiles are shown. Milliseconds. */
const AROUND = 5 * 60_000;
const MAX_LINES = 24;

/** The signal `one` of an answer. `catalogue` knows others that it refers to. */
export function signalDetail(one, answer, catalogue) {
  const { signal } = one;
  const found = answer.troubles.filter(({ last }) => last.signal === signal.name);
  return h("div", { class: "stack" },
    h("section", { class: "card stack" },
      h("div", { class: "row" }, h("h2", {}, signal.title), h("code", { class: "dim" }, signal.name)),
      picture(one, answer), legend(one), h("p", { class: "small dim" }, "Press a moment for its profiles; drag over a stretch to see it closer.")),
    h("div", { class: "two" },
      h("section", { class: "card stack" }, h("h2", {}, "What it is"), known(signal, catalogue)),
      h("section", { class: "card stack" }, h("h2", {}, `Findings in this range (${found.length})`),
        found.length ? found.map(({ last }) => findingSummary(last)) : h("p", { class: "dim" }, "None."))));
}

function picture({ signal, series }, answer) {
  const { range, query } = answer;
  const kind = signal.profiles[0] ?? "";
  const profilesAt = (time) => router.go(router.address("/profiles", { query, kind, from: String(time - AROUND), to: String(time + AROUND) }));
  return chart({
    title: signal.title, ...range, unit: signal.unit, height: 300, hint: "press: profiles of this moment",
    series: series.slice(0, MAX_LINES).map(({ name, points }, idx) => ({ name, points, tone: idx % 6 })),
    band: series.length === 1 ? series[0].band : [],
    limits: limitsOf(signal), spans: spansOf(answer.troubles, signal.name, range.to),
    onPick: profilesAt,
    onRange: (from, to) => router.change({ from: String(from), to: String(to) }),
  });
}

function legend({ signal, series }) {
  const lines = series.slice(0, MAX_LINES).map(({ name, points }, idx) =>
    h("span", { class: `tone${idx % 6}` }, h("i"), `${name || "value"}: ${inUnit(points.at(-1)?.[1] ?? null, signal.unit)}`));
  const hasBand = series.length === 1 && series[0].band.length > 0;
  return h("div", { class: "legend" }, lines,
    series.length > MAX_LINES ? h("span", {}, `and ${series.length - MAX_LINES} more`) : null,
    hasBand ? h("span", {}, h("i", { class: "band" }), "usual") : null,
    limitsOf(signal).map(({ kind, value }) => h("span", {}, h("i", { class: kind }), `${kind} ${inUnit(value, signal.unit)}`)));
}

function known(signal, catalogue) {
  const rows = [
    ["tells", signal.help],
    ["computed by", h("code", {}, signal.expr)],
    ["bad is", { up: "more", down: "less", both: "more or less" }[signal.bad]],
    ...signal.thresholds.map((threshold) => [threshold.severity, limitText(threshold, signal, catalogue)]),
    ["healthy", signal.healthy ? `${signal.healthy.comparison} ${inUnit(signal.healthy.value, signal.unit)} (${signal.healthy.source})` : null],
    ["least change told", inUnit(signal.least_change, signal.unit)],
    ["must not reach", signal.limit ? h("code", {}, signal.limit) : null],
    ["remedy", signal.remedy || null],
    ["read on", signal.references.length ? h("ul", {}, signal.references.map((reference) => h("li", {}, outsideLink(reference)))) : null],
    ["profiles that explain it", signal.profiles.join(", ") || null],
  ];
  return h("dl", { class: "rows" }, rows.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function limitText({ comparison, value, hold_seconds: hold, only_while: guard, source }, signal, catalogue) {
  const lasting = hold > 0 ? ` for ${showDuration(hold * 1000)}` : "";
  const other = guard ? catalogue.find(({ name }) => name === guard.signal) : null;
  const condition = guard ? ` while ${guard.signal} is ${guard.comparison} ${inUnit(guard.value, other?.unit ?? "")}` : "";
  return `${comparison} ${inUnit(value, signal.unit)}${lasting}${condition} (${source})`;
}
