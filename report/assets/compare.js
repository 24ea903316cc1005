(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const { make, show, line, ms, percent, values, logY, overTime } = charts(data.phases, data.changes);

  show(() => {
    const sides = extra => data.sides.map((name, i) =>
      line(name, "--c" + (1 + i % 5), ms, Object.assign({ width: i ? 1.5 : 2, dash: i ? [6, 3] : undefined }, extra)));
    make("c-curve", 280, data.curve.x, data.curve.sides, sides({ spanGaps: true }), {
      x: { time: false, distr: 3, range: (u, min, max) => [1, Math.max(10, max)] }, y: logY, yValues: values(ms), xLabel: "share", xValue: percent, xValues: values(percent),
    });
    make("c-time", 250, data.time.at, data.time.sides, sides(), Object.assign({ y: logY, yValues: values(ms) }, overTime));
  });
})();
