// Functions by what they spend, or by how much they grew.

import { h } from "../core/dom.js";
import { change, inUnit, percent } from "../core/format.js";
import { table } from "../parts/table.js";

/** Rows at once: the rest is found by searching. */
const MAX_ROWS = 300;

/** The table of `functionsOf` a tree. `chosen` is the function of the sandwich, `pattern` that of the search. */
export function topTable({ functions, root, unit, isDiff, sort, onSort, chosen, pattern, onFunction }) {
  const name = { title: "function", value: (row) => row.name, class: "name", cell: (row) => functionButton(row, onFunction) };
  const columns = isDiff ? [name, ...diffColumns(root, unit)] : [name, ...singleColumns(root, unit)];
  const rows = pattern ? functions.filter((row) => pattern.test(row.name)) : functions;
  const element = table({
    caption: isDiff ? "What grew and what shrank" : "Functions",
    columns: columns.map((column) => ({ ...column })), rows, maxRows: MAX_ROWS, onSort,
    sort: sort ?? (isDiff ? "-change of self" : "-self"),
    rowClass: (row) => (row.name === chosen ? "chosen" : null),
  });
  element.classList.add("card", "top-table");
  return element;
}

function functionButton(row, onFunction) {
  return h("button", { type: "button", title: "Callers and callees", onclick: () => onFunction(row.name) }, row.name);
}

function singleColumns(root, unit) {
  const share = (value) => h("span", { class: "dim" }, ` ${percent(value / (root.total || 1))}`);
  return ["self", "total"].map((part) => ({
    title: part, number: true, value: (row) => row[part], cell: (row) => [inUnit(row[part], unit), share(row[part])],
  }));
}

function diffColumns(root, unit) {
  const [leftAll, rightAll] = [root.left || 1, root.right || 1];
  const side = (title, key) => ({ title, number: true, value: (row) => row[key], cell: (row) => inUnit(row[key], unit) });
  const grown = (title, left, right) => {
    const by = (row) => row[right] / rightAll - row[left] / leftAll;
    return {
      title, number: true, value: by,
      cell: (row) => h("span", { class: by(row) > 0 ? "more" : by(row) < 0 ? "less" : null, title: `share ${change(row[left] / leftAll, row[right] / rightAll)}` }, points(by(row))),
    };
  };
  return [
    grown("change of self", "leftSelf", "rightSelf"), side("self before", "leftSelf"), side("self after", "rightSelf"),
    grown("change of total", "left", "right"), side("total before", "left"), side("total after", "right"),
  ];
}

/** A difference of shares, in percent of everything. */
function points(by) {
  return `${by > 0 ? "+" : by < 0 ? "−" : ""}${percent(Math.abs(by))}`;
}
