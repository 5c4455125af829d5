// What is stored: tables, days, sizes and growth, and how to ask it with other tools.

import { ask, wasGivenUp } from "../core/api.js";
import { h, replace, svg } from "../core/dom.js";
import { bytes, count, short } from "../core/format.js";
import { setPageKeys } from "../core/keys.js";
import * as router from "../core/router.js";
import { choice, snippet } from "../parts/bits.js";
import { empty, failure, loading } from "../parts/states.js";
import { table } from "../parts/table.js";
import { snippetsFor, TOOLS } from "./snippets.js";

/** Opens the page. */
export function open(root) {
  const content = h("div", { class: "stack" }, loading("Looking through the archive"));
  replace(root, h("div", { class: "head" }, h("h1", {}, "Archive")), content);
  const page = { content, answer: null, asking: new AbortController(), params: new URLSearchParams() };
  setPageKeys([{ keys: "r", does: "Read again", run: () => read(page) }]);
  read(page);
  return {
    update(params) {
      page.params = params;
      if (page.answer) draw(page);
    },
    close: () => page.asking.abort(),
  };
}

async function read(page) {
  try {
    page.answer = await ask("/api/v1/archive", {}, page.asking.signal);
    draw(page);
  } catch (error) {
    if (!wasGivenUp(error)) replace(page.content, failure(error, () => read(page)));
  }
}

function draw({ content, answer, params }) {
  if (!answer.tables.length) {
    replace(content, empty("Nothing is stored yet", "The first files come a few minutes after the first sounding. What is in the log already is part of every other page.", h("a", { class: "button", href: "/targets" }, "The targets")));
    return;
  }
  const chosen = answer.tables.find(({ name }) => name === params.get("table")) ?? answer.tables.find(({ name }) => name === "metric_points") ?? answer.tables[0];
  replace(content, facts(answer), h("section", { class: "card" }, h("h2", {}, "Tables"), tables(answer, chosen, params)), oneTable(answer, chosen, params));
}

function facts(answer) {
  const days = new Set(answer.tables.flatMap((one) => one.days.map(({ date }) => date)));
  const sorted = [...days].sort();
  const daysLeft = answer.bytes_a_day > 0 && answer.free_bytes !== null ? answer.free_bytes / answer.bytes_a_day : null;
  const entries = [
    ["size", bytes(answer.n_bytes)],
    ["files", count(answer.n_files)],
    ["rows", count(answer.tables.reduce((sum, { n_rows }) => sum + n_rows, 0))],
    ["days", sorted.length],
    ["a day takes", answer.bytes_a_day === null ? "not known yet" : bytes(answer.bytes_a_day)],
    ["free on the disk", answer.free_bytes === null ? "–" : bytes(answer.free_bytes)],
    ["enough for", daysLeft === null ? "–" : daysLeft > 3650 ? "over 10 years" : `${short(Math.floor(daysLeft))} days`],
  ];
  return h("section", { class: "card stack" },
    h("dl", { class: "facts" }, entries.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h("p", { class: "small dim wrap" }, h("code", {}, answer.path), `, ${sorted[0]} to ${sorted.at(-1)} (UTC). Retention drops days before the disk is full.`));
}

function tables(answer, chosen, params) {
  const largest = Math.max(...answer.tables.map(({ n_bytes }) => n_bytes));
  return table({
    caption: "Tables of the archive",
    rows: answer.tables,
    sort: params.get("sort") ?? "-size",
    onSort: (sort) => router.adjust({ sort }),
    rowClass: (row) => (row.name === chosen.name ? "chosen" : null),
    columns: [
      { title: "table", value: (row) => row.name, cell: (row) => h("a", { href: router.changed({ table: row.name }), "aria-current": row.name === chosen.name ? "true" : null }, row.name) },
      { title: "resolution", value: (row) => ["raw", "5m", "1h"].indexOf(row.resolution), cell: (row) => row.resolution, class: "extra" },
      { title: "days", value: (row) => row.days.length, cell: (row) => row.days.length, number: true },
      { title: "files", value: (row) => row.n_files, cell: (row) => count(row.n_files), number: true, class: "extra" },
      { title: "rows", value: (row) => row.n_rows, cell: (row) => count(row.n_rows), number: true },
      { title: "size", value: (row) => row.n_bytes, cell: (row) => bytes(row.n_bytes), number: true },
      { title: "bytes a row", value: (row) => row.n_bytes / row.n_rows, cell: (row) => short(row.n_bytes / row.n_rows), number: true, class: "extra" },
      { title: "compressed", value: (row) => row.plain_bytes / row.packed_bytes, cell: (row) => (row.packed_bytes ? `${short(row.plain_bytes / row.packed_bytes)}×` : "–"), number: true, class: "extra" },
      { title: "share", cell: (row) => meter(row.n_bytes / largest), class: "extra" },
    ],
  });
}

function meter(part) {
  return svg("svg", { class: "meter", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { width: part * 100, height: 4 }));
}

function oneTable(answer, chosen, params) {
  const tool = TOOLS.some(([name]) => name === params.get("tool")) ? params.get("tool") : "duckdb";
  const code = snippetsFor(answer.path, chosen.name)[tool];
  return h("div", { class: "two" },
    h("section", { class: "card stack" },
      h("div", { class: "row" }, h("h2", {}, `Ask ${chosen.name}`), choice("Tool", TOOLS, tool, (name) => router.change({ tool: name }))),
      snippet(code, `${tool}, ${chosen.name}`),
      h("p", { class: "small dim" }, "Any tool that reads Parquet will do. Each table is a folder with a folder for each day.")),
    h("section", { class: "card" }, h("h2", {}, `Days of ${chosen.name}`), days(chosen)));
}

function days(chosen) {
  const largest = Math.max(...chosen.days.map(({ n_bytes }) => n_bytes));
  return table({
    caption: `Days of ${chosen.name}`,
    rows: [...chosen.days].reverse(),
    maxRows: 60,
    columns: [
      { title: "day", value: (row) => row.date, cell: (row) => row.date },
      { title: "rows", value: (row) => row.n_rows, cell: (row) => count(row.n_rows), number: true },
      { title: "files", value: (row) => row.n_files, cell: (row) => row.n_files, number: true },
      { title: "size", value: (row) => row.n_bytes, cell: (row) => bytes(row.n_bytes), number: true },
      { title: "share", cell: (row) => meter(row.n_bytes / largest), class: "extra" },
    ],
  });
}
