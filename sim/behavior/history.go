package behavior

import (
	"time"

	"drover/sim/event"
)

// PageView is one visit as the device knows it, and as nobody else does: of a benign one nothing is ever reported, of a detected
// one the host at most. URL is valid until the next one.
type PageView struct {
	At      time.Duration // device time, offset from the run's start
	URL     []byte        // without a scheme, its host in the zone
	Pattern event.Pattern
	Hard    bool
	Truth   event.Category // event.Unknown: nobody knows
	Verdict event.Category // of the reference on the device
	Score   float32
}

// History calls f with the visits of a device in order, until f returns false or until is over. They are those of a run without
// a timeline: what a timeline changes depends on the run's phases.
func History(cfg *Config, device int, until time.Duration, f func(*PageView) bool) {
	whole := *cfg
	whole.Until = 0 // a run may end before until
	s := NewStream(&whole, 1, func(int) int { return device })
	st, h := s.load(0), cfg.Hosts
	plan := s.plans[st.plan]
	self := s.self(st)
	clock := clockOf(event.WebThreat)
	var p PageView
	for at := st.at(clock); at <= until && at != never; at = s.after(st, self, clock, at) {
		v := s.visits.visit(self, plan.cohort, plan.supervised, at, plan.Web.MaliciousShare)
		p = PageView{At: at, URL: p.URL[:0], Truth: v.truth, Verdict: v.verdict.category, Score: v.verdict.score}
		if v.site != nil {
			url, host := h.url(v.site)
			p.URL = append(h.inZone(append(p.URL, url[:host]...)), url[host:]...)
			p.Pattern, p.Hard = v.site.pattern, v.site.hard
		} else {
			rank := h.rank(self, &v.draw)
			if p.Pattern = h.kinds[rank]; v.canary > 0 {
				p.URL, p.Pattern = cfg.Canaries.list[v.canary-1].Append(p.URL), event.Plain
			} else {
				p.URL = append(p.URL, h.benignHost(rank)...)
			}
			p.URL = page(h.inZone(p.URL), &v.draw, p.Pattern)
		}
		if !f(&p) {
			return
		}
	}
}
