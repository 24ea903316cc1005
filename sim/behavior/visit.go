package behavior

import (
	"time"

	"drover/sim/classify"
	"drover/sim/event"
)

// visit is one page opened: where, what is true of it, and what the reference classifier says. host belongs to the visitor.
type visit struct {
	host    []byte
	truth   event.Category
	verdict classify.Verdict
}

// visitor makes visits. It is owned by one goroutine.
type visitor struct {
	cfg  *Config
	host []byte
}

// visit makes the visit of a device at a time, which is the same whenever it is made.
func (v *visitor) visit(self uint64, cohort uint16, at time.Duration) visit {
	d := newDraws(self, drawVisit, 0, uint64(at))
	malicious := d.unit() < v.cfg.Plans[cohort].Web.MaliciousShare
	var truth event.Category
	v.host, truth = v.cfg.Hosts[cohort].Visit(v.host[:0], &d, malicious)
	return visit{v.host, truth, v.cfg.Classifier.Classify(v.host)}
}
