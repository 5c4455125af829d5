// Pressing on a picture and dragging over it: a press picks a place, a drag a stretch. Knows nothing
// of what is drawn.

/** Pixels that a pointer may move while it is pressed, and still only picks. */
const SLACK = 4;

/**
 * Calls `move(x)` while the pointer is over `element` (null when it leaves), `drag(x0, x1)` while a
 * stretch is drawn, `chosen(x0, x1)` at its end, and `pick(x)` for a press. Places are pixels from the left.
 */
export function onDrag(element, { move, drag, chosen, pick }) {
  let start = null;
  const place = (event) => event.clientX - element.getBoundingClientRect().left;
  const isDrag = (event) => start !== null && Math.abs(place(event) - start) > SLACK;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = place(event);
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    move?.(place(event), event);
    if (isDrag(event)) drag?.(...ordered(start, place(event)));
  });
  element.addEventListener("pointerup", (event) => {
    if (start === null) return;
    if (isDrag(event) && chosen) chosen(...ordered(start, place(event)));
    else if (!isDrag(event)) pick?.(place(event));
    start = null;
  });
  element.addEventListener("pointercancel", () => { start = null; drag?.(0, 0); });
  element.addEventListener("pointerleave", () => move?.(null));
}

function ordered(left, right) {
  return left < right ? [left, right] : [right, left];
}
