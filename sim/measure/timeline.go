package measure

import "time"

// Point is one interval of the run: From <= offset < From+Width.
//
// What is counted where differs, because an upload has several times: Due, Dropped, Response, Service, SendLag and Heat
// are of the uploads *intended* in the interval, so that a wait shows where it began; Sent counts first attempts *sent* in
// it and Attempts all attempts sent in it; Done, Accepted, Refused, Failed and Events (those of accepted uploads) count
// fates that became *known* in it, which is the throughput.
type Point struct {
	From, Width                                                           time.Duration
	Due, Dropped, Sent, Attempts, Done, Accepted, Refused, Failed, Events int64
	Response, Service, SendLag                                            Quantiles
	Heat                                                                  []Heat // response times, ascending
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
	Due, Dropped, Sent, Attempts, Done, Accepted, Refused, Failed, Events int64

	response, service, sendLag coarse
}

// timeline is intervals of one width from the run's start on.
type timeline struct {
	width     time.Duration
	most      int
	intervals []interval
}

func newTimeline(width time.Duration, most int) timeline {
	if width <= 0 {
		width = time.Second
	}
	if most <= 0 {
		most = 1800
	}
	return timeline{width: width, most: max(2, most)}
}

// at returns the interval that holds the offset t; an offset before the start belongs to the first. The pointer is
// valid until the next call.
func (l *timeline) at(t time.Duration) *interval {
	t = max(0, t)
	i := int(t / l.width)
	for i >= l.most {
		l.halve()
		i = int(t / l.width)
	}
	for len(l.intervals) <= i {
		l.intervals = append(l.intervals, interval{})
	}
	return &l.intervals[i]
}

// halve doubles the width and merges pairs.
func (l *timeline) halve() {
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
		l.at(s.Intended).Dropped++
		return
	}
	l.at(s.FirstSent).Sent++
	l.at(s.Intended).sendLag.record(s.FirstSent - s.Intended)
	p := l.at(s.Done)
	p.Done++
	switch s.Outcome {
	case Accepted:
		p.Accepted++
		p.Events += int64(s.Events)
	case Refused:
		p.Refused++
	case Failed:
		p.Failed++
	}
	if timed {
		p = l.at(s.Intended)
		p.response.record(response)
		p.service.record(service)
	}
}

// merge adds o, whose first width was the same.
func (l *timeline) merge(o *timeline) {
	for l.width < o.width {
		l.halve()
	}
	for i := range o.intervals {
		l.at(time.Duration(i) * o.width).add(&o.intervals[i])
	}
}

func (p *interval) add(o *interval) {
	p.Due += o.Due
	p.Dropped += o.Dropped
	p.Sent += o.Sent
	p.Attempts += o.Attempts
	p.Done += o.Done
	p.Accepted += o.Accepted
	p.Refused += o.Refused
	p.Failed += o.Failed
	p.Events += o.Events
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
			From: time.Duration(i) * l.width, Width: l.width,
			Due: p.Due, Dropped: p.Dropped, Sent: p.Sent, Attempts: p.Attempts, Done: p.Done,
			Accepted: p.Accepted, Refused: p.Refused, Failed: p.Failed, Events: p.Events,
			Response: p.response.quantiles(), Service: p.service.quantiles(), SendLag: p.sendLag.quantiles(), Heat: p.response.heat(),
		}
	}
	return points
}
