// Work that is done again while the page is looked at.

import { wasGivenUp } from "./api.js";

/** Does `work(signal)` now and every `interval` milliseconds while the document is visible; ends with `signal`. */
export function poll(work, interval, signal) {
  let timer = 0;
  const turn = async () => {
    clearTimeout(timer);
    if (signal.aborted) return;
    try {
      if (!document.hidden) await work(signal);
    } catch (error) {
      if (!wasGivenUp(error)) throw error;
    }
    if (!signal.aborted) timer = setTimeout(turn, interval);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) turn(); }, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  turn();
}

/** Calls `work` once the last call is `pause` milliseconds ago. */
export function settled(work, pause) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...args), pause);
  };
}
