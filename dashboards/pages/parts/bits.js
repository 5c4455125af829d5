// The smallest parts: moments, badges, labels, snippets.

import { h, say } from "../core/dom.js";
import { showLabels } from "../core/selector.js";
import { ago, local, utc } from "../core/time.js";

/** A point in time in the browser's zone; its title has it in UTC. */
export function moment(millis) {
  return h("time", { datetime: new Date(millis).toISOString(), title: utc(millis), class: "number" }, local(millis));
}

/** How long ago a point in time is; its title has it in both zones. */
export function since(millis, now = Date.now()) {
  if (millis === null || millis === undefined) return h("span", { class: "dim" }, "never");
  const title = `${local(millis)} · ${utc(millis)}`;
  return h("time", { datetime: new Date(millis).toISOString(), title, class: "number" }, ago(millis, now));
}

/** A state in a word and a colour. */
export function badge(kind, text = kind) {
  return h("span", { class: `badge ${kind}` }, text);
}

/** Labels, each by itself. */
export function labelChips(labels) {
  const names = Object.keys(labels).sort();
  return h("span", { class: "chips" }, names.map((name) => h("span", { class: "chip" }, h("b", {}, `${name}=`), labels[name])));
}

/** Labels in one line. */
export function labelText(labels) {
  return h("span", { class: "mono wrap" }, showLabels(labels));
}

/** Text to take along, with a button that copies it. */
export function snippet(text, name) {
  const button = h("button", { class: "button", type: "button", "aria-label": `Copy ${name}`, onclick: () => copy(text, button) }, "Copy");
  return h("div", { class: "snippet" }, h("pre", { tabindex: "0", "aria-label": name }, text), button);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    say("Copied");
  } catch {
    // Without https or permission there is no clipboard: the text can still be marked.
    button.textContent = "Mark and copy";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

/** Buttons of which one is chosen. `options` are `[value, text]`. */
export function choice(label, options, chosen, choose) {
  return h("div", { class: "group", role: "group", "aria-label": label }, options.map(([value, text]) =>
    h("button", { class: "button", type: "button", "aria-pressed": String(value === chosen), onclick: () => choose(value) }, text)));
}

/** A labelled list to choose from. `options` are `[value, text]`. */
export function picker(label, options, chosen, choose) {
  const select = h("select", { onchange: () => choose(select.value) },
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
  return h("label", { class: "field" }, h("span", {}, label), select);
}
