package measure

import (
	"slices"
	"time"
)

// Point is one interval of the run: From <= offset < From+Width.
//
// What is counted where differs, because an upload has several times: Due, Dropped, Response, Service, SendLag and Heat
// are of the uploads *intended* in the interval, so that a wait shows where it began; Sent counts first attempts *sent* in
// it and Attempts all attempts sent in it; Done, Accepted, Refused, Failed, Events and Kinds (both of accepted uploads) count
// fates that became *known* in it, which is the throughput. Classes are of Attempts by how they ended, and of Dropped by why.
type Point struct {
	From, Width time.Duration
	Tallies
	Response, Service, SendLag Quantiles
	Heat                       []Heat // response times, ascending
}

// Tallies are the counters of one interval.
type Tallies struct {
	Due, Dropped, Sent, Attempts, Done, Accepted, Refused, Failed, Events int64

	Classes [NumClasses]int64
	Kinds   [MaxKinds]int64
}

func (t *Tallies) add(o *Tallies) {
	t.Due += o.Due
	t.Dropped += o.Dropped
	t.Sent += o.Sent
	t.Attempts += o.Attempts
	t.Done += o.Done
	t.Accepted += o.Accepted
	t.Refused += o.Refused
	t.Failed += o.Failed
	t.Events += o.Events
	for i := range t.Classes {
		t.Classes[i] += o.Classes[i]
	}
	for i := range t.Kinds {
		t.Kinds[i] += o.Kinds[i]
	}
}

// Quantiles sums up the durations of a Point. Max is exact; the others are never too small and at most 0.8 % too large (two
// significant figures).
type Quantiles struct {
	Count              int64
	P50, P90, P99, Max time.Duration
}

// Heat is one cell of a heat map: N durations d with From <= d < To.
type Heat struct {
	From, To time.Duration
	N        int64
}

// interval is a Point that still counts.
type interval struct {
	Tallies
	response, service, sendLag coarse
}

// timeline is intervals of one width from the run's start on.
type timeline struct {
	width     time.Duration
	most      int
	intervals []interval

	last int           // the interval that at returned last
	from time.Duration // where it begins

	// Nearly all durations belong to the interval under way. Those that were recorded while hot was the latest one are in
	// these tables and not yet in its lists, since a table is one store and a list a search.
	hot                        int
	response, service, sendLag *table // nil until needed

	// Intervals before open are packed. Most answers are not late enough for those, and one that is makes them open again.
	open    int
	room    []cells // memory of lists that were packed
	scratch []byte
}

func newTimeline(width time.Duration, most int) timeline {
	if width <= 0 {
		width = time.Second
	}
	if most <= 0 {
		most = 600
	}
	return timeline{width: width, most: max(2, most)}
}

// at returns the interval that holds the offset t; an offset before the start belongs to the first. The pointer is
// valid until the next call.
func (l *timeline) at(t time.Duration) *interval {
	if d := t - l.from; d < 0 || d >= l.width || l.last >= len(l.intervals) {
		l.find(max(0, t))
	}
	return &l.intervals[l.last]
}

// find makes last the interval of t.
func (l *timeline) find(t time.Duration) {
	i := int(t / l.width)
	for i >= l.most {
		l.halve()
		i = int(t / l.width)
	}
	for len(l.intervals) <= i {
		l.intervals = append(l.intervals, interval{})
	}
	l.last, l.from = i, time.Duration(i)*l.width
}

// warm makes the latest interval hot, and reports whether the one that at returned last is it.
func (l *timeline) warm() bool {
	if l.last > l.hot || l.response == nil {
		l.cool()
		l.hot = l.last
		l.pack()
		if l.response == nil {
			l.response, l.service, l.sendLag = new(table), new(table), new(table)
		}
	}
	return l.last == l.hot
}

// cool moves what is in the tables to the lists of the hot interval.
func (l *timeline) cool() {
	if l.response == nil || l.hot >= len(l.intervals) {
		return
	}
	p := &l.intervals[l.hot]
	for _, c := range [...]*coarse{&p.response, &p.service, &p.sendLag} {
		if n := len(l.room); n > 0 && c.list == nil && c.packed == nil {
			c.list, l.room = l.room[n-1], l.room[:n-1]
		}
	}
	l.response.move(&p.response)
	l.service.move(&p.service)
	l.sendLag.move(&p.sendLag)
}

// pack packs what is older than the interval before the hot one.
func (l *timeline) pack() {
	for ; l.open < l.hot-1; l.open++ {
		p := &l.intervals[l.open]
		for _, c := range [...]*coarse{&p.response, &p.service, &p.sendLag} {
			var room cells
			if room, l.scratch = c.pack(l.scratch); room != nil && len(l.room) < 3 {
				l.room = append(l.room, room)
			}
		}
	}
}

// halve doubles the width and merges pairs.
func (l *timeline) halve() {
	l.cool()
	l.hot, l.last, l.from, l.open = 0, 0, 0, 0
	l.width *= 2
	n := (len(l.intervals) + 1) / 2
	for i := range n {
		p := l.intervals[2*i]
		if 2*i+1 < len(l.intervals) {
			p.add(&l.intervals[2*i+1])
		}
		l.intervals[i] = p
	}
	clear(l.intervals[n:]) // the lists of merged cells must not stay reachable
	l.intervals = l.intervals[:n]
}

// record counts the fate of an upload.
func (l *timeline) record(s *Sample, timed bool, response, service time.Duration) {
	if s.Outcome == Dropped {
		p := l.at(s.Intended)
		p.Dropped++
		p.Classes[s.Class]++
		return
	}
	l.at(s.FirstSent).Sent++
	p := l.at(s.Intended)
	if l.warm() {
		l.sendLag.record(&p.sendLag, s.lag())
		if timed {
			l.response.record(&p.response, response)
			l.service.record(&p.service, service)
		}
	} else {
		l.open = min(l.open, l.last)
		p.sendLag.record(s.lag())
		if timed {
			p.response.record(response)
			p.service.record(service)
		}
	}
	p = l.at(s.Done)
	p.Done++
	switch s.Outcome {
	case Accepted:
		p.Accepted++
		p.Events += int64(s.Events)
		for k, n := range s.Kinds {
			p.Kinds[k] += int64(n)
		}
	case Refused:
		p.Refused++
	case Failed:
		p.Failed++
	}
}

// copy is the timeline as it is now. What is packed is shared, since it does not change.
func (l *timeline) copy() timeline {
	l.cool()
	c := timeline{width: l.width, most: l.most, intervals: slices.Clone(l.intervals)}
	for i := range c.intervals {
		p := &c.intervals[i]
		for _, h := range [...]*coarse{&p.response, &p.service, &p.sendLag} {
			h.list = slices.Clone(h.list)
		}
	}
	return c
}

// merge adds o, whose first width was the same and which is a copy.
func (l *timeline) merge(o *timeline) {
	for l.width < o.width {
		l.halve()
	}
	for i := range o.intervals {
		l.at(time.Duration(i) * o.width).add(&o.intervals[i])
	}
}

func (p *interval) add(o *interval) {
	p.Tallies.add(&o.Tallies)
	p.response.merge(&o.response)
	p.service.merge(&o.service)
	p.sendLag.merge(&o.sendLag)
}

// points returns the timeline from the start to the last interval in use.
func (l *timeline) points() []Point {
	points := make([]Point, len(l.intervals))
	for i := range l.intervals {
		p := &l.intervals[i]
		points[i] = Point{
			From: time.Duration(i) * l.width, Width: l.width, Tallies: p.Tallies,
			Response: p.response.quantiles(), Service: p.service.quantiles(), SendLag: p.sendLag.quantiles(), Heat: p.response.heat(),
		}
	}
	return points
}
