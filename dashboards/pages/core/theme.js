// Light or dark: the system's choice, or one's own, which is kept in this browser.

const KEY = "leadsman-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

/** Whether dark is shown. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : system.matches;
}

/** Changes to the other one. */
export function toggle() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It holds until the page is left.
  }
  tell();
}

/** Calls `listener` when it changes, until `signal` ends it. */
export function onTheme(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener("abort", () => listeners.delete(listener));
}

function tell() {
  for (const listener of listeners) listener();
}

system.addEventListener("change", tell);
