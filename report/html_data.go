package report

import (
	"fmt"
	"slices"
)

// chartData is what the page's script draws: columns, as uPlot wants them. Times are milliseconds, null where there was no
// sample; at, from and to are seconds from the start; rates are per second.
type chartData struct {
	Time   timeColumns  `json:"time"`
	Curve  curveColumns `json:"curve"`
	Heat   heatColumns  `json:"heat"`
	Phases []chartPhase `json:"phases"`

	Changes []chartChange `json:"changes"`
	Classes seriesColumns `json:"classes"`
	Kinds   seriesColumns `json:"kinds"`
}

type timeColumns struct {
	At       []float64  `json:"at"`
	P50      []*float64 `json:"p50"`
	P90      []*float64 `json:"p90"`
	P99      []*float64 `json:"p99"`
	Max      []*float64 `json:"max"`
	Due      []*float64 `json:"due"`
	Accepted []*float64 `json:"accepted"`
	Refused  []*float64 `json:"refused"`
	Failed   []*float64 `json:"failed"`
	Dropped  []*float64 `json:"dropped"`
	Lag50    []*float64 `json:"lag50"`
	Lag99    []*float64 `json:"lag99"`
	LagMax   []*float64 `json:"lagMax"`
}

type curveColumns struct {
	X        []float64  `json:"x"` // 1/(1-q)
	Response []*float64 `json:"response"`
	Service  []*float64 `json:"service"`
}

type chartChange struct {
	Name string   `json:"name"`
	Kind string   `json:"kind"`
	From float64  `json:"from"`
	To   *float64 `json:"to"` // null: it stayed
}

type chartPhase struct {
	Name    string  `json:"name"`
	From    float64 `json:"from"`
	To      float64 `json:"to"`
	Measure bool    `json:"measure"`
}

func chart(r *Run) chartData {
	return chartData{
		Time: columns(r), Curve: curveData(r), Heat: heatData(r), Phases: chartPhases(r), Changes: chartChanges(r),
		Classes: seriesData(r, byClass, classOrder()), Kinds: seriesData(r, byKindOf, kindOrder(r)),
	}
}

func chartPhases(r *Run) []chartPhase {
	list := make([]chartPhase, 0, len(r.Phases))
	for _, p := range r.Phases {
		list = append(list, chartPhase{p.Name, float64(p.FromNS) / 1e9, float64(p.ToNS) / 1e9, p.Measure})
	}
	return list
}

func chartChanges(r *Run) []chartChange {
	list := make([]chartChange, 0, len(r.Changes))
	add := func(name, kind string, at, lasted int64) {
		to := float64(at+lasted) / 1e9
		list = append(list, chartChange{Name: name, Kind: kind, From: float64(at) / 1e9, To: &to})
	}
	for _, p := range r.Pauses {
		add("clock held", "pause", p.AtNS, p.ForNS)
	}
	for _, s := range r.Speeds {
		add(fmt.Sprintf("%g times as fast", s.Times), "speed", s.AtNS, s.ForNS)
	}
	for _, c := range r.Changes {
		change := chartChange{Name: c.Name, Kind: c.Kind, From: float64(c.FromNS) / 1e9}
		if c.ToNS != nil {
			to := float64(*c.ToNS) / 1e9
			change.To = &to
		}
		list = append(list, change)
	}
	return list
}

func columns(r *Run) timeColumns {
	t := timeColumns{At: make([]float64, 0, len(r.Timeline))}
	wrong := r.AllPhases.bad() > 0
	for _, p := range r.Timeline {
		width := p.WidthNS
		if end := r.DurationNS - p.FromNS; end > 0 && end < width {
			width = end // the run ended within this interval: the rest of it is no lull
		}
		perSec := func(n int64) *float64 {
			if width <= 0 {
				return nil
			}
			v := float64(n) / (float64(width) / 1e9)
			return &v
		}
		bad := func(n int64) *float64 {
			if !wrong {
				return nil // the page says so instead of drawing three lines at 0
			}
			return perSec(n)
		}
		t.At = append(t.At, float64(p.FromNS)/1e9)
		t.P50 = append(t.P50, millis(p.Response.P50NS, p.Response.Count))
		t.P90 = append(t.P90, millis(p.Response.P90NS, p.Response.Count))
		t.P99 = append(t.P99, millis(p.Response.P99NS, p.Response.Count))
		t.Max = append(t.Max, millis(p.Response.MaxNS, p.Response.Count))
		t.Due = append(t.Due, perSec(p.Due))
		t.Accepted = append(t.Accepted, perSec(p.Accepted))
		t.Refused = append(t.Refused, bad(p.Refused))
		t.Failed = append(t.Failed, bad(p.Failed))
		t.Dropped = append(t.Dropped, bad(p.Dropped))
		t.Lag50 = append(t.Lag50, millis(p.SendLag.P50NS, p.SendLag.Count))
		t.Lag99 = append(t.Lag99, millis(p.SendLag.P99NS, p.SendLag.Count))
		t.LagMax = append(t.LagMax, millis(p.SendLag.MaxNS, p.SendLag.Count))
	}
	return t
}

// millis is nil without samples, and at least a nanosecond because the axis is logarithmic.
func millis(ns, samples int64) *float64 {
	if samples == 0 {
		return nil
	}
	v := float64(max(1, ns)) / 1e6
	return &v
}

// curveData joins the two curves on one axis. The longest duration has no place on it, since 1/(1-1) is infinite, and is
// drawn where the last of Count samples lies.
func curveData(r *Run) curveColumns {
	type pair struct{ response, service *float64 }
	at := make(map[float64]pair)
	put := func(d Distribution, set func(*pair, *float64)) {
		for _, p := range d.Curve {
			x := float64(max(2, d.Count))
			if p.Q < 1 {
				x = 1 / (1 - max(0, p.Q))
			}
			both := at[x]
			set(&both, millis(p.NS, 1))
			at[x] = both
		}
	}
	put(r.Latency.Response, func(b *pair, v *float64) { b.response = v })
	put(r.Latency.Service, func(b *pair, v *float64) { b.service = v })

	c := curveColumns{X: make([]float64, 0, len(at))}
	for x := range at {
		c.X = append(c.X, x)
	}
	slices.Sort(c.X)
	for _, x := range c.X {
		c.Response = append(c.Response, at[x].response)
		c.Service = append(c.Service, at[x].service)
	}
	return c
}
