// What a page shows instead of data: that it is on its way, that there is none, that it went wrong.

import { h } from "../core/dom.js";

/** While an answer is on its way. */
export function loading(what = "Reading the archive") {
  return h("div", { class: "loading", role: "status" }, `${what} …`);
}

/** Why there is nothing, and what to do about it. */
export function failure(error, again) {
  return h("div", { class: "notice critical", role: "alert" },
    h("p", {}, error.message),
    again ? h("p", {}, h("button", { class: "button", type: "button", onclick: again }, "Try again")) : null);
}

/** There is nothing; `hints` say where something is. */
export function empty(title, text, ...hints) {
  return h("div", { class: "empty" }, h("strong", {}, title), h("p", {}, text), hints.length ? h("div", { class: "row" }, hints) : null);
}

/** What was left out of an answer that is otherwise good. */
export function leftOut(texts) {
  if (!texts?.length) return null;
  return h("div", { class: "notice warning" },
    h("p", {}, `Something could not be read and is missing here (${texts.length}):`),
    texts.slice(0, 5).map((text) => h("p", { class: "small" }, text)));
}
