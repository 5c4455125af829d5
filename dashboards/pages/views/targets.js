// Every target with its labels, errors and what it costs, and what did not become a target.

import { ask } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { bytes, count, seconds } from "../core/format.js";
import { poll, settled } from "../core/poll.js";
import * as router from "../core/router.js";
import { targetSelector } from "../core/selector.js";
import { badge, labelChips, picker, since } from "../parts/bits.js";
import { empty, failure, loading } from "../parts/states.js";
import { table } from "../parts/table.js";

const INTERVAL = 15_000;

/** Opens the page. */
export function open(root) {
  const end = new AbortController();
  const controls = h("div", { class: "row" });
  const list = h("div", { class: "stack" });
  replace(root, h("div", { class: "head" }, h("h1", {}, "Targets"), controls), list);
  replace(list, loading("Asking for the targets"));
  let report = null;
  let params = new URLSearchParams();
  const draw = () => { if (report) showReport(list, report, params); };
  poll(async (signal) => {
    try {
      report = await ask("/api/v1/targets", {}, signal);
      draw();
    } catch (error) {
      if (!signal.aborted) replace(list, failure(error));
    }
  }, INTERVAL, end.signal);
  return {
    update(now) {
      params = now;
      if (!controls.contains(document.activeElement)) drawControls(controls, params);
      draw();
    },
    close: () => end.abort(),
  };
}

function drawControls(root, params) {
  const type = settled((value) => router.adjust({ q: value }), 150);
  const filter = h("input", { type: "search", value: params.get("q") ?? "", placeholder: "job, instance, label or error", oninput: (event) => type(event.target.value) });
  replace(root, h("label", { class: "field" }, h("span", {}, "Filter"), filter),
    picker("State", [["", "all"], ["up", "up"], ["down", "down"], ["unknown", "not tried yet"]], params.get("health") ?? "", (health) => router.change({ health })));
}

function showReport(root, { targets, problems }, params) {
  const words = (params.get("q") ?? "").toLowerCase();
  const health = params.get("health");
  const shown = targets.filter((target) => (!health || target.health === health) && textOf(target).includes(words));
  const open = new Set([...root.querySelectorAll("details[open]")].map((details) => details.dataset.target));
  replace(root,
    shown.length ? shown.slice(0, 200).map((target) => card(target, open, shown.length === 1)) : none(targets, words || health),
    shown.length > 200 ? h("p", { class: "dim" }, `and ${shown.length - 200} more: narrow the filter`) : null,
    problems.length ? problemTable(problems) : null);
}

function none(targets, isFiltered) {
  if (targets.length && isFiltered) return empty("No target fits", "Another word or state may.", h("a", { class: "button", href: "/targets" }, "All targets"));
  return empty("No targets", "Start etcd or containerd on this machine, or name targets in the configuration: leadsman config default shows how.");
}

function textOf(target) {
  return JSON.stringify([target.job, target.instance, target.labels, target.last_error]).toLowerCase();
}

function card(target, open, isOnly) {
  const id = `${target.job}/${target.instance}`;
  const element = h("details", { class: "card target-card", open: open.has(id) || isOnly }, heading(target), body(target));
  element.dataset.target = id;
  return element;
}

function heading(target) {
  const spent = target.profiles.reduce((sum, profile) => sum + profile.seconds_spent_total, 0);
  return h("summary", {},
    badge(target.health), h("strong", {}, target.job), h("span", { class: "wrap" }, target.instance),
    target.last_error ? h("span", { class: "small more wrap" }, target.last_error) : null,
    h("span", { class: "push small dim number" }, `${count(target.n_samples)} samples in ${seconds(target.last_duration_seconds)}`, spent ? `, profiled for ${seconds(spent)}` : ""));
}

function body(target) {
  const query = targetSelector(target);
  const rows = [
    ["address", h("span", { class: "mono" }, `${target.scheme} ${target.address}`)],
    ["labels", labelChips(target.labels)],
    ["discovered labels", labelChips(target.discovered_labels)],
    ["last scrape", h("span", {}, since(target.last_scrape), ` · ${count(target.n_samples)} samples in ${seconds(target.last_duration_seconds)}`)],
    ["last error", target.last_error],
    ["left out", target.left_out.length ? h("ul", {}, target.left_out.map((reason) => h("li", {}, reason))) : null],
  ];
  return h("div", { class: "body stack" },
    h("dl", { class: "rows" }, rows.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    target.profiles.length ? profileTable(target.profiles) : h("p", { class: "dim small" }, "No profiles are configured for it: profiling_config of its job switches them on."),
    h("div", { class: "row" },
      h("a", { class: "button", href: router.address("/profiles", { query }) }, "Profiles"),
      h("a", { class: "button", href: router.address("/signals", { query }) }, "Signals"),
      h("a", { class: "button", href: router.address("/findings", { query }) }, "Findings"),
      h("a", { class: "button", href: router.address("/metrics", { target: `${target.job}/${target.instance}` }) }, "Its latest samples")));
}

function profileTable(profiles) {
  return table({
    caption: "Kinds of profiles",
    rows: profiles,
    columns: [
      { title: "profile", value: (row) => row.kind, cell: (row) => row.kind },
      { title: "state", value: (row) => row.state, cell: (row) => (row.enabled ? badge(row.state) : badge("", "off")) },
      { title: "last", value: (row) => row.last ?? 0, cell: (row) => since(row.last), number: true },
      { title: "size", value: (row) => row.bytes, cell: (row) => bytes(row.bytes), number: true },
      { title: "time it cost the target", value: (row) => row.seconds_spent_total, cell: (row) => seconds(row.seconds_spent_total), number: true },
      { title: "remark", cell: (row) => row.reason ?? "", class: "wrap" },
    ],
  });
}

function problemTable(problems) {
  return h("section", { class: "card" }, h("h2", {}, "Not targets"), table({
    caption: "What did not become a target",
    rows: problems,
    columns: [
      { title: "job", value: (row) => row.job, cell: (row) => row.job },
      { title: "what", value: (row) => row.source, cell: (row) => row.source, class: "wrap" },
      { title: "why", value: (row) => row.reason, cell: (row) => row.reason, class: "wrap" },
    ],
  }));
}
