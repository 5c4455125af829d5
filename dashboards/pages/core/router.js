// The address of the page is its whole state: a path that names the page, and parameters. Knows
// nothing of pages.

const listeners = new Set();

/** Where we are: `{ path, params }`. */
export function here() {
  return { path: location.pathname, params: new URLSearchParams(location.search) };
}

/** Calls `listener` whenever the address changes. */
export function onChange(listener) {
  listeners.add(listener);
}

/** An address of a path and an object of parameters; empty ones are left out. */
export function address(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** The present address with some parameters changed; null or "" drops one. */
export function changed(changes) {
  const { path, params } = here();
  return address(path, { ...Object.fromEntries(params), ...changes });
}

/** Goes to an address of ours: a new step for the back button. */
export function go(to) {
  if (to !== location.pathname + location.search) history.pushState(null, "", to);
  tell();
}

/** Changes parameters of the present address: a new step for the back button. */
export function change(changes) {
  go(changed(changes));
}

/** The same without a new step: for what follows each key that is typed. */
export function adjust(changes) {
  history.replaceState(null, "", changed(changes));
  tell();
}

function tell() {
  for (const listener of listeners) listener(here());
}

/** Follows links between pages without loading the document again. */
export function start() {
  addEventListener("popstate", tell);
  document.addEventListener("click", followLink);
  tell();
}

function followLink(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const isOurs = link.origin === location.origin && !link.target && !link.hasAttribute("download");
  if (!isOurs || link.getAttribute("href").startsWith("#") || !isPage(link.pathname)) return;
  event.preventDefault();
  go(link.pathname + link.search);
}

/** Paths of pages; others, such as /metrics, are documents of their own. */
export const PATHS = ["/", "/profiles", "/signals", "/findings", "/archive", "/targets"];

function isPage(path) {
  return PATHS.includes(path);
}
