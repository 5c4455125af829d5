// The labels that samples of a profile have, such as what goroutines wait for: read when it is opened.
// A value leads to the samples that have it.

import { ask, wasGivenUp } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { inUnit, percent } from "../core/format.js";
import * as router from "../core/router.js";
import { withMatcher } from "../core/selector.js";
import { failure, leftOut, loading } from "../parts/states.js";
import { table } from "../parts/table.js";

/** A part of the page that can be opened. */
export function labelPanel(question, unit) {
  const content = h("div", { class: "grid" });
  const panel = h("details", { class: "card" }, h("summary", {}, "Labels of samples"), content);
  panel.addEventListener("toggle", async () => {
    if (!panel.open || content.childElementCount) return;
    replace(content, loading());
    try {
      const answer = await ask("/api/v1/profile/labels", question);
      replace(content, leftOut(answer.left_out), answer.labels.length ? answer.labels.map((label) => section(label, question.samples, unit)) : h("p", { class: "dim" }, "The samples of this profile have no labels."));
    } catch (error) {
      if (!wasGivenUp(error)) replace(content, failure(error));
    }
  });
  return panel;
}

function section({ name, values }, samples, unit) {
  const sum = values.reduce((total, value) => total + value.total, 0) || 1;
  return h("section", {}, h("h3", {}, name), table({
    caption: `Values of ${name}`,
    rows: values,
    maxRows: 20,
    columns: [
      { title: "value", value: (row) => row.value, cell: (row) => only(name, row.value, samples), class: "wrap" },
      { title: "total", value: (row) => row.total, cell: (row) => inUnit(row.total, unit), number: true },
      { title: "share", value: (row) => row.total, cell: (row) => percent(row.total / sum), number: true },
    ],
  }));
}

function only(name, value, samples) {
  const chosen = withMatcher(samples, name, "=", value);
  return h("a", { href: router.changed({ samples: chosen, zoom: "" }), title: "Only these samples" }, value || "(empty)");
}

/** Which samples are shown, if not all of them, and a way back. */
export function chosenSamples(samples) {
  if (!samples) return null;
  return h("span", { class: "row" }, h("span", { class: "small" }, "only samples with ", h("b", { class: "mono wrap" }, samples), "; the line above is of all"),
    h("a", { class: "button", href: router.changed({ samples: "", zoom: "" }) }, "All samples"));
}
