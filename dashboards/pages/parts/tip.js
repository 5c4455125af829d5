// One note beside the pointer.

import { h, replace } from "../core/dom.js";

let tip = null;

/** Shows a note at `[x, y]` of the window, moved so that it is seen whole. */
export function showTip([x, y], ...children) {
  tip ??= document.body.appendChild(h("div", { class: "tip", "aria-hidden": "true" }));
  replace(tip, ...children);
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = x + 14 + width > innerWidth ? Math.max(4, x - width - 10) : x + 14;
  const top = y + 14 + height > innerHeight ? Math.max(4, y - height - 10) : y + 14;
  tip.style.left = `${left}px`;
  tip.style.top = `${top}px`;
}

/** Takes it away. */
export function hideTip() {
  if (tip) tip.hidden = true;
}
