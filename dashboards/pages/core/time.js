// Points and ranges of time as they stand in addresses: milliseconds since 1970, or before now such
// as `-1h`. Other pages may lead here with microseconds or nanoseconds, and with a duration added to a
// point or subtracted, such as `1700000000000000-5m`. Pure but for the browser's time zone.

const UNITS = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 7 * 86400e3 };

/** Milliseconds of `90m`, `1h30m`, `2d`; null where it is none. */
export function parseDuration(text) {
  const parts = [...text.matchAll(/(\d+)([smhdw])/g)];
  if (!parts.length || parts.map(([whole]) => whole).join("") !== text) return null;
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit], 0);
}

/** A duration in the largest units that fit, such as `1h30m`. */
export function showDuration(millis) {
  let rest = Math.max(0, Math.round(millis / 1000) * 1000);
  if (rest === 0) return "0s";
  const parts = [];
  for (const [unit, size] of [["d", UNITS.d], ["h", UNITS.h], ["m", UNITS.m], ["s", UNITS.s]]) {
    const number = Math.floor(rest / size);
    if (number > 0 && parts.length < 2) parts.push(`${number}${unit}`);
    rest -= number * size;
  }
  return parts.join("");
}

/** Milliseconds since 1970 of a word of an address; null where it is none. */
export function parseTime(text, now) {
  if (text === "now" || text === "") return now;
  // A plus that was not escaped is a space by now.
  const absolute = /^(-?\d{9,})(?:([-+ ])(.+))?$/.exec(text);
  if (absolute) return absoluteTime(absolute);
  const ago = text.startsWith("-") ? parseDuration(text.slice(1)) : null;
  return ago === null ? null : now - ago;
}

function absoluteTime([, number, sign, duration]) {
  const point = toMillis(Number(number));
  if (!sign) return point;
  const offset = parseDuration(duration);
  return offset === null ? null : point + (sign === "-" ? -offset : offset);
}

/** In milliseconds: what would be beyond the year 5000 as these is in smaller units. */
function toMillis(point) {
  const size = Math.abs(point);
  if (size < 1e14) return point;
  return point / (size < 1e17 ? 1e3 : 1e6);
}

/**
 * The range of an address: `{ from, to, fromText, toText, isRelative }`. What is missing or wrong is
 * `lookback` before now, and now.
 */
export function rangeOf(params, now, lookback = "1h") {
  const toText = params.get("to") ?? "now";
  const to = parseTime(toText, now) ?? now;
  const fromText = params.get("from") ?? `-${lookback}`;
  const from = parseTime(fromText, now) ?? now - parseDuration(lookback);
  const isRelative = toText === "now" && fromText.startsWith("-");
  return from < to
    ? { from, to, fromText, toText, isRelative }
    : { from: to - 3600e3, to, fromText: String(to - 3600e3), toText, isRelative: false };
}

/** As people of this browser's zone read it. */
export function local(millis) {
  return new Date(millis).toLocaleString(undefined, {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
}

/** A range in few words: the day once where both ends are on it. */
export function localRange(from, to) {
  const clock = { hour: "2-digit", minute: "2-digit" };
  const day = { month: "short", day: "numeric" };
  if (to - from < 120e3) clock.second = "2-digit";
  const isOneDay = new Date(from).toDateString() === new Date(to).toDateString();
  const [first, last] = [[from, { ...day, ...clock }], [to, isOneDay ? clock : { ...day, ...clock }]].map(([time, parts]) => new Date(time).toLocaleString(undefined, parts));
  return `${first} – ${last}`;
}

/** The same moment in UTC. */
export function utc(millis) {
  const date = new Date(millis);
  return Number.isNaN(date.getTime()) ? "?" : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** How long ago, roughly. */
export function ago(millis, now) {
  const past = now - millis;
  return past < 1500 ? "now" : `${showDuration(past > 60e3 * 10 ? Math.round(past / 60e3) * 60e3 : past)} ago`;
}

/** A moment for `<input type="datetime-local">`, in the browser's zone. */
export function toInput(millis) {
  const date = new Date(millis);
  return new Date(millis - date.getTimezoneOffset() * 60e3).toISOString().slice(0, 19);
}

/** What such an input holds; null where it is empty. */
export function fromInput(text) {
  const millis = new Date(text).getTime();
  return Number.isNaN(millis) ? null : millis;
}
