const figures = (() => {
  "use strict";
  let data = JSON.parse(document.getElementById("data").textContent);
  const { make, show, update, line, ms, num, percent, values, logY, fromZero, overTime, cells, heatY } = charts(data.phases, data.changes);

  // A line for each name; from the sixth on they are dashed, and after nine the colours come again.
  const named = (id, s, extra, opt) => make(id, 210, s.at, s.list.map(c => opt.zero ? c.per_sec.map(v => v ?? 0) : c.per_sec),
    s.list.map((c, i) => line(c.name, "--c" + (1 + i % 9), num, Object.assign({ dash: i < 5 ? undefined : i < 9 ? [6, 3] : [2, 2] }, extra))), opt);

  show(() => {
    const t = data.time;
    const times = Object.assign({ y: logY, yValues: values(ms) }, overTime);
    const rates = Object.assign({ y: fromZero, yValues: values(num) }, overTime);
    make("c-response", 250, t.at, [t.p50, t.p90, t.p99, t.max],
      [line("p50", "--c1", ms), line("p90", "--c2", ms), line("p99", "--c3", ms), line("max", "--c4", ms, { width: 1, dash: [4, 3] })], times);
    make("c-heat", 250, t.at, [t.p50, t.p99], [line("p50", "--ink", ms), line("p99", "--c3", ms)],
      Object.assign({}, times, { y: heatY(data.heat), under: cells(data.heat) }));
    make("c-curve", 210, data.curve.x, [data.curve.response, data.curve.service],
      [line("response", "--c1", ms, { spanGaps: true, width: 2 }), line("service", "--c5", ms, { spanGaps: true, dash: [6, 3] })], {
        x: { time: false, distr: 3, range: (u, min, max) => [1, Math.max(10, max)] }, y: logY, yValues: values(ms), xLabel: "share", xValue: percent, xValues: values(percent),
      });
    const stepped = uPlot.paths.stepped({ align: 1 });
    make("c-rate", 210, t.at, [t.due, t.accepted], [line("due", "--c5", num, { dash: [6, 3] }), line("accepted", "--c1", num)], rates);
    make("c-errors", 210, t.at, [t.refused, t.failed, t.dropped],
      [line("refused", "--c3", num, { paths: stepped }), line("failed", "--c4", num, { paths: stepped }), line("dropped", "--c2", num, { paths: stepped })],
      Object.assign({}, rates, { none: "nothing was refused, failed or dropped" }));
    named("c-classes", data.classes, { paths: stepped }, Object.assign({}, rates, { zero: true, none: "every attempt ended well, and nothing was dropped" }));
    named("c-kinds", data.kinds, { points: { show: true, size: 3 } }, Object.assign({}, rates, { y: logY, none: "no event was accepted" }));
    make("c-lag", 210, t.at, [t.lag50, t.lag99, t.lagMax],
      [line("p50", "--c1", ms), line("p99", "--c3", ms), line("max", "--c4", ms, { width: 1, dash: [4, 3] })], times);
  });

  // Draws other figures.
  return next => { data = next; update(next.phases, next.changes); };
})();
