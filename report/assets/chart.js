// What the pages have in common: how figures and axes look, and charts that follow their width and the colour scheme.
// phases is a list of {name, from, to, measure} in seconds, drawn as bands on charts over time; changes is what the timeline
// of the scenario did, {name, kind, from, to}, with to null for what stayed.
const charts = (phases, changes) => {
  "use strict";
  const plots = []; // {u, el, height, opt}
  let width = new Map(), redraw = () => {};

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

  const inPlot = (u, top, f) => {
    const c = u.ctx;
    c.save();
    c.beginPath(); c.rect(u.bbox.left, top, u.bbox.width, u.bbox.top + u.bbox.height - top); c.clip();
    c.font = 11 * devicePixelRatio + "px system-ui, sans-serif"; c.textAlign = "left";
    f(c, devicePixelRatio);
    c.restore();
  };
  const spanOf = (u, e) => {
    const a = u.valToPos(e.from, "x", true), b = e.to == null ? a : u.valToPos(e.to, "x", true);
    return b < u.bbox.left || a > u.bbox.left + u.bbox.width ? null : [a, Math.min(b, u.bbox.left + u.bbox.width)];
  };

  // Phases as bands, below everything: what is not measured is shaded. Changes: a range for as long as one lasts, a line where it stays.
  const bands = u => inPlot(u, u.bbox.top, (c, px) => {
    for (const [list, shade, edge] of [[phases, p => !p.measure && "--band", () => "--line"],
      [changes, e => e.kind === "fault" ? "--fault" : "--change", e => e.kind === "fault" ? "--c4" : "--c2"]]) {
      for (const e of list) {
        const at = spanOf(u, e);
        if (!at) continue;
        if (shade(e)) { c.fillStyle = css(shade(e)); c.fillRect(at[0], u.bbox.top, at[1] - at[0], u.bbox.height); }
        c.fillStyle = css(edge(e)); c.fillRect(Math.round(at[0]), u.bbox.top, Math.max(1, Math.round(px)), u.bbox.height);
      }
    }
  });

  // Their names, above everything: phases over the plot where there is room, changes in it, each in the first row that has room.
  const names = u => inPlot(u, 0, (c, px) => {
    let free = -Infinity;
    c.fillStyle = css("--dim"); c.textBaseline = "bottom";
    for (const p of phases) {
      const at = spanOf(u, p), w = c.measureText(p.name).width;
      if (at && at[0] >= free && w < at[1] - at[0]) { c.fillText(p.name, at[0] + 3 * px, u.bbox.top - 2 * px); free = at[0] + w + 10 * px; }
    }
    const rows = [];
    c.textBaseline = "top";
    for (const e of changes) {
      const at = spanOf(u, e), w = c.measureText(e.name).width;
      if (!at) continue;
      let row = 0;
      while (row < rows.length && rows[row] > at[0]) row++;
      const y = u.bbox.top + (3 + 13 * row) * px;
      if (y + 13 * px > u.bbox.top + u.bbox.height) continue;
      rows[row] = at[0] + w + 8 * px;
      c.fillStyle = css("--panel"); c.globalAlpha = 0.75; c.fillRect(at[0] + 3 * px, y - px, w + 2 * px, 13 * px); c.globalAlpha = 1; // so that no line strikes it through
      c.fillStyle = css(e.kind === "fault" ? "--c4" : "--c2"); c.fillText(e.name, at[0] + 4 * px, y);
    }
  });

  const axis = extra => Object.assign({
    stroke: css("--dim"), font: "11px system-ui, sans-serif", grid: { stroke: css("--faint"), width: 1 }, ticks: { stroke: css("--line"), width: 1, size: 4 },
  }, extra);

  const line = (label, color, fmt, extra) => Object.assign({
    label, stroke: css(color), width: 1.5, points: { show: false }, value: (u, v) => fmt(v), spanGaps: false,
  }, extra);

  const make = (id, height, xs, ys, series, opt) => {
    const el = document.getElementById(id);
    if (!el) return;
    const empty = !xs.length || !ys.some(y => y.some(v => v != null));
    let old = plots.find(p => p.el === el);
    if (old && (empty || old.u.series.length !== series.length + 1)) { // a name that is new has a line of its own
      old.u.destroy();
      plots.splice(plots.indexOf(old), 1);
      old = null;
    }
    if (old) { // new figures for a chart that is there; one that was zoomed into stays so
      const u = old.u, had = u.data[0], now = u.scales.x, zoomed = now.min > had[0] || now.max < had[had.length - 1];
      old.opt = opt;
      u.setData([xs, ...ys], !zoomed);
      if (zoomed) u.redraw();
      return;
    }
    el.replaceChildren();
    if (empty) {
      const p = document.createElement("p");
      p.className = "none"; p.textContent = opt.none || "no samples";
      el.append(p);
      return;
    }
    const own = opt.under ? { grid: { show: false } } : {}; // a grid would lie over the cells of a heat map
    const plot = { el, height, opt };
    const y = Object.assign({}, opt.y, { range: (...a) => plot.opt.y.range(...a) });
    const under = u => plot.opt.under(u);
    const u = plot.u = new uPlot({
      width: Math.max(240, el.clientWidth), height, padding: [opt.time ? 14 : 8, 18, 0, 0],
      cursor: { sync: opt.time ? { key: "drover" } : undefined, points: { size: 6 }, drag: { x: true, y: false } },
      legend: { live: true },
      scales: { x: opt.x || { time: false }, y },
      axes: [
        axis(Object.assign({ size: 30, values: opt.xValues, space: 60, incrs: opt.incrs }, own)),
        axis(Object.assign({ size: 56, values: opt.yValues, space: 34 }, own)),
      ],
      series: [{ label: opt.xLabel, value: (u, v) => opt.xValue(v) }, ...series],
      hooks: opt.time ? { drawClear: opt.under ? [bands, under] : [bands], draw: [names] } : {},
    }, [xs, ...ys], el);
    plots.push(plot);
  };

  const logRange = (u, min, max) => min == null ? [1, 10] : [10 ** Math.floor(Math.log10(min * 1.0001)), 10 ** Math.ceil(Math.log10(max * 0.9999))];
  const logY = { distr: 3, range: (u, min, max) => { const [a, b] = logRange(u, min, max); return a < b ? [a, b] : [a, a * 10]; } };
  const fromZero = { range: (u, min, max) => [0, max > 0 ? max * 1.08 : 1] };
  const values = f => (u, splits) => splits.map(v => v == null ? "" : f(v));
  const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400, 604800];
  const overTime = { time: true, incrs: seconds, xLabel: "at", xValue: clock, xValues: values(clock) };

  // A heat map, drawn below the lines by a hook of uPlot's: h holds columns at, row and n, and the width of a column, step.
  // A row is an eighth of a factor of ten of nanoseconds. Opacity goes with the logarithm, so that a single upload still shows.
  const rowMs = row => 10 ** (row / 8) / 1e6;
  const cells = h => u => {
    const c = u.ctx, most = Math.log(1 + Math.max(...h.n));
    c.save();
    c.beginPath(); c.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height); c.clip();
    c.fillStyle = css("--c1");
    for (let i = 0; i < h.n.length; i++) {
      const a = u.valToPos(h.at[i], "x", true), b = u.valToPos(h.at[i] + h.step, "x", true);
      const y = u.valToPos(rowMs(h.row[i] + 1), "y", true), z = u.valToPos(rowMs(h.row[i]), "y", true);
      c.globalAlpha = 0.12 + 0.78 * Math.log(1 + h.n[i]) / most;
      c.fillRect(Math.floor(a), Math.floor(y), Math.max(1, Math.ceil(b) - Math.floor(a)), Math.max(1, Math.floor(z) - Math.floor(y)));
    }
    c.restore();
  };
  const heatY = h => ({ distr: 3, range: () => logRange(null, rowMs(Math.min(...h.row)), rowMs(Math.max(...h.row) + 1)) });

  // Draws all charts by calling f, now and whenever the colours change.
  const show = f => {
    redraw = () => {
      f();
      width = new Map(plots.map(({ el }) => [el, el.clientWidth]));
    };
    const draw = () => {
      for (const { u } of plots) u.destroy();
      plots.length = 0;
      redraw();
    };
    draw();
    new ResizeObserver(() => {
      for (const { u, el, height } of plots) {
        if (el.clientWidth && width.get(el) !== el.clientWidth) {
          width.set(el, el.clientWidth);
          u.setSize({ width: el.clientWidth, height });
        }
      }
    }).observe(document.querySelector("main"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    // On paper the colours come from the print rules, which the canvases must read too.
    matchMedia("print").addEventListener("change", draw);
  };

  // Draws them again with what has become of the run since.
  const update = (p, c) => { phases = p; changes = c; redraw(); };

  return { make, show, update, line, ms, num, clock, percent, values, logY, fromZero, overTime, cells, heatY };
};
