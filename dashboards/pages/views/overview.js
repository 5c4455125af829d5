// How the targets are, what was found, and what leadsman is doing. Follows by itself.

import { ask, askText } from "../core/api.js";
import { h, replace } from "../core/dom.js";
import { samples, total } from "../core/exposition.js";
import { bytes, count, percent, seconds, short } from "../core/format.js";
import { byUrgency, healthCounts, isOf, verdict, worst } from "../core/health.js";
import { poll } from "../core/poll.js";
import { address } from "../core/router.js";
import { targetSelector } from "../core/selector.js";
import { badge, since } from "../parts/bits.js";
import { findingSummary } from "../parts/finding.js";
import { empty, failure, loading } from "../parts/states.js";
import { table } from "../parts/table.js";

const INTERVAL = 10_000;

/** Opens the page. */
export function open(root) {
  const end = new AbortController();
  const [told, found, targets, own] = ["", "", "", ""].map(() => h("div", { class: "stack" }));
  const heading = h("div", { class: "head" }, h("h1", {}, "Overview"));
  replace(root, heading, told,
    h("div", { class: "two" },
      h("section", { class: "card", "aria-labelledby": "targets-title" }, h("h2", { id: "targets-title" }, h("a", { href: "/targets" }, "Targets")), targets),
      h("div", { class: "stack" },
        h("section", { class: "card", "aria-labelledby": "found-title" }, h("h2", { id: "found-title" }, h("a", { href: "/findings" }, "Findings")), found),
        h("section", { class: "card", "aria-labelledby": "own-title" }, h("h2", { id: "own-title" }, "leadsman itself"), own))));
  replace(targets, loading("Asking for the targets"));
  let before = null;
  poll(async (signal) => {
    const [report, open] = await Promise.allSettled([ask("/api/v1/targets", {}, signal), ask("/api/v1/findings", { state: "open" }, signal)]);
    if (signal.aborted) return;
    const findings = open.value?.findings ?? [];
    showTargets(told, targets, report, findings);
    showFindings(found, open);
    before = await showOwn(own, before, signal);
  }, INTERVAL, end.signal);
  return { update() {}, close: () => end.abort() };
}

function showTargets(told, root, report, findings) {
  if (report.status === "rejected") {
    replace(told, failure(report.reason));
    return;
  }
  const { targets, problems } = report.value;
  const counts = healthCounts(targets);
  const { kind, text } = verdict(counts, findings);
  replace(told, h("div", { class: `notice verdict ${kind}` }, h("strong", {}, text),
    h("span", { class: "row" }, badge("up", `${counts.up} up`), counts.down ? badge("down", `${counts.down} down`) : null, counts.unknown ? badge("", `${counts.unknown} not tried yet`) : null)));
  if (!targets.length) replace(root, noTargets());
  else replace(root, targetTable(targets, findings), problemNote(problems));
}

function noTargets() {
  return empty("No targets", "leadsman found nothing to take soundings of. Start etcd or containerd here, or name targets in the configuration (scrape_configs).",
    h("a", { class: "button", href: "/targets" }, "What is not a target, and why"));
}

function problemNote(problems) {
  if (!problems.length) return null;
  return h("p", { class: "small dim" }, h("a", { href: "/targets" }, `${problems.length} more did not become targets`));
}

function targetTable(targets, findings) {
  const rows = targets.map((target) => ({ target, open: findings.filter((finding) => isOf(finding, target)) }));
  const rank = ({ target, open }) => (target.health === "down" ? 8 : 0) + ["info", "warning", "critical"].indexOf(worst(open)) + 1;
  rows.sort((left, right) => rank(right) - rank(left));
  return table({
    caption: "Targets",
    rows,
    columns: [
      { title: "target", value: ({ target }) => `${target.job} ${target.instance}`, cell: ({ target }) => targetCell(target) },
      { title: "state", value: ({ target }) => target.health, cell: ({ target }) => badge(target.health) },
      { title: "findings", value: rank, cell: findingCell, number: true },
      { title: "samples", value: ({ target }) => target.n_samples, cell: ({ target }) => count(target.n_samples), number: true, class: "extra" },
      { title: "took", value: ({ target }) => target.last_duration_seconds, cell: ({ target }) => seconds(target.last_duration_seconds), number: true, class: "extra" },
      { title: "last", value: ({ target }) => target.last_scrape ?? 0, cell: ({ target }) => since(target.last_scrape), number: true, class: "extra" },
      { title: "look at", cell: ({ target }) => links(target) },
    ],
  });
}

function targetCell(target) {
  return h("span", {}, h("strong", {}, target.job), " ", h("span", { class: "wrap" }, target.instance),
    target.last_error && target.health === "down" ? h("div", { class: "small more wrap" }, target.last_error) : null);
}

function findingCell({ target, open }) {
  if (!open.length) return h("span", { class: "dim" }, "–");
  return h("a", { href: address("/findings", { query: targetSelector(target) }) }, badge(worst(open), String(open.length)));
}

function links(target) {
  const query = targetSelector(target);
  const takesProfiles = target.profiles.some((profile) => profile.enabled);
  return h("span", { class: "links" },
    takesProfiles ? h("a", { href: address("/profiles", { query }) }, "profiles") : null, " ",
    h("a", { href: address("/signals", { query }) }, "signals"));
}

function showFindings(root, answer) {
  if (answer.status === "rejected") replace(root, failure(answer.reason));
  else if (!answer.value.findings.length) replace(root, h("p", { class: "dim" }, "Nothing is out of the ordinary. What was over lately is under ", h("a", { href: "/findings?state=all" }, "Findings"), "."));
  else replace(root, answer.value.findings.sort(byUrgency).slice(0, 8).map(findingSummary));
}

/** Shows numbers of ourselves; gives back the page they are from, for the rates of the next one. */
async function showOwn(root, before, signal) {
  let page;
  try {
    page = { time: performance.now(), all: samples(await askText("/metrics?signals=off", signal)) };
  } catch (error) {
    replace(root, failure(error));
    return before;
  }
  const get = (name) => total(page.all, name);
  const rate = (name) => {
    const elapsed = before ? (page.time - before.time) / 1000 : (Date.now() / 1000 - get("process_start_time_seconds"));
    return (get(name) - (before ? total(before.all, name) ?? 0 : 0)) / elapsed;
  };
  const version = page.all.find(({ name }) => name === "leadsman_build_info")?.labels.version ?? "";
  const entries = [
    ["samples", `${count(rate("leadsman_scrape_samples_total"))}/s`],
    ["CPU", percent(rate("process_cpu_seconds_total"))],
    ["memory", bytes(get("process_resident_memory_bytes") ?? NaN)],
    ["profiles taken", count(get("leadsman_profile_taken_total") ?? 0)],
    ["series judged", count(get("leadsman_judged_series") ?? 0)],
    ["archive, since start", bytes(get("leadsman_archive_bytes_total") ?? 0)],
    ["log", bytes(get("leadsman_log_bytes") ?? 0)],
    ["runs since", seconds(Date.now() / 1000 - get("process_start_time_seconds"))],
  ];
  replace(root, h("dl", { class: "facts" }, entries.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    troubleNotes(page.all), h("p", { class: "small dim" }, `leadsman ${version} · `, h("a", { href: "/metrics" }, "all of its metrics"), " · ", h("a", { href: "/debug/pprof/profile?seconds=10", download: "leadsman-cpu.pb.gz" }, "profile it for 10 s")));
  return page;
}

/** Counters of ourselves that should not count. */
const TROUBLES = [
  ["leadsman_scrape_missed_total", "scrapes were due and not made"],
  ["leadsman_profile_failures_total", "profiles failed"],
  ["leadsman_log_refused_records_total", "records were refused by the log"],
  ["leadsman_archive_dropped_total", "samples and captures could not be archived"],
  ["leadsman_archive_flush_failures_total", "flushes of the archive failed"],
  ["leadsman_otlp_dropped_total", "records were dropped by OTLP receivers"],
];

function troubleNotes(all) {
  const notes = TROUBLES.map(([name, text]) => [total(all, name) ?? 0, text]).filter(([value]) => value > 0);
  if ((total(all, "leadsman_log_writable") ?? 1) === 0) notes.unshift(["", "the log cannot be written: free space on its disk"]);
  return notes.length ? h("ul", { class: "small" }, notes.map(([value, text]) => h("li", {}, `${value === "" ? "" : short(value)} ${text}`))) : null;
}
