// Points as the paths of an SVG. Pure.

/** Time after which the line between two points is broken: several of the usual steps. */
export function longestGap(points) {
  const steps = [];
  for (let idx = 1; idx < points.length; idx += 1) steps.push(points[idx][0] - points[idx - 1][0]);
  if (!steps.length) return Infinity;
  steps.sort((left, right) => left - right);
  return steps[Math.floor(steps.length / 2)] * 3.5;
}

/** Stretches of points without a gap; points whose value is none end one. */
export function stretches(points) {
  const gap = longestGap(points);
  const found = [];
  let current = [];
  for (const point of points) {
    const last = current.at(-1);
    if (last && (point[0] - last[0] > gap || !Number.isFinite(point[1]))) {
      found.push(current);
      current = [];
    }
    if (Number.isFinite(point[1])) current.push(point);
  }
  if (current.length) found.push(current);
  return found;
}

/** A line through points. A stretch of one point is a short dash. */
export function linePath(points, x, y) {
  return stretches(points).map((stretch) => {
    const places = stretch.map(([time, value]) => `${round(x(time))} ${round(y(value))}`);
    return places.length === 1 ? `M${places[0]}h1.5` : `M${places.join("L")}`;
  }).join("");
}

/** The room between a lower and an upper value of each point: `[time, lower, upper]`. */
export function areaPath(points, x, y) {
  return stretches(points).map((stretch) => {
    const there = stretch.map(([time, , upper]) => `${round(x(time))} ${round(y(upper))}`);
    const back = [...stretch].reverse().map(([time, lower]) => `${round(x(time))} ${round(y(lower))}`);
    return `M${there.join("L")}L${back.join("L")}Z`;
  }).join("");
}

function round(place) {
  return Math.round(place * 10) / 10;
}

/** The point nearest to a time; undefined without any. Points are in order of time. */
export function nearest(points, time) {
  let [low, high] = [0, points.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < time) low = middle + 1;
    else high = middle;
  }
  const before = points[low - 1];
  const here = points[low];
  return before && here && time - before[0] < here[0] - time ? before : here;
}

/** The lower and upper edges of a band as one list `[time, lower, upper]`, where both are known. */
export function bandPoints(lower, upper) {
  const ends = new Map(upper.map(([time, value]) => [time, value]));
  return lower.filter(([time]) => ends.has(time)).map(([time, value]) => [time, value, ends.get(time)]);
}
