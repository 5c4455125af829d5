// A chart over time: lines with their reach, a band, limits, and stretches that are marked. Pressing
// it picks a moment, dragging over it a range; with the keyboard the arrows move and Enter picks.

import { replace, say, svg, h } from "../core/dom.js";
import { inUnit } from "../core/format.js";
import { local, utc } from "../core/time.js";
import { hideTip, showTip } from "../parts/tip.js";
import { onDrag } from "./drag.js";
import { areaPath, linePath, nearest } from "./paths.js";
import { linear, reach, ticks, timeTicks } from "./scale.js";

const MARGIN = { top: 8, right: 6, bottom: 20, left: 54 };
const BINARY = new Set(["bytes", "By", "bytes_per_second", "By/s"]);

/**
 * A chart of `{ title, from, to, unit, height, series, band, limits, spans, fill, onPick, onRange }`:
 * `series` of `{ name, points: [[millis, value, least, greatest], …], tone }`, `band` of
 * `[[millis, lower, upper], …]`, `limits` of `{ kind, value }`, `spans` of `{ from, to, kind }`. Charts that are
 * compared share their `greatest` value.
 */
export function chart(options) {
  const picture = svg("svg", { class: "chart", height: options.height, tabindex: "0", role: "img", "aria-label": describe(options) });
  const draw = () => {
    const width = picture.parentElement?.clientWidth ?? 0;
    if (width > 0) drawInto(picture, width, options);
  };
  const element = h("div", { class: "chart-frame" }, picture);
  new ResizeObserver(draw).observe(element);
  listen(picture, options);
  return element;
}

function describe({ title, series, unit }) {
  const lasts = series.slice(0, 4).map(({ name, points }) => `${name ? `${name}: ` : ""}${inUnit(points.at(-1)?.[1] ?? NaN, unit)}`);
  return `${title}. Last ${lasts.join(", ") || "nothing"}`;
}

function drawInto(picture, width, options) {
  const scales = scalesOf(width, options);
  picture.scales = scales;
  picture.setAttribute("width", width);
  picture.setAttribute("viewBox", `0 0 ${width} ${options.height}`);
  const { x, y } = scales;
  const { series, band = [], limits = [], spans = [] } = options;
  replace(picture,
    grid(width, options, scales),
    spans.map((span) => spanBox(span, x, options)),
    band.length ? svg("path", { class: "band", d: areaPath(band, x, y) }) : null,
    series.map(({ points, tone }) => svg("path", { class: `reach tone${tone}`, d: areaPath(points.filter((point) => point.length > 2).map(([time, , least, greatest]) => [time, least, greatest]), x, y) })),
    options.fill ? series.map(({ points, tone }) => svg("path", { class: `area tone${tone}`, d: areaPath(points.map(([time, value]) => [time, 0, value]), x, y) })) : null,
    series.map(({ points, tone }) => svg("path", { class: `line tone${tone}`, d: linePath(points, x, y) })),
    limits.filter(({ value }) => isWithin(value, y)).map(({ kind, value }) => svg("path", { class: `limit ${kind}`, d: `M${MARGIN.left} ${y(value)}H${width - MARGIN.right}` })),
    svg("rect", { class: "chosen", y: 0, height: options.height - MARGIN.bottom, width: 0 }),
    svg("line", { class: "cursor", y1: 0, y2: options.height - MARGIN.bottom, visibility: "hidden" }));
}

function scalesOf(width, { from, to, height, series, fill, greatest: shared, band = [], limits = [] }) {
  const values = series.flatMap(({ points }) => points.flatMap((point) => point.slice(1)));
  const [low, greatest] = reach([...values, ...band.flatMap((point) => point.slice(1)), shared ?? NaN]);
  const least = fill ? Math.min(0, low) : low;
  // A limit is shown where it is not so far away that nothing else could be seen.
  const near = limits.map(({ value }) => value).filter((value) => value > greatest && value < least + (greatest - least) * 2);
  const top = Math.max(greatest, ...near.map((value) => value * 1.04));
  return {
    x: linear([from, to], [MARGIN.left, width - MARGIN.right]),
    y: linear([least, top], [height - MARGIN.bottom, MARGIN.top]),
    values: [least, top],
  };
}

function isWithin(value, y) {
  const place = y(value);
  return place >= 0 && place <= y(y.invert(0)) + 1e6 && place >= MARGIN.top - 4;
}

function grid(width, { from, to, height, unit }, { x, y, values: [least, greatest] }) {
  const rows = ticks(least, greatest, Math.max(2, height / 45), BINARY.has(unit) ? 1024 : 10).map((value) => [
    svg("line", { class: "grid-line", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
    svg("text", { x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, inUnit(value, unit)),
  ]);
  const columns = timeTicks(from, to, width / 85).filter(([time]) => x(time) > MARGIN.left + 14 && x(time) < width - 18).map(([time, text]) =>
    svg("text", { x: x(time), y: height - 5, "text-anchor": "middle" }, text));
  return [rows, columns];
}

function spanBox(span, x, { height, from, to }) {
  const start = x(Math.max(span.from, from));
  const width = Math.max(2, x(Math.min(span.to, to)) - start);
  return svg("rect", { class: `span ${span.kind}`, x: start, y: 0, width, height: height - MARGIN.bottom });
}

function listen(picture, options) {
  const { onPick, onRange } = options;
  let cursor = null;
  const timeAt = (place) => picture.scales.x.invert(place);
  const point = (time, at) => { cursor = time; showCursor(picture, options, time, at); };
  onDrag(picture, {
    move: (place, event) => (place === null ? leave(picture) : point(clamp(timeAt(place), options), [event.clientX, event.clientY])),
    drag: onRange ? (left, right) => showChosen(picture, left, right) : null,
    chosen: onRange ? (left, right) => onRange(...[left, right].map((place) => Math.round(clamp(timeAt(place), options)))) : null,
    pick: onPick ? (place) => onPick(Math.round(clamp(timeAt(place), options))) : null,
  });
  picture.addEventListener("blur", () => leave(picture));
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && picture.scales) {
      event.preventDefault();
      const times = options.series[0]?.points.length ?? 100;
      point(clamp((cursor ?? options.to) + (step * (options.to - options.from)) / Math.max(20, Math.min(times, 200)), options), null);
      say(readings(options, cursor).map(([name, value]) => `${name} ${value}`).join(", "));
    } else if (event.key === "Enter" && cursor !== null && onPick) {
      event.preventDefault();
      onPick(Math.round(cursor));
    }
  });
}

function clamp(time, { from, to }) {
  return Math.min(to, Math.max(from, time));
}

function leave(picture) {
  hideTip();
  picture.querySelector(".cursor")?.setAttribute("visibility", "hidden");
}

function showChosen(picture, left, right) {
  const chosen = picture.querySelector(".chosen");
  chosen.setAttribute("x", left);
  chosen.setAttribute("width", Math.max(0, right - left));
}

function showCursor(picture, options, time, at) {
  const place = picture.scales.x(time);
  const cursor = picture.querySelector(".cursor");
  for (const end of ["x1", "x2"]) cursor.setAttribute(end, place);
  cursor.setAttribute("visibility", "visible");
  const frame = picture.getBoundingClientRect();
  showTip(at ?? [frame.left + place, frame.top + 10],
    h("div", { class: "small" }, local(time)), h("div", { class: "small dim" }, utc(time)),
    h("table", {}, h("tbody", {}, readings(options, time).map(([name, value]) => h("tr", {}, h("td", {}, name), h("td", { class: "number" }, value))))),
    options.hint ? h("div", { class: "small dim" }, options.hint) : null);
}

function readings({ series, band = [], unit }, time) {
  const rows = series.slice(0, 12).map(({ name, points }) => {
    const point = nearest(points, time);
    return point ? [name || "value", inUnit(point[1], unit)] : null;
  });
  const usual = nearest(band, time);
  if (usual) rows.push(["usual", `${inUnit(usual[1], unit)} – ${inUnit(usual[2], unit)}`]);
  return rows.filter(Boolean);
}
