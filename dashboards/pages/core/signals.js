// Series of signals put together with what is usual and with the catalogue. Pure.

import { bandPoints } from "../chart/paths.js";
import { showLabels } from "./selector.js";

/** Labels by which every target is told. */
const OF_TARGET = new Set(["__name__", "job", "instance", "signal"]);

/** Labels of a series beyond those that all series of some have alike. */
export function ownLabels(labels, common) {
  return Object.fromEntries(Object.entries(labels).filter(([name, value]) => !OF_TARGET.has(name) && common[name] !== value));
}

/** Labels that are the same in every one of some series. */
export function commonLabels(series) {
  if (!series.length) return {};
  const [first, ...rest] = series.map(({ labels }) => labels);
  return Object.fromEntries(Object.entries(first).filter(([name, value]) => rest.every((labels) => labels[name] === value)));
}

/**
 * Signals `{ signal, series: [{ name, labels, points, band }] }` in the order of the catalogue, out of
 * series of `leadsman_signal_…` and of the two edges of the bands.
 */
export function signalsOf(catalogue, values, edges) {
  const common = commonLabels([...values, ...edges]);
  const bands = bandsOf(edges, common);
  const byMetric = new Map(catalogue.map((signal) => [signal.metric, { signal, series: [] }]));
  for (const { labels, points } of values) {
    const found = byMetric.get(labels.__name__);
    if (!found) continue;
    const own = ownLabels(labels, common);
    found.series.push({ name: showLabels(own), labels: own, points, band: bands.get(keyOf(found.signal.name, labels)) ?? [] });
  }
  return [...byMetric.values()].filter(({ series }) => series.length);
}

function bandsOf(edges) {
  const sides = new Map();
  for (const { labels, points } of edges) {
    const key = keyOf(labels.signal, labels);
    const both = sides.get(key) ?? { lower: [], upper: [] };
    both[labels.__name__.endsWith("_lower") ? "lower" : "upper"] = points.map(([time, value]) => [time, value]);
    sides.set(key, both);
  }
  return new Map([...sides].map(([key, { lower, upper }]) => [key, bandPoints(lower, upper)]));
}

function keyOf(signal, labels) {
  const rest = Object.fromEntries(Object.entries(labels).filter(([name]) => name !== "__name__" && name !== "signal"));
  return `${signal} ${showLabels(rest)}`;
}

/** Limits of a signal for a chart. */
export function limitsOf(signal) {
  const limits = signal.thresholds.map(({ severity, value }) => ({ kind: severity, value }));
  if (signal.healthy) limits.push({ kind: "healthy", value: signal.healthy.value });
  return limits;
}

/** When a signal's troubles were, for a chart: `{ from, to, kind }`. */
export function spansOf(troubles, name, now) {
  return troubles.filter(({ last }) => last.signal === name).map(({ states, last }) => ({
    from: last.since, to: last.state === "resolved" ? last.time : now, kind: states.at(-1).severity,
  }));
}
