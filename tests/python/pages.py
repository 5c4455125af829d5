"""Opens and uses every page of a running leadsman in Chromium, at 1280 and 390 pixels, light and dark.

Usage: pages.py URL AXE PURE [FOLDER]. AXE is axe-core's script, PURE the checks of the pages' pure
modules; with a FOLDER what was seen is kept there. Fails where a page says something else than it should,
logs an error, asks another host, keeps people out (axe: serious or critical), or runs what came as text.
"""

import json
import sys
import time
import urllib.parse
from pathlib import Path

from browser import Browser

PATHS = ["/", "/profiles", "/signals", "/findings", "/archive", "/targets"]
# The width of a desk and of a phone.
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
FRAME_MILLIS = 33
HOSTILE = "onerror=document.title"


def text(browser):
    return browser.evaluate("document.body.innerText")


def wait_for(browser, words):
    browser.until(f"document.body.innerText.includes({json.dumps(words)})", words)


def button(browser, name):
    """Presses the button or link of a name."""
    found = f"""[...document.querySelectorAll('main button, main a, main summary, header button')].find(
        (one) => (one.textContent.trim() === {json.dumps(name)} || one.getAttribute('aria-label') === {json.dumps(name)}))"""
    browser.until(f"{found} !== undefined", f"the button {name}")
    browser.evaluate(f"{found}.click()")


def box(browser, selector):
    return browser.evaluate(f"""(() => {{ const one = document.querySelector({json.dumps(selector)}); one.scrollIntoView({{ block: 'center' }});
        const {{ x, y, width, height }} = one.getBoundingClientRect(); return {{ x, y, width, height }}; }})()""")


def settle(browser):
    """Waits until nothing is on its way any more."""
    browser.until("!document.querySelector('main .busy, main .loading')", "the page to be there")


def address(browser):
    return browser.evaluate("location.pathname + location.search")


def parameter(browser, name):
    return browser.evaluate(f"new URLSearchParams(location.search).get({json.dumps(name)})")


def pure_modules(browser, url, script):
    browser.open(f"{url}/targets")
    failures = browser.evaluate(Path(script).read_text().split("\n", 1)[1])
    assert not failures, "\n".join(failures)


def overview(browser, url):
    browser.open(url + "/")
    for words in ["1 target is down", "hostile", "failed to connect", "Too much memory", "samples"]:
        wait_for(browser, words)
    button(browser, "Change between light and dark")
    assert browser.evaluate("document.documentElement.dataset.theme") == "dark"
    button(browser, "Change between light and dark")
    browser.key("?")
    browser.until("document.querySelector('dialog[open]') !== null")
    assert "Profiles" in browser.evaluate("document.querySelector('dialog').innerText")
    browser.key("Escape")
    browser.until("document.querySelector('dialog') === null")
    browser.key("g")
    browser.key("t")
    browser.until("location.pathname === '/targets'")
    browser.evaluate("history.back()")
    browser.until("location.pathname === '/'")


def flame_graph(browser, url):
    """The hot function of etcd, as someone new would look for it: zoomed, searched, taken apart."""
    query = urllib.parse.quote('{job="etcd"}')
    browser.open(f"{url}/profiles?query={query}&from=-24h")
    browser.until("document.querySelector('canvas')?.width > 0", "the flame graph")
    settle(browser)
    place = box(browser, ".flame canvas")
    browser.click(place["x"] + place["width"] / 4, place["y"] + 30)
    browser.until("new URLSearchParams(location.search).has('zoom')", "a zoomed address")
    button(browser, "Zoom out")
    browser.until("!new URLSearchParams(location.search).has('zoom')")
    browser.evaluate("document.querySelector('.flame canvas').focus()")
    for key in ["ArrowDown", "ArrowDown", "Enter"]:
        browser.key(key)
    browser.until("new URLSearchParams(location.search).has('zoom')", "a zoom by keys")
    browser.evaluate("document.activeElement.blur()")
    browser.key("z")
    browser.until("!new URLSearchParams(location.search).has('zoom')")
    browser.key("/")
    for letter in "runtime":
        browser.key(letter)
    browser.until("/matched [\\d.]+ %/.test(document.body.innerText)", "the matched share")
    assert parameter(browser, "q") == "runtime"
    browser.evaluate("document.activeElement.blur()")
    browser.evaluate("document.querySelector('.top-table tbody .name button').click()")
    wait_for(browser, "Callees")
    assert parameter(browser, "fn")
    linked = address(browser)
    browser.open(url + linked)
    wait_for(browser, "Callees")
    button(browser, "Back to the whole")
    browser.until("!new URLSearchParams(location.search).has('fn')")
    timeline(browser)


def from_jaeger(browser, url):
    """The links of Jaeger's pages, with what Jaeger puts into them, lead to flame graphs of that time."""
    ui = json.loads((Path(__file__).parents[2] / "dashboards/jaeger/config-ui.json").read_text())
    start = (int(time.time()) - 3600) * 1_000_000 + 123_456
    values = {"startTime": start, "endTime": start + 2_000_000, "serviceName": "etcd"}
    values |= {f"trace.{name}": value for name, value in values.items()}
    for pattern in ui["linkPatterns"]:
        link = pattern["url"]
        assert link.startswith("http://127.0.0.1:7171/"), link
        link = link.removeprefix("http://127.0.0.1:7171")
        for name, value in values.items():
            # As encodeURIComponent does it.
            link = link.replace(f"#{{{name}}}", urllib.parse.quote(str(value), safe="!'()*~"))
        assert "#{" not in link, link
        browser.open(url + link)
        browser.until("document.querySelector('canvas')?.width > 0", f"a flame graph behind {link}")
        settle(browser)
        shown = browser.evaluate("""(async () => {
            const { rangeOf } = await import('/pages/core/time.js');
            const { from, to } = rangeOf(new URLSearchParams(location.search), Date.now());
            return [from, to];
        })()""")
        assert abs(shown[0] - (start / 1000 - 300_000)) < 1, shown
        assert 600_000 <= shown[1] - shown[0] <= 602_001, shown
        if "serviceName" in pattern["url"]:
            assert parameter(browser, "query") == '{job="etcd"}'


def labels_of_samples(browser, url):
    """A label's value leads to its samples, and back."""
    query = urllib.parse.quote('{job="hostile"}')
    browser.open(f"{url}/profiles?query={query}&from=-1h")
    button(browser, "Labels of samples")
    browser.until("document.querySelector('main details table a') !== null", "the values of a label")
    browser.evaluate("document.querySelector('main details table a').click()")
    wait_for(browser, "only samples with")
    assert parameter(browser, "samples") == f'{{state="<img src=x {HOSTILE}=\'taken\'>"}}', parameter(browser, "samples")
    settle(browser)
    title = "document.querySelector('main .chart').getAttribute('aria-label')"
    assert browser.evaluate(title).startswith("All samples over time"), browser.evaluate(title)
    button(browser, "All samples")
    browser.until(f"{title}.startsWith('Profiles over time')", "the timeline's first name")
    assert parameter(browser, "samples") is None


def first_paint(browser, url):
    """When something is first seen of each page, of three times the middle one. The budget is that of a
    release build; others may use the machine too."""
    millis = {}
    for path in PATHS:
        times = []
        for _ in range(3):
            browser.open(url + path)
            paint = "performance.getEntriesByName('first-contentful-paint')[0]"
            browser.until(f"{paint} !== undefined", "a first paint")
            times.append(browser.evaluate(f"{paint}.startTime"))
        millis[path] = round(sorted(times)[1])
    print(f"first contentful paint, ms: {millis}")
    assert max(millis.values()) < 1000, millis


def timeline(browser):
    before = parameter(browser, "from")
    place = box(browser, ".chart")
    browser.drag(place["x"] + place["width"] * .4, place["x"] + place["width"] * .8, place["y"] + 30)
    browser.until(f"new URLSearchParams(location.search).get('from') !== {json.dumps(before)}", "another range")
    browser.until("document.querySelector('canvas') !== null")
    browser.evaluate("history.back()")
    browser.until(f"new URLSearchParams(location.search).get('from') === {json.dumps(before)}", "the range before")


def comparison(browser, url):
    query = urllib.parse.quote('{job="etcd"}')
    browser.open(f"{url}/profiles?query={query}&from=-12h")
    button(browser, "Compare")
    wait_for(browser, "Before")
    button(browser, "Just before")
    browser.until("new URLSearchParams(location.search).has('left_from')")
    wait_for(browser, "change of self")
    browser.until("document.querySelector('canvas')?.width > 0", "the differential flame graph")
    wait_for(browser, "more than before")


def downloads(browser, url):
    query = urllib.parse.quote('{job="etcd"}')
    browser.open(f"{url}/profiles?query={query}&from=-24h")
    browser.until("document.querySelectorAll('.menu a[download]').length === 4", "the ways to export")
    sizes = browser.evaluate("""Promise.all([...document.querySelectorAll('.menu a[download]')].map(async (link) => {
        const answer = await fetch(link.href);
        return [answer.status, (await answer.blob()).size, answer.headers.get('content-disposition')];
    }))""")
    assert all(status == 200 and size > 100 and "attachment" in name for status, size, name in sizes), sizes


def hostile(browser, url):
    """Names of functions and labels that would be scripts are text everywhere."""
    browser.evaluate("document.title")
    query = urllib.parse.quote('{job="hostile"}')
    browser.open(f"{url}/profiles?query={query}&from=-1h&view=both")
    wait_for(browser, HOSTILE)
    browser.evaluate("document.querySelector('.top-table tbody .name button').click()")
    wait_for(browser, "Callers")
    browser.open(f"{url}/targets?q=hostile")
    wait_for(browser, HOSTILE)
    for path in [f"/signals?query={query}", f"/findings?query={query}", "/profiles?query=%3Cimg%20src%3Dx%3E", "/signals?signal=%3Cimg%3E"]:
        browser.open(url + path)
        settle(browser)
    images = browser.evaluate("document.querySelectorAll('main img, main script').length")
    assert images == 0 and "taken" not in browser.evaluate("document.title")


def signals(browser, url):
    query = urllib.parse.quote('{job="etcd"}')
    browser.open(f"{url}/signals?query={query}&from=-24h")
    wait_for(browser, "WAL fsync, 99th percentile")
    browser.evaluate("[...document.querySelectorAll('h3 a')].find((one) => one.textContent === 'WAL fsync, 99th percentile').click()")
    for words in ["Give etcd a dedicated SSD", "healthy below", "histogram_quantile"]:
        wait_for(browser, words.replace("healthy below", "healthy"))
    place = box(browser, ".chart")
    browser.click(place["x"] + place["width"] / 2, place["y"] + 60)
    browser.until("location.pathname === '/profiles'", "the profiles of a moment")
    assert parameter(browser, "kind") == "goroutine"
    settle(browser)


def findings(browser, url):
    browser.open(f"{url}/findings?state=open")
    for words in ["Too much memory", "Take less of it", "The signal then"]:
        wait_for(browser, words)
    button(browser, "The signal then")
    browser.until("location.pathname === '/signals'")
    wait_for(browser, "Findings in this range")


def archive(browser, url):
    browser.open(f"{url}/archive")
    for words in ["metric_points", "free on the disk", "read_parquet"]:
        wait_for(browser, words)
    button(browser, "Polars")
    wait_for(browser, "import polars")
    button(browser, "stacks")
    wait_for(browser, "Days of stacks")


def targets(browser, url):
    browser.open(f"{url}/targets?q=hostile")
    for words in ["discovered labels", "__address__", "time it cost the target"]:
        wait_for(browser, words)
    browser.open(f"{url}/targets?health=down")
    wait_for(browser, "failed to connect")
    assert "hostile" not in text(browser)


def large_profile(browser, url):
    """Two hundred thousand nodes, whole and zoomed: drawing takes less than a frame of a smooth picture."""
    browser.open(f"{url}/targets")
    browser.evaluate("""(async () => {
        const { decode } = await import('/pages/flame/tree.js');
        const { draw, paints } = await import('/pages/flame/draw.js');
        const { between, viewOf } = await import('/pages/flame/layout.js');
        const names = Array.from({ length: 5000 }, (_, idx) => `example.com/package${idx % 97}.Function${idx}`);
        // Each node of a level has one child that is somewhat narrower; widths differ a thousandfold.
        const widths = Array.from({ length: 2020 }, (_, idx) => 4000000 / (1 + idx % 1000));
        const sum = widths.reduce((all, one) => all + one, 0);
        const level = (depth) => widths.flatMap((width, idx) => [width * depth / 200, width * (1 - depth / 200), width / 200, (idx * 7 + depth * 13) % 5000]);
        const tree = decode({ names, levels: [[0, sum, 0, 0], ...Array.from({ length: 99 }, (_, depth) => level(depth))] });
        if (tree.n_nodes < 199000) throw new Error(`only ${tree.n_nodes} nodes`);
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [1240, 648];
        const context = canvas.getContext('2d', { alpha: false });
        const scene = { tree, paint: paints(tree, false), width: 1240, height: 648, top: 0, zoomLevel: 0, isMatch: null, hovered: -1, focused: -1 };
        window.drawn = () => {
            let n_drawn = 0;
            for (const node of [0, 10, 1500, 60000]) for (let step = 0; step <= 10; step += 1, n_drawn += 1) {
                draw(context, { ...scene, view: between(viewOf(tree, 0), viewOf(tree, node), step / 10) });
            }
            return n_drawn;
        };
        window.drawn();
    })()""")
    # The thread's own time: others may use the machine too.
    browser.send("Performance.enable", timeDomain="threadTicks")
    spent = -busy(browser)
    n_drawn = browser.evaluate("window.drawn()")
    millis = (spent + busy(browser)) * 1000 / n_drawn
    print(f"drawing 200,000 nodes: {millis:.1f} ms")
    assert 0 < millis < FRAME_MILLIS, f"drawing took {millis} ms"


def busy(browser):
    """Seconds of CPU that the page has taken."""
    metrics = browser.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


def looked_at(browser, url, axe, folder):
    """Every page in both sizes and themes: nothing is wider than the window, and axe is content."""
    for size, (width, height) in SIZES.items():
        browser.size(width, height)
        for theme in ["light", "dark"]:
            browser.theme(theme)
            for path in PATHS:
                browser.open(url + path)
                settle(browser)
                time.sleep(.3)
                wide = browser.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, f"{path} at {width} px is {wide} px too wide"
                check_access(browser, axe, f"{path} {size} {theme}")
                if folder:
                    browser.screenshot(Path(folder) / f"{path.strip('/') or 'overview'}-{size}-{theme}.png")


def check_access(browser, axe, where):
    browser.evaluate(axe + ";true")
    result = browser.evaluate("axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.slice(0, 3).map(({ html, failureSummary }) => `${html} ${failureSummary}`) })))")
    bad = [one for one in result if one["impact"] in ("serious", "critical")]
    assert not bad, f"{where}: {json.dumps(bad, indent=1)}"


def main():
    url, axe, pure = sys.argv[1:4]
    folder = sys.argv[4] if len(sys.argv) > 4 else None
    browser = Browser()
    try:
        browser.size(*SIZES["desk"])
        browser.theme("light")
        pure_modules(browser, url, pure)
        for page in [first_paint, overview, flame_graph, labels_of_samples, from_jaeger, comparison, downloads, signals, findings, archive, targets, hostile, large_profile]:
            started = time.monotonic()
            page(browser, url)
            print(f"{page.__name__}: {time.monotonic() - started:.1f} s", flush=True)
            assert not [said for said in browser.console if "status of 4" not in said], browser.console
        looked_at(browser, url, Path(axe).read_text(), folder)
        elsewhere = [asked for asked in browser.requests if not asked.startswith((url + "/", "about:", "blob:"))]
        assert not elsewhere, elsewhere
        # The one question that is meant to be refused: a selector that is none.
        refused = [failed for failed in browser.failed if "%3Cimg" not in failed]
        assert not refused, refused
        print("pages are good")
    finally:
        browser.close()


if __name__ == "__main__":
    main()
