package scenario

import (
	"fmt"
	"strings"
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
)

// zone reads the zone that visited hosts are in.
func (b *builder) zone() event.Zone {
	name := &b.spec.Web.Zone
	z, err := event.ParseZone(*name)
	if err != nil && b.good(name) {
		b.errorf(b.at(name), "want a reserved name, e.g. sim.test", "web.zone: %v", err)
	}
	return z
}

// sites reads what the web is made of.
func (b *builder) sites() behavior.Sites {
	m := &b.spec.Web.Malicious
	s := behavior.Sites{
		Zipf: b.spec.Web.Benign.Popularity.Zipf, Revisits: float64(b.spec.Web.Benign.Revisits),
		Listed: float64(m.Listed), WrongLabel: float64(m.WrongLabel), Unknown: float64(m.Unknown),
		Late: float64(m.LateTruth.Share), LateWithin: time.Duration(m.LateTruth.Within),
	}
	for _, w := range m.Difficulty {
		if w.Name == "hard" {
			s.Hard = w.Share / 100
		}
	}
	for _, w := range m.Patterns {
		if p, ok := event.ParsePattern(w.Name); ok {
			s.Patterns = append(s.Patterns, behavior.PatternShare{Value: p, Weight: w.Share})
		}
	}
	for _, w := range m.Mix {
		c, ok := event.ParseCategory(w.Name)
		if !ok {
			continue
		}
		s.Mix = append(s.Mix, behavior.CategoryMix{Value: c, Weight: w.Share})
		if w.Share > 0 && b.good(&m.Patterns, &m.Mix) && !fits(c, s.Patterns) {
			b.errorf(b.at(&m.Patterns, &m.Mix), fmt.Sprintf("give a share to one of %s, or none to %s", strings.Join(fitting(c), ", "), c),
				"web.malicious: no pattern fits sites of %s, which visits go to", c)
		}
	}
	return s
}

// fits reports whether a pattern with a share fits a category.
func fits(c event.Category, shares []behavior.PatternShare) bool {
	for _, s := range shares {
		if s.Weight > 0 && behavior.Fits(c, s.Value) {
			return true
		}
	}
	return false
}

// fitting names the patterns that fit a category.
func fitting(c event.Category) (names []string) {
	for p := range event.NumPatterns {
		if behavior.Fits(c, p) {
			names = append(names, p.String())
		}
	}
	return names
}

// spread returns the distribution of a shape, one for all behaviours.
func (b *builder) spread(shape float64) *behavior.Spread {
	if b.spreads[shape] == nil {
		if b.spreads == nil {
			b.spreads = map[float64]*behavior.Spread{}
		}
		if shape <= 0 { // misread, and told
			return nil
		}
		b.spreads[shape] = behavior.NewSpread(shape)
	}
	return b.spreads[shape]
}
