// The time range of a page: usual ranges, one's own, and steps back and forth. Knows the parameters
// `from` and `to` of the address (or others, by `names`) and nothing of what is shown.

import { h } from "../core/dom.js";
import * as router from "../core/router.js";
import { fromInput, localRange, showDuration, toInput, utc } from "../core/time.js";

const USUAL = [
  ["15m", "15 minutes"], ["1h", "hour"], ["6h", "6 hours"], ["24h", "24 hours"], ["7d", "7 days"], ["30d", "30 days"], ["90d", "90 days"],
];
const NAMES = { from: "from", to: "to" };

/** The controls for a range as `rangeOf` gives it. `refresh` reads the same range again. */
export function rangeControls(range, refresh, names = NAMES) {
  const set = (from, to) => router.change({ [names.from]: from, [names.to]: to });
  const span = range.to - range.from;
  const step = (by) => set(String(Math.round(range.from + by * span)), String(Math.round(range.to + by * span)));
  const wider = () => set(String(Math.round(range.from - span / 2)), String(Math.min(Date.now(), Math.round(range.to + span / 2))));
  return h("div", { class: "range" },
    h("div", { class: "group", role: "group", "aria-label": "Move the time range" },
      button("‹", "Earlier", () => step(-0.5)),
      button("›", "Later", () => step(0.5)),
      button("−", "A wider range", wider)),
    rangeMenu(range, set),
    refresh ? button("⟳", "Read again", refresh) : null);
}

function button(text, label, onclick) {
  return h("button", { class: "button", type: "button", title: label, "aria-label": label, onclick }, text);
}

function rangeMenu(range, set) {
  const panel = h("div", { class: "popover", hidden: true });
  const open = h("button", { class: "button", type: "button", "aria-expanded": "false", title: titleOf(range), onclick: () => toggle() }, nameOf(range), h("span", { "aria-hidden": "true" }, "▾"));
  const anchor = h("div", { class: "anchor" }, open, panel);
  const close = () => { panel.hidden = true; open.setAttribute("aria-expanded", "false"); };
  const toggle = () => {
    panel.hidden = !panel.hidden;
    open.setAttribute("aria-expanded", String(!panel.hidden));
    if (!panel.hidden) panel.querySelector("button, input").focus();
  };
  const usual = USUAL.map(([ago, text]) =>
    h("button", { class: "button", type: "button", "aria-pressed": String(range.isRelative && range.fromText === `-${ago}`), onclick: () => set(`-${ago}`, "") }, `Last ${text}`));
  panel.append(h("div", { class: "stack" }, h("div", { class: "row" }, usual), exactRange(range, set)));
  anchor.addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) { close(); open.focus(); } });
  anchor.addEventListener("focusout", (event) => { if (event.relatedTarget && !anchor.contains(event.relatedTarget)) close(); });
  return anchor;
}

function exactRange(range, set) {
  const [from, to] = [range.from, range.to].map((time) => h("input", { type: "datetime-local", step: "1", value: toInput(time) }));
  const wrong = h("p", { class: "small more", role: "alert" });
  const apply = (event) => {
    event.preventDefault();
    const [first, last] = [from, to].map((input) => fromInput(input.value));
    if (first === null || last === null || first >= last) wrong.textContent = "The start has to be before the end.";
    else set(String(first), String(last));
  };
  return h("form", { class: "stack", onsubmit: apply },
    h("label", { class: "field" }, h("span", {}, "From"), from),
    h("label", { class: "field" }, h("span", {}, "To"), to),
    wrong,
    h("button", { class: "button strong", type: "submit" }, "Show this range"));
}

function nameOf(range) {
  if (range.isRelative) {
    const usual = USUAL.find(([ago]) => range.fromText === `-${ago}`);
    return `Last ${usual ? usual[1] : range.fromText.slice(1)}`;
  }
  return `${localRange(range.from, range.to)} (${showDuration(range.to - range.from)})`;
}

function titleOf(range) {
  return `${utc(range.from)} – ${utc(range.to)}`;
}

/** Keys for the range of a page. */
export function rangeKeys(rangeNow, refresh) {
  const step = (by) => {
    const range = rangeNow();
    const span = range.to - range.from;
    router.change({ from: String(Math.round(range.from + by * span)), to: String(Math.round(range.to + by * span)) });
  };
  return [
    { keys: "[", does: "Earlier", run: () => step(-0.5) },
    { keys: "]", does: "Later", run: () => step(0.5) },
    { keys: "r", does: "Read again", run: refresh },
  ];
}
