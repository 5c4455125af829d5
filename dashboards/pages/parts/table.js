// Tables that sort by the column whose head is pressed.

import { h, replace } from "../core/dom.js";

/** Rows that are shown at once; the rest is counted. */
const MAX_ROWS = 500;

/**
 * A table of `rows`. Each column has `title`, `cell(row)`, and where it sorts `value(row)`; `number`
 * sets it to the right and sorts the greatest first. `sort` is a column's title, with "-" before it
 * for the greatest first; `onSort` is told of another one. `class` of a column may be `extra`: a phone does without
 * it. `rowClass(row)` and `onRow(row)` are optional.
 */
export function table({ caption, columns, rows, sort, onSort = () => {}, rowClass, onRow, maxRows = MAX_ROWS }) {
  const body = h("tbody");
  const heads = columns.map((column) => head(column, (title) => { current = next(current, title, columns); draw(); onSort(current); }));
  const element = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, h("tr", {}, heads)), body));
  let current = sort ?? null;
  const draw = () => {
    columns.forEach((column, idx) => markSorted(heads[idx], column, current));
    const ordered = sorted(rows, columns, current);
    replace(body, ordered.slice(0, maxRows).map((row) => line(row, columns, rowClass, onRow)), rest(ordered.length - maxRows, columns.length));
  };
  draw();
  return element;
}

function head(column, choose) {
  const inner = column.value
    ? h("button", { class: "sort", type: "button", onclick: () => choose(column.title) }, column.title, h("span", { "aria-hidden": "true" }))
    : column.title;
  return h("th", { scope: "col", class: classOf(column) }, inner);
}

function classOf(column) {
  return [column.number ? "number" : "", column.class ?? ""].join(" ").trim() || null;
}

function markSorted(th, column, current) {
  const order = current === column.title ? "ascending" : current === `-${column.title}` ? "descending" : null;
  if (order) th.setAttribute("aria-sort", order);
  else th.removeAttribute("aria-sort");
  const arrow = th.querySelector("span");
  if (arrow) arrow.textContent = order === "ascending" ? " ▲" : order === "descending" ? " ▼" : "";
}

/** What is sorted by after a head was pressed. */
export function next(current, title, columns) {
  const column = columns.find((one) => one.title === title);
  const [first, second] = column.number ? [`-${title}`, title] : [title, `-${title}`];
  return current === first ? second : first;
}

/** The rows in the order that is asked for; equal ones stay as they are. */
export function sorted(rows, columns, current) {
  if (!current) return rows;
  const isDown = current.startsWith("-");
  const column = columns.find((one) => one.title === current.replace(/^-/, ""));
  if (!column?.value) return rows;
  const keyed = rows.map((row) => [column.value(row), row]);
  keyed.sort(([left], [right]) => (isDown ? compare(right, left) : compare(left, right)));
  return keyed.map(([, row]) => row);
}

function compare(left, right) {
  if (typeof left === "number" && typeof right === "number") return left - right;
  return String(left ?? "").localeCompare(String(right ?? ""), undefined, { numeric: true });
}

function line(row, columns, rowClass, onRow) {
  const cells = columns.map((column, idx) =>
    h(idx === 0 ? "th" : "td", { scope: idx === 0 ? "row" : null, class: classOf(column) }, column.cell(row)));
  const classes = [rowClass?.(row), onRow ? "clickable" : null].filter(Boolean).join(" ");
  return h("tr", { class: classes || null, onclick: onRow ? () => onRow(row) : null }, cells);
}

function rest(n, width) {
  return n > 0 ? h("tr", {}, h("td", { colspan: width, class: "dim" }, `and ${n} more`)) : null;
}
