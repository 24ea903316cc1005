package behavior

import (
	"time"

	"drover/sim/event"
)

// What is particular to a user: kinds of drawUser.
const (
	userMalicious = iota // how often visits are malicious
	userBypass           // how often detections are overridden
	userFavourite        // which benign sites are favourites
)

// visit is one page opened: what is true of it and what the reference says. Where it went is made when somebody asks: a benign
// visit leaves no trace, and that is most.
type visit struct {
	site    *site // nil: a benign one
	at      time.Duration
	truth   event.Category
	verdict classification
	canary  uint32 // 1 + the number of the canary that it goes to, of a benign one; 0: none
	draw    draws  // what is left of the visit's chance
}

// detected reports whether the device has something to report.
func (v *visit) detected() bool { return v.verdict.category != event.Benign }

// visitor makes visits. It is owned by one goroutine.
type visitor struct {
	cfg *Config
	buf []byte
}

// visit makes the visit of a device at a time, which is the same whenever it is made. share is how much of the visits of all
// devices of the cohort is malicious then.
func (v *visitor) visit(self uint64, cohort int, supervised bool, at time.Duration, share float64) visit {
	out := visit{at: at, draw: newDraws(self, drawVisit, 0, uint64(at))}
	if out.draw.unit() >= v.cfg.Plans[cohort].Web.Dispersion.of(self, userMalicious, share) {
		if out.canary = v.cfg.Canaries.instead(self, uint64(at)); out.canary > 0 { // rare, and asked anew: it is there to see what happens
			v.buf = v.cfg.Canaries.list[out.canary-1].Append(v.buf[:0])
			out.verdict = keep(v.cfg.Classifier.Classify(v.buf))
		}
		return out
	}
	s := v.cfg.Hosts.maliciousSite(&out.draw)
	out.site, out.truth, out.verdict = s, s.truth(at), s.verdict(at, supervised)
	return out
}

// maliciousSite draws one by the mix of categories, and evenly within a category.
func (h *Hosts) maliciousSite(d *draws) *site {
	category := h.sites.Mix[0].Value
	if len(h.sites.Mix) > 1 {
		category = pick(d, h.sites.Mix)
	}
	return &h.planted[int(category-1)*plantedOfEach+int(d.next()%plantedOfEach)]
}

// bypassed reports whether the user goes on to a site that was detected.
func (v *visitor) bypassed(self uint64, cohort int, d *draws) bool {
	w := &v.cfg.Plans[cohort].Web
	return d.unit() < w.Dispersion.of(self, userBypass, w.Bypass)
}

// hostOf is the host of a visit that was detected, in its zone: all of the URL that is ever sent.
func (v *visitor) hostOf(out *visit) event.ZoneHost {
	h := v.cfg.Hosts
	if out.site != nil {
		url, host := h.url(out.site)
		v.buf = append(v.buf[:0], url[:host]...)
	} else {
		v.buf = v.cfg.Canaries.list[out.canary-1].Append(v.buf[:0])
	}
	name, err := h.zone.Host(v.buf)
	if err != nil {
		panic("behavior: a site's name: " + err.Error()) // names are ours, and fit every zone (TestSites)
	}
	return name
}
