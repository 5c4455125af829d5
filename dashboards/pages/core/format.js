// Numbers as people read them. Pure.

const TIMES = [
  [86400, "d"], [3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"],
];
const SIZES = [
  [2 ** 50, "PiB"], [2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"],
];
const THOUSANDS = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

/** Three digits that say something, or all that are before the point. */
export function short(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value > 0 ? "∞" : "-∞";
  const size = Math.abs(value);
  const decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size === 0 ? 0 : Math.min(6, 2 - Math.floor(Math.log10(size)));
  const text = value.toFixed(decimals);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function scaled(value, scale) {
  const size = Math.abs(value);
  const base = scale.find(([factor]) => factor === 1) ?? [1, ""];
  const [factor, name] = (size === 0 ? base : scale.find(([least]) => size >= least * 0.9995)) ?? scale.at(-1);
  return `${short(value / factor)} ${name}`;
}

/** Bytes. */
export function bytes(value) {
  return Number.isFinite(value) ? scaled(value, SIZES) : short(value);
}

/** Seconds. */
export function seconds(value) {
  return Number.isFinite(value) ? scaled(value, TIMES) : short(value);
}

/** A count, shortened from ten thousand on. */
export function count(value) {
  if (!Number.isFinite(value) || Math.abs(value) < 10000) return short(value);
  const [factor, name] = THOUSANDS.find(([least]) => Math.abs(value) >= least);
  return `${short(value / factor)} ${name}`;
}

/** A part of a whole as percent. */
export function percent(part) {
  return Number.isFinite(part) ? `${short(part * 100)} %` : short(part);
}

const UNITS = {
  ratio: percent,
  seconds,
  s: seconds,
  bytes,
  By: bytes,
  bytes_per_second: (value) => `${bytes(value)}/s`,
  "By/s": (value) => `${bytes(value)}/s`,
  per_second: (value) => `${count(value)}/s`,
  nanoseconds: (value) => seconds(value / 1e9),
  ns: (value) => seconds(value / 1e9),
  microseconds: (value) => seconds(value / 1e6),
  milliseconds: (value) => seconds(value / 1e3),
  cores: (value) => `${short(value)} cores`,
};

/** A value in a unit: of the catalogue, of UCUM, or of a profile's sample type. */
export function inUnit(value, unit) {
  if (value === null || value === undefined) return "–";
  const number = typeof value === "string" ? Number(value.replace("Inf", "Infinity")) : value;
  const known = UNITS[unit];
  if (known) return Number.isFinite(number) ? known(number) : short(number);
  const isPlain = !unit || unit === "1" || unit === "count";
  return isPlain || !Number.isFinite(number) ? count(number) : `${count(number)} ${unit.replace(/[{}]/g, "")}`;
}

/** By what factor or share something changed, with its sign. */
export function change(before, after) {
  if (!(before > 0)) return after > 0 ? "new" : "–";
  const ratio = after / before - 1;
  if (ratio >= 9.95) return `×${short(after / before)}`;
  const text = percent(Math.abs(ratio));
  return ratio === 0 ? "0 %" : `${ratio > 0 ? "+" : "−"}${text}`;
}
