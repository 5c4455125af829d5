// From values to places and back, and where the lines of a grid go. Pure but for the time zone.

/** A function from one stretch of numbers to another; `invert` goes back. */
export function linear([first, last], [start, end]) {
  const span = last - first || 1;
  const scale = (value) => start + ((value - first) / span) * (end - start);
  scale.invert = (place) => first + ((place - start) / (end - start || 1)) * span;
  return scale;
}

/** Round values from `least` to `greatest`, about `wanted` of them; two at least, as one says nothing of the size. */
export function ticks(least, greatest, wanted, base = 10) {
  const rough = (greatest - least) / Math.max(1, wanted);
  if (!(rough > 0) || !Number.isFinite(rough)) return [least];
  const power = base ** Math.floor(Math.log(rough) / Math.log(base) + 1e-9);
  const factors = base === 10 ? [1, 2, 5, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
  const step = power * factors.find((factor) => factor * power >= rough * 0.999);
  const found = [];
  for (let idx = Math.ceil(least / step - 1e-9); idx * step <= greatest + step * 1e-9; idx += 1) found.push(idx * step);
  return found.length > 1 || wanted > 16 ? found : ticks(least, greatest, wanted * 2, base);
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 364 * DAY,
];

/** Times for a grid, on whole hours and days of the browser's zone: `[millis, text]`. */
export function timeTicks(from, to, wanted) {
  const step = STEPS.find((one) => (to - from) / one <= wanted) ?? STEPS.at(-1);
  const offset = new Date(from).getTimezoneOffset() * MINUTE;
  const first = Math.ceil((from - offset) / step) * step + offset;
  const found = [];
  for (let time = first; time <= to; time += step) found.push([time, tickText(time, step, to - from)]);
  return found;
}

function tickText(time, step, span) {
  const date = new Date(time);
  if (step >= DAY) return date.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  const clock = { hour: "2-digit", minute: "2-digit" };
  if (step < MINUTE) clock.second = "2-digit";
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
  if (span > DAY && isMidnight) return date.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  return date.toLocaleTimeString(undefined, clock);
}

/**
 * The least and greatest of some numbers with some room; from zero where they are near it. Numbers
 * that are none are left out.
 */
export function reach(values) {
  let [least, greatest] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  if (least > greatest) return [0, 1];
  if (least === greatest) return least === 0 ? [0, 1] : least > 0 ? [0, least * 1.25] : [least * 1.25, 0];
  const room = (greatest - least) * 0.08;
  const isNearZero = least >= 0 && least < greatest * 0.6;
  return [isNearZero ? 0 : least - room, greatest + room];
}
