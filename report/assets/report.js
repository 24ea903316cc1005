(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const t = data.time, plots = [];
  let width = new Map();

  // A time in milliseconds for people, three figures.
  const ms = v => v == null ? "" : v >= 60000 ? (v / 60000).toPrecision(3) + "m" : v >= 1000 ? +(v / 1000).toPrecision(3) + "s"
    : v >= 1 ? +v.toPrecision(3) + "ms" : v > 0 ? +(v * 1000).toPrecision(3) + "µs" : "0";
  const num = v => v == null ? "" : v >= 1000 ? Math.round(v).toLocaleString("en") : "" + +v.toPrecision(3);
  const clock = s => {
    if (s == null) return "";
    const r = Math.round(s * 1000) / 1000, m = Math.floor(r / 60), rest = +(r - 60 * m).toFixed(3);
    return m >= 60 ? Math.floor(m / 60) + ":" + String(m % 60).padStart(2, "0") + ":" + String(rest).padStart(2, "0")
      : m + ":" + (rest < 10 ? "0" : "") + rest;
  };
  const percent = x => x == null ? "" : x <= 1 ? "0%" : +(100 * (1 - 1 / x)).toFixed(Math.max(0, Math.ceil(Math.log10(x)) - 1)) + "%";

  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Phases as bands: what is not measured is shaded, and each border is marked by the phase's name.
  const bands = u => {
    const c = u.ctx, top = u.bbox.top, h = u.bbox.height, px = devicePixelRatio;
    c.save();
    c.beginPath(); c.rect(u.bbox.left, 0, u.bbox.width, top + h); c.clip();
    c.font = 11 * px + "px system-ui, sans-serif"; c.textBaseline = "bottom"; c.textAlign = "left";
    let free = -Infinity;
    for (const p of data.phases) {
      const a = u.valToPos(p.from, "x", true), b = Math.min(u.valToPos(p.to, "x", true), u.bbox.left + u.bbox.width);
      if (b <= a) continue;
      if (!p.measure) { c.fillStyle = css("--band"); c.fillRect(a, top, b - a, h); }
      c.fillStyle = css("--line"); c.fillRect(Math.round(a), top, Math.max(1, Math.round(px)), h);
      const w = c.measureText(p.name).width;
      if (a >= free && w < b - a) { c.fillStyle = css("--dim"); c.fillText(p.name, a + 3 * px, top - 2 * px); free = a + w + 10 * px; }
    }
    c.restore();
  };

  const axis = extra => Object.assign({
    stroke: css("--dim"), font: "11px system-ui, sans-serif", grid: { stroke: css("--faint"), width: 1 }, ticks: { stroke: css("--line"), width: 1, size: 4 },
  }, extra);

  const line = (label, color, fmt, extra) => Object.assign({
    label, stroke: css(color), width: 1.5, points: { show: false }, value: (u, v) => fmt(v), spanGaps: false,
  }, extra);

  const make = (id, height, xs, ys, series, opt) => {
    const el = document.getElementById(id);
    if (!el) return;
    el.replaceChildren();
    if (!xs.length || !ys.some(y => y.some(v => v != null))) {
      const p = document.createElement("p");
      p.className = "none"; p.textContent = opt.none || "no samples";
      el.append(p);
      return;
    }
    const u = new uPlot({
      width: Math.max(240, el.clientWidth), height, padding: [opt.time ? 14 : 8, 10, 0, 0],
      cursor: { sync: opt.time ? { key: "drover" } : undefined, points: { size: 6 }, drag: { x: true, y: false } },
      legend: { live: true },
      scales: { x: opt.x || { time: false }, y: opt.y },
      axes: [axis({ size: 30, values: opt.xValues, space: 60, incrs: opt.incrs }), axis({ size: 56, values: opt.yValues, space: 34 })],
      series: [{ label: opt.xLabel, value: (u, v) => opt.xValue(v) }, ...series],
      hooks: opt.time ? { drawClear: [bands] } : {},
    }, [xs, ...ys], el);
    plots.push([u, el, height]);
  };

  const logRange = (u, min, max) => min == null ? [1, 10] : [10 ** Math.floor(Math.log10(min * 1.0001)), 10 ** Math.ceil(Math.log10(max * 0.9999))];
  const logY = { distr: 3, range: (u, min, max) => { const [a, b] = logRange(u, min, max); return a < b ? [a, b] : [a, a * 10]; } };
  const fromZero = { range: (u, min, max) => [0, max > 0 ? max * 1.08 : 1] };
  const values = f => (u, splits) => splits.map(v => v == null ? "" : f(v));
  const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400, 604800];
  const overTime = { time: true, incrs: seconds, xLabel: "at", xValue: clock, xValues: values(clock) };

  const draw = () => {
    for (const [u] of plots) u.destroy();
    plots.length = 0;
    const times = Object.assign({ y: logY, yValues: values(ms) }, overTime);
    const rates = Object.assign({ y: fromZero, yValues: values(num) }, overTime);
    make("c-response", 250, t.at, [t.p50, t.p90, t.p99, t.max],
      [line("p50", "--c1", ms), line("p90", "--c2", ms), line("p99", "--c3", ms), line("max", "--c4", ms, { width: 1, dash: [4, 3] })], times);
    make("c-curve", 210, data.curve.x, [data.curve.response, data.curve.service],
      [line("response", "--c1", ms, { spanGaps: true, width: 2 }), line("service", "--c5", ms, { spanGaps: true, dash: [6, 3] })], {
        x: { time: false, distr: 3, range: (u, min, max) => [1, Math.max(10, max)] }, y: logY, yValues: values(ms), xLabel: "share", xValue: percent, xValues: values(percent),
      });
    const stepped = uPlot.paths.stepped({ align: 1 });
    make("c-rate", 210, t.at, [t.due, t.accepted], [line("due", "--c5", num, { dash: [6, 3] }), line("accepted", "--c1", num)], rates);
    make("c-errors", 210, t.at, [t.refused, t.failed, t.dropped],
      [line("refused", "--c3", num, { paths: stepped }), line("failed", "--c4", num, { paths: stepped }), line("dropped", "--c2", num, { paths: stepped })],
      Object.assign({}, rates, { none: "nothing was refused, failed or dropped" }));
    make("c-lag", 210, t.at, [t.lag50, t.lag99, t.lagMax],
      [line("p50", "--c1", ms), line("p99", "--c3", ms), line("max", "--c4", ms, { width: 1, dash: [4, 3] })], times);
    width = new Map(plots.map(([, el]) => [el, el.clientWidth]));
  };
  draw();

  new ResizeObserver(() => {
    for (const [u, el, height] of plots) {
      if (el.clientWidth && width.get(el) !== el.clientWidth) {
        width.set(el, el.clientWidth);
        u.setSize({ width: el.clientWidth, height });
      }
    }
  }).observe(document.querySelector("main"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  // On paper the colours come from the print rules, which the canvases must read too.
  matchMedia("print").addEventListener("change", draw);
})();
