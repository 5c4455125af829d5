// A finding, short and in full. Shows what there is: a finding may have more or less.

import { h, outsideLink } from "../core/dom.js";
import { change, inUnit } from "../core/format.js";
import { address } from "../core/router.js";
import { targetName, targetSelector } from "../core/selector.js";
import { badge, labelChips, moment, since } from "./bits.js";

/** How long before and after a moment its profile is shown. Milliseconds. */
const AROUND = 5 * 60_000;

/** Two lines and a link. */
export function findingSummary(finding) {
  return h("article", { class: "finding-line" },
    h("div", { class: "row" }, badge(finding.severity), finding.state === "firing" ? null : badge(finding.state), h("span", { class: "dim small" }, "since ", since(finding.since))),
    h("a", { href: findingAddress(finding) }, finding.title),
    h("div", { class: "small dim wrap" }, targetName(finding.target), finding.cause ? ` · ${finding.cause}` : ""));
}

/** Where a finding is shown in full. */
export function findingAddress(finding) {
  return address("/findings", { id: finding.id, from: String(finding.since - 3600_000), to: String(Math.max(finding.time, finding.since) + 3600_000) });
}

/** Before and now, in the finding's unit. */
export function changeText(finding) {
  if (finding.before === null && finding.now === null) return "";
  if (finding.before === null) return inUnit(finding.now, finding.unit);
  const [before, now] = [finding.before, finding.now].map((value) => inUnit(value, finding.unit));
  const by = typeof finding.before === "number" && typeof finding.now === "number" ? ` (${change(finding.before, finding.now)})` : "";
  return `${before} → ${now}${by}`;
}

/** The rows of facts about a finding. */
export function findingFacts(finding) {
  const rows = [
    ["target", h("a", { href: address("/targets", { q: finding.target.instance }) }, labelChips(finding.target))],
    ["signal", h("a", { href: signalAddress(finding) }, finding.signal)],
    ["labels", Object.keys(finding.labels ?? {}).length ? labelChips(finding.labels) : null],
    [finding.before === null ? "now" : "before → now", changeText(finding) || null],
    ["usual", bounds(finding)],
    ["found by", finding.rule],
    ["sureness", typeof finding.score === "number" ? inUnit(finding.score, "") : null],
    ["since", moment(finding.since)],
    ["cause", finding.cause || null],
    ["remedy", finding.remedy || null],
    ...others(finding),
  ];
  return h("dl", { class: "rows" }, rows.filter(([, value]) => value !== null).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function bounds(finding) {
  const [lower, upper] = [finding.lower, finding.upper];
  if (lower === null && upper === null) return null;
  if (lower === null) return `up to ${inUnit(upper, finding.unit)}`;
  if (upper === null) return `from ${inUnit(lower, finding.unit)}`;
  return `${inUnit(lower, finding.unit)} – ${inUnit(upper, finding.unit)}`;
}

const KNOWN = new Set([
  "id", "incident", "target", "signal", "labels", "rule", "state", "severity", "time", "since", "unit", "before", "now", "lower",
  "upper", "score", "title", "explanation", "cause", "remedy", "links", "captures", "silenced",
]);

/** What this page does not know by name is shown as it is: findings learn to tell more. */
function others(finding) {
  const unknown = Object.entries(finding).filter(([name, value]) => !KNOWN.has(name) && value !== null && value !== "");
  return unknown.map(([name, value]) => [name.replaceAll("_", " "), evidence(value)]);
}

function evidence(value) {
  if (Array.isArray(value)) return value.length ? h("ul", {}, value.map((one) => h("li", {}, evidence(one)))) : null;
  if (typeof value === "object") return labelChips(Object.fromEntries(Object.entries(value).map(([name, one]) => [name, String(one)])));
  return String(value);
}

function signalAddress(finding) {
  return address("/signals", {
    query: targetSelector(finding.target), signal: finding.signal, from: String(finding.since - 3 * 3600_000), to: String(finding.time + 3600_000),
  });
}

/** Where to look further: the signal, profiles from then and from before, links of the finding. */
export function findingLinks(finding) {
  const query = targetSelector(finding.target);
  const from = finding.time - AROUND;
  const to = finding.time + AROUND;
  const day = 86_400_000;
  const range = { query, from: String(from), to: String(to) };
  return h("div", { class: "row" },
    h("a", { class: "button", href: signalAddress(finding) }, "The signal then"),
    h("a", { class: "button", href: address("/profiles", range) }, "Profiles of then"),
    h("a", { class: "button", href: address("/profiles", { ...range, compare: "1", left_from: String(from - day), left_to: String(to - day) }) }, "Compared with the day before"),
    (finding.links ?? []).map(({ name, url }) => outsideLink(url, name)));
}
