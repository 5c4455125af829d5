// The frame: which page belongs to the address, the bar above it, and what works on every page.

import { replace, h, say } from "./core/dom.js";
import * as keys from "./core/keys.js";
import * as router from "./core/router.js";
import * as theme from "./core/theme.js";
import * as archive from "./views/archive.js";
import * as findings from "./views/findings.js";
import * as overview from "./views/overview.js";
import * as profiles from "./views/profiles.js";
import * as signals from "./views/signals.js";
import * as targets from "./views/targets.js";

/** A page opens into an element, and gives back `update(params)` and `close()`. */
const PAGES = [
  { path: "/", title: "Overview", key: "o", page: overview },
  { path: "/profiles", title: "Profiles", key: "p", page: profiles },
  { path: "/signals", title: "Signals", key: "s", page: signals },
  { path: "/findings", title: "Findings", key: "f", page: findings },
  { path: "/archive", title: "Archive", key: "a", page: archive },
  { path: "/targets", title: "Targets", key: "t", page: targets },
];

const main = document.getElementById("main");
let shown = null;
let opened = null;

function show({ path, params }) {
  const entry = PAGES.find((page) => page.path === path) ?? PAGES[0];
  if (entry !== shown) {
    opened?.close();
    replace(main);
    keys.setPageKeys([]);
    const isFirst = shown === null;
    shown = entry;
    document.title = `${entry.title} · leadsman`;
    markCurrent(entry);
    opened = entry.page.open(main);
    scrollTo(0, 0);
    if (!isFirst) main.focus({ preventScroll: true });
    say(entry.title);
  }
  opened.update(params);
}

function markCurrent(entry) {
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.getAttribute("href") !== entry.path) { link.removeAttribute("aria-current"); continue; }
    link.setAttribute("aria-current", "page");
    // On a phone not all of them are seen at once.
    link.scrollIntoView({ block: "nearest", inline: "center" });
  }
}

function buildBar() {
  const links = PAGES.map(({ path, title }) => h("a", { href: path }, title));
  replace(document.getElementById("nav"), links);
  const themeButton = h("button", { class: "button plain", type: "button", title: "Light or dark (d)", onclick: theme.toggle }, "◐");
  themeButton.setAttribute("aria-label", "Change between light and dark");
  const help = h("button", { class: "button plain", type: "button", title: "Keys (?)", "aria-label": "Show the keys", onclick: keys.showHelp }, "?");
  replace(document.getElementById("tools"), themeButton, help);
}

buildBar();
keys.setGlobalKeys([
  ...PAGES.map(({ path, title, key }) => ({ keys: `g ${key}`, does: title, run: () => router.go(path) })),
  { keys: "d", does: "Light or dark", run: theme.toggle },
  { keys: "?", does: "This list", run: keys.showHelp },
]);
keys.start();
router.onChange(show);
router.start();
