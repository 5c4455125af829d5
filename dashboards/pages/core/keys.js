// Keys that work everywhere, and those of the page that is shown. `?` lists them all.

import { h } from "./dom.js";

const everywhere = [];
let ofPage = [];
let pending = "";
let forget = 0;

/** Keys are one letter, or two after each other: `{ keys: "g p", does: "profiles", run }`. */
export function setGlobalKeys(list) {
  everywhere.push(...list);
}

/** The keys of the page that is shown; those of the last one end. */
export function setPageKeys(list) {
  ofPage = list;
}

/** Listens to the keyboard. */
export function start() {
  document.addEventListener("keydown", onKey);
}

function onKey(event) {
  if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const typed = pending ? `${pending} ${event.key}` : event.key;
  const known = [...ofPage, ...everywhere];
  const hit = known.find(({ keys }) => keys === typed);
  pending = hit || !known.some(({ keys }) => keys.startsWith(`${typed} `)) ? "" : typed;
  clearTimeout(forget);
  forget = setTimeout(() => { pending = ""; }, 1200);
  if (!hit) return;
  event.preventDefault();
  hit.run();
}

function isTyping(target) {
  return target.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
}

/** Shows the dialog with all keys. */
export function showHelp() {
  const dialog = h("dialog", { "aria-labelledby": "keys-title" },
    h("div", { class: "row" },
      h("h2", { id: "keys-title" }, "Keys"),
      h("button", { class: "button plain push", type: "button", onclick: () => dialog.close() }, "Close")),
    ofPage.length ? [h("h3", {}, "On this page"), list(ofPage)] : null,
    h("h3", {}, "Everywhere"), list(everywhere));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function list(keys) {
  return h("table", {}, h("tbody", {}, keys.map(({ keys: typed, does }) => h("tr", {},
    h("th", { scope: "row" }, typed.split(" ").flatMap((key, idx) => [idx ? " then " : "", h("kbd", { class: "keycap" }, key)])),
    h("td", {}, does)))));
}
