package sim

import (
	"time"

	"drover/sim/measure"
	"drover/sim/wire"
)

// gatherer holds uploads back until they go out in one request with others: those of an operation and a tenant, since an enrolment goes to a
// place of its own, and credentials are a tenant's. A request goes when it is full, or when its first upload has waited long enough. It has no
// clock, and is owned by one goroutine.
type gatherer struct {
	most int
	wait time.Duration
	open map[together]*job // first upload of each request that waits for more
	due  []waiting         // the same in the order in which they began, and some that went since
	gone int               // of due: so many at its front are of no use
	last time.Duration     // when the upload was due that came last
}

// Gathered counts requests with uploads, one for each attempt, and the uploads in them.
type Gathered struct{ Requests, Uploads int64 }

func (g *Gathered) add(o Gathered) {
	g.Requests += o.Requests
	g.Uploads += o.Uploads
}

// together is what the uploads of one request have in common.
type together struct {
	op     measure.Op
	tenant uint32
}

// waiting is when a request goes, whoever is in it by then.
type waiting struct {
	together
	first *job
	at    time.Duration
}

// newGatherer returns nil where each upload is a request.
func newGatherer(g wire.Gather) *gatherer {
	if g.Uploads < 2 {
		return nil
	}
	return &gatherer{most: g.Uploads, wait: g.Wait, open: map[together]*job{}}
}

// join adds an upload, which is due no earlier than those before it; what was over before that has gone. It returns the first one of a request that is full by that; nil: it waits.
func (g *gatherer) join(j *job) *job {
	with := together{j.key.Op, j.key.Tenant}
	first := g.open[with]
	g.last = j.at
	if first == nil {
		g.open[with] = j
		g.due = append(g.due, waiting{with, j, j.at + g.wait})
		return nil
	}
	if first.rest = append(first.rest, j); len(first.rest) < g.most-1 {
		return nil
	}
	delete(g.open, with)
	first.goes(j.at)
	return first
}

// over returns the first upload of a request that goes at now, and else nil and when the next one will. With all each goes: no more uploads come.
func (g *gatherer) over(now time.Duration, all bool) (*job, time.Duration) {
	for g.gone < len(g.due) {
		w := g.due[g.gone]
		waits := g.open[w.together] == w.first && w.first.at+g.wait == w.at // else it was full, and the job may be another upload by now
		if waits && w.at > now && !all {
			return nil, w.at
		}
		if g.gone++; g.gone > len(g.due)/2 {
			g.due, g.gone = g.due[:copy(g.due, g.due[g.gone:])], 0
		}
		if waits {
			delete(g.open, w.together)
			if all {
				w.at = min(w.at, g.last)
			}
			w.first.goes(w.at)
			return w.first, 0
		}
	}
	return nil, forever
}

// goes notes how long each upload of a request waited for the others, which is to be sent at an instant.
func (j *job) goes(at time.Duration) { j.each(func(o *job) { o.held = at - o.at }) }
