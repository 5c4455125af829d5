// What chooses profiles, and what chooses how they are shown.

import { urlOf } from "../core/api.js";
import { h, replace, say } from "../core/dom.js";
import { inUnit, percent } from "../core/format.js";
import { settled } from "../core/poll.js";
import * as router from "../core/router.js";
import { targetName, targetSelector } from "../core/selector.js";
import { compile, matched, matches } from "../flame/search.js";
import { choice, picker } from "../parts/bits.js";
import { chosenSamples } from "./profile_labels.js";

/** Types that are looked at first. */
const USUAL = ["process_cpu:cpu:", "memory:inuse_space:", "goroutine:"];

/** The type of the address, or one of its kind, or a usual one, of those there are. */
export function chooseType(types, params) {
  const kind = params.get("kind");
  return types.find(({ id }) => id === params.get("type"))
    ?? (kind ? bestOf(types.filter((type) => type.kind === kind)) : null)
    ?? bestOf(types);
}

function bestOf(types) {
  for (const start of USUAL) {
    const found = types.find(({ id }) => id.startsWith(start));
    if (found) return found;
  }
  return types[0] ?? null;
}

/** Lists of the targets and of the types there are in the range. */
export function typePickers(types, type, query) {
  const targets = new Map(types.flatMap(({ targets: all }) => all.map(({ labels }) => [targetSelector(labels), targetName(labels)])));
  const options = [["", "all targets"], ...[...targets].sort((left, right) => left[1].localeCompare(right[1]))];
  if (query && !targets.has(query)) options.push([query, query]);
  const ofTarget = types.filter(({ targets: all }) => !query || !targets.has(query) || all.some(({ labels }) => targetSelector(labels) === query));
  const isListed = !type || ofTarget.some(({ id }) => id === type.id);
  const named = (isListed ? ofTarget : [type, ...ofTarget]).map(({ id, kind, sample_type: sample }) => [id, `${kind}: ${sample}`.replaceAll("_", " ")]);
  return [
    picker("Target", options, query, (chosen) => router.change({ query: chosen, zoom: "", fn: "" })),
    picker("Profile", named, type?.id ?? "", (chosen) => router.change({ type: chosen, kind: "", samples: "", zoom: "", fn: "" })),
  ];
}

/** The bar between timeline and picture. */
export function drawToolbar(page, params) {
  const view = params.get("view") || "both";
  const isCompared = params.has("compare");
  const shown = page.toolbar.querySelector("input[type=search]");
  const search = shown && document.activeElement === shown ? shown.closest(".search") : searchField(params);
  replace(page.toolbar,
    choice("Show", [["both", "Both"], ["flame", "Flame graph"], ["table", "Functions"]], view, (chosen) => router.change({ view: chosen === "both" ? "" : chosen })),
    search, found(page, params), chosenSamples(params.get("samples")),
    h("button", { class: "button", type: "button", "aria-pressed": String(isCompared), onclick: () => router.change({ compare: isCompared ? "" : "1", left_from: "", left_to: "", zoom: "" }) }, "Compare"),
    exportMenu(page.answer),
    h("span", { class: "small dim" }, facts(page)));
}

function searchField(params) {
  const type = settled((value) => router.adjust({ q: value }), 120);
  const input = h("input", { type: "search", value: params.get("q") ?? "", placeholder: "regular expression, e.g. ^runtime", oninput: (event) => type(event.target.value), spellcheck: "false" });
  return h("label", { class: "field search" }, h("span", {}, "Search"), input);
}

/** What part of everything the search finds; keeps what it found on the page. */
function found(page, params) {
  const { pattern, error } = compile(params.get("q") ?? "");
  const input = page.toolbar.querySelector("input[type=search]");
  page.pattern = pattern;
  page.isMatch = pattern && page.tree ? matches(page.tree.names, pattern) : null;
  if (error) {
    input?.setAttribute("aria-invalid", "true");
    return h("span", { class: "small more", role: "alert" }, error);
  }
  input?.removeAttribute("aria-invalid");
  if (!page.isMatch) return null;
  const sum = matched(page.tree, page.isMatch);
  const { tree, answer } = page;
  const text = tree.isDiff
    ? `matched ${percent(sum.left / (tree.left[0] || 1))} before, ${percent(sum.right / (tree.right[0] || 1))} after`
    : `matched ${percent(sum.total / (tree.total[0] || 1))} (${inUnit(sum.total, answer.unit)})`;
  say(text);
  return h("span", { class: "small" }, h("b", {}, text));
}

function exportMenu({ question, range, left }) {
  const { query, type, samples } = question;
  const formats = left
    ? [["diff-pprof", "pprof of what changed"], ["diff-svg", "SVG of what changed"]]
    : [["pprof", "pprof, for go tool pprof"], ["folded", "folded stacks"], ["svg", "flame graph as SVG"], ["speedscope", "speedscope"]];
  const times = left ? { left_from: left.from, left_to: left.to, right_from: range.from, right_to: range.to } : range;
  const links = formats.map(([format, text]) => h("a", { class: "button", download: true, href: urlOf("/api/v1/profile/export", { format, query, type, samples, ...times }) }, text));
  return h("details", { class: "anchor menu" }, h("summary", { class: "button" }, "Export ▾"), h("div", { class: "popover stack" }, links));
}

function facts({ answer, tree }) {
  if (!tree) return "";
  if (answer.left) return `${answer.left_captures ?? ""} captures before, ${answer.right_captures ?? ""} after`;
  const kind = answer.is_delta ? "" : ", mean of them";
  return `${inUnit(answer.total, answer.unit)} in ${answer.captures} captures${kind}`;
}
