// The pages' pure modules, checked in the browser that runs them. Evaluates to the failures.
(async () => {
  const [tree, layout, search, functions, colors, time, format, health, paths, scale, selector, exposition, draw, signals] = await Promise.all(
    ["flame/tree", "flame/layout", "flame/search", "flame/functions", "flame/colors", "core/time", "core/format", "core/health", "chart/paths", "chart/scale", "core/selector", "core/exposition", "flame/draw", "core/signals"]
      .map((name) => import(`/pages/${name}.js`)));
  const failures = [];
  const same = (what, found, expected) => {
    const [left, right] = [found, expected].map((value) => JSON.stringify(value));
    if (left !== right) failures.push(`${what}: ${left} instead of ${right}`);
  };

  // all(10): a(6): b(4), a(1); c(3)
  const single = tree.decode({
    names: ["all", "a", "b", "c"],
    levels: [[0, 10, 1, 0], [0, 6, 1, 1, 0, 3, 3, 3], [0, 4, 4, 2, 0, 1, 1, 1]],
  });
  same("places", [...single.x], [0, 0, 6, 0, 4]);
  same("parents", [...single.parent], [-1, 0, 0, 1, 1]);
  same("children", [single.childStart[1], single.childEnd[1]], [3, 5]);
  same("levels", [0, 1, 2, 3, 4].map((node) => tree.levelOf(single, node)), [0, 1, 1, 2, 2]);
  same("path", tree.pathOf(single, 4), ["all", "a", "a"]);
  same("node of path", tree.nodeAtPath(single, ["all", "a", "b"]), 3);
  same("node of hash", tree.nodeOfHash(single, 2, tree.pathHash(["all", "a", "a"])), 4);
  same("no such node", [tree.nodeAtPath(single, ["all", "x"]), tree.nodeOfHash(single, 7, "1")], [-1, -1]);

  const byName = (rows) => rows.map(({ name, self, total }) => [name, self, total]).sort();
  same("recursion counts once", byName(functions.functionsOf(single)), [["a", 2, 6], ["b", 4, 4], ["c", 3, 3]]);
  const callees = functions.calleesOf(single, "a");
  same("callees", [[...callees.name], [...callees.total]], [[1, 2, 1], [6, 4, 1]]);
  const callers = functions.callersOf(single, "b");
  same("callers", [[...callers.name], [...callers.total]], [[2, 1], [4, 4]]);

  const both = tree.decode({ names: ["all", "a"], levels: [[0, 10, 0, 0, 20, 0, 0], [2, 4, 4, 0, 8, 8, 1]], left_total: 10, right_total: 20 });
  same("both sides", [both.x[1], both.total[1], both.left[1], both.right[1]], [2, 12, 4, 8]);
  same("matched of both", search.matched(both, search.matches(both.names, /^a$/)), { total: 12, left: 4, right: 8 });
  same("matched once", search.matched(single, search.matches(single.names, /^a$/)).total, 6);
  same("a wrong expression is told", typeof search.compile("(").error, "string");

  const boxes = [];
  layout.eachBox(single, 2, layout.viewOf(single, 1), 600, (...box) => boxes.push(box));
  same("boxes of a zoomed view", boxes, [[3, 0, 400], [4, 400, 100]]);
  same("node at a place", [layout.nodeAt(single, 1, 7), layout.nodeAt(single, 2, 5.5), layout.nodeAt(single, 9, 1)], [2, -1, -1]);
  const wide = tree.decode({ names: ["all", "x"], levels: [[0, 100000, 0, 0], Array.from({ length: 100000 }, () => [0, 1, 1, 1]).flat()] });
  const narrow = [];
  layout.eachBox(wide, 1, layout.viewOf(wide, 0), 1000, (...box) => narrow.push(box));
  same("crumbs are put together", narrow.map(([node, left, width]) => [node, left, Math.round(width)]), [[-1, 0, 1000]]);

  same("packages", ["go.etcd.io/etcd/server.(*EtcdServer).Put", "runtime.mallocgc", "std::io::read", "main"].map(colors.packageOf), ["go.etcd.io/etcd/server", "runtime", "std", "main"]);
  same("names are cut", [draw.fit("a/b/c.D", 5), draw.fit("a/b/c.Long", 4), draw.fit("abc", 1)], ["c.D", "c.L…", ""]);
  same("changes", [colors.changeOf(0, 1), colors.changeOf(1, 0), colors.changeOf(1, 1), colors.changeOf(0, 0)], [1, -1, 0, 0]);

  same("durations", ["90m", "1h30m", "2d", "x", "1h x", ""].map(time.parseDuration), [5400000, 5400000, 172800000, null, null, null]);
  same("durations back", [0, 1000, 5400000, 90061000].map(time.showDuration), ["0s", "1s", "1h30m", "1d1h"]);
  same("times", ["now", "-1h", "1700000000000", "soon"].map((text) => time.parseTime(text, 1e12)), [1e12, 1e12 - 3600e3, 1.7e12, null]);
  same("times of others", ["1700000000000000", "1700000000000000000", "1700000000000123-5m", "1700000000000000+5m", "1700000000000000 90s", "1700000000000-1h"].map((text) => time.parseTime(text, 1e12)),
    [1.7e12, 1.7e12, 1.7e12 + 0.123 - 300e3, 1.7e12 + 300e3, 1.7e12 + 90e3, 1.7e12 - 3600e3]);
  same("times that are none", ["1700000000000-", "1700000000000-x", "1700000000000*5m", "now-", "1700000000000-5m-5m"].map((text) => time.parseTime(text, 1e12)), [null, null, null, null, null]);
  const range = time.rangeOf(new URLSearchParams("from=-2h&to=-1h"), 1e12);
  same("a range", [range.from, range.to, range.isRelative], [1e12 - 7200e3, 1e12 - 3600e3, false]);
  const turned = time.rangeOf(new URLSearchParams("from=2000000000&to=1000000000"), 1e12);
  same("a range that is turned round", turned.from < turned.to, true);

  same("values", [format.inUnit(0.0125, "seconds"), format.inUnit(1536, "bytes"), format.inUnit(2.5e9, "nanoseconds"), format.inUnit(12345, "count"), format.inUnit(0.455, "ratio"), format.inUnit(null, "s"), format.inUnit("+Inf", "s"), format.inUnit(0, "By")], ["12.5 ms", "1.5 KiB", "2.5 s", "12.3 k", "45.5 %", "–", "∞", "0 B"]);
  same("change", [format.change(10, 12), format.change(0, 1), format.change(1, 20), format.change(4, 4), format.change(4, 2)], ["+20 %", "new", "×20", "0 %", "−50 %"]);

  const told = (id, state, at) => ({ id, state, time: at, severity: "warning" });
  const found = health.troubles([told("a", "firing", 1), told("a", "resolved", 2), told("a", "firing", 3), told("b", "pending", 2)]);
  same("troubles", found.map(({ states, last }) => [last.id, states.length, last.state]), [["a", 1, "firing"], ["b", 1, "pending"], ["a", 2, "resolved"]]);
  same("the verdict", health.verdict({ up: 2, down: 1, unknown: 0 }, [{ state: "firing", severity: "critical" }]), { kind: "critical", text: "1 target is down, 1 finding is open." });

  const line = [[0, 1], [10, 1], [20, 1], [100, 1], [110, NaN], [120, 2]];
  same("gaps break lines", paths.stretches(line).map((stretch) => stretch.length), [3, 1, 1]);
  same("the nearest point", [paths.nearest(line, 14)[0], paths.nearest(line, 70)[0], paths.nearest([], 1)], [10, 100, undefined]);
  same("bands", paths.bandPoints([[1, 2], [2, 3]], [[2, 5]]), [[2, 3, 5]]);
  same("ticks", scale.ticks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  same("two ticks at least", [scale.ticks(0, 4.9, 2), scale.ticks(3, 3, 2)], [[0, 2, 4], [3]]);
  same("reach", [scale.reach([]), scale.reach([3]), scale.reach([NaN, 0, 100])], [[0, 1], [0, 3.75], [0, 108]]);

  same("a selector", selector.selectorOf({ job: 'a"b\\', instance: "x" }), '{job="a\\"b\\\\",instance="x"}');
  same("one more matcher", [selector.withMatcher('{job="a"}', "n", "=~", "b+"), selector.withMatcher("", "a name", "=", "b")], ['{job="a",n=~"b+"}', '{"a name"="b"}']);
  const samples = exposition.samples('# HELP a b\na{x="1",y="q\\"z"} 3\na{x="2"} 4 123\nb +Inf\n');
  same("samples", [exposition.total(samples, "a"), exposition.total(samples, "c"), samples[0].labels.y], [7, null, 'q"z']);

  const catalogue = [{ name: "s", metric: "leadsman_signal_s", unit: "seconds", thresholds: [{ severity: "warning", value: 1 }], healthy: { value: 2 } }];
  const labels = { job: "j", instance: "i", cluster: "c" };
  const edge = (side) => ({ labels: { ...labels, __name__: `leadsman_baseline_${side}`, signal: "s" }, points: [[1, side === "lower" ? 2 : 3, 0, 0]] });
  const [one] = signals.signalsOf(catalogue, [{ labels: { ...labels, __name__: "leadsman_signal_s" }, points: [[1, 2, 2, 2]] }], [edge("lower"), edge("upper")]);
  same("a signal with its band", [one.series[0].name, one.series[0].band, signals.limitsOf(one.signal).length], ["", [[1, 2, 3]], 2]);
  return failures;
})()
