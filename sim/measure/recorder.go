package measure

import (
	"math"
	"strings"
	"sync"
	"time"
)

// Options sizes a Recorder. The zero value stands for the defaults.
type Options struct {
	// Interval is the width of a Timeline's points at first; 0 means 1 s.
	Interval time.Duration
	// Points is the most points of a Timeline, at least 2; 0 means 600. When they do not suffice, pairs are merged and
	// the interval doubles, so that memory does not grow with the run.
	Points int
	// Series is about how many series, one per phase, cohort and tenant, are kept apart; 0 means 4,096. It bounds the
	// tenants: the first Series / (phases and slices x cohorts of the largest fleet) tenants, one at least, have series of their own;
	// all later ones share OtherTenant. A series costs about 1 KiB and 8 bytes for each cell of its histograms in use; one
	// with many thousands of samples 100 to 200 KiB.
	Series int
}

// OtherTenant is the name under which all tenants are counted that have no series of their own.
const OtherTenant = "other"

const otherTenant = math.MaxUint32

// Recorder takes the samples of one shard. Due, Record, Attempt and Window are safe for concurrent use, under one short
// lock; they cost no allocation once every key was seen.
type Recorder struct {
	own uint32 // tenants below it have series of their own

	mu     sync.Mutex
	series map[Key]*series
	last   *series // that of the key asked for last, which is often the next one's, too
	asked  Key
	line   timeline
	live   *Window // what was recorded since the last Window

	phases   []PhaseName
	versions versions

	windowMu sync.Mutex // held by Window; guards spare
	spare    *Window    // empty, to be swapped with live
}

// series is everything known about one key.
type series struct {
	due      int64
	attempts [NumClasses]int64
	fates    [NumClasses]*fate // by final class; nil until needed
}

// fate is what became of those uploads of one key that ended in one class.
type fate struct {
	counts                     Counts
	response, service, sendLag Histogram
}

// NewRecorder returns a recorder for keys whose indices are those of names.
func NewRecorder(names *Names, opt Options) *Recorder {
	return &Recorder{
		own:    ownTenants(names, opt.Series),
		series: make(map[Key]*series),
		line:   newTimeline(opt.Interval, opt.Points),
		live:   newWindow(names),
		spare:  newWindow(names),

		phases:   names.Phases,
		versions: make(versions, 1+len(names.Versions)),
	}
}

// ownTenants is how many tenants have series of their own. It depends on the names alone, not on who sends first, so
// that a tenant is either kept apart in every shard or in none, and its figures are never a part of the truth.
func ownTenants(names *Names, limit int) uint32 {
	if limit <= 0 {
		limit = 4096
	}
	perFleet, most := make(map[string]int), 1
	for _, c := range names.Cohorts {
		fleet, _, _ := strings.Cut(c, "/")
		perFleet[fleet]++
		most = max(most, perFleet[fleet])
	}
	// A slice more is at most one more pair of phase and slice.
	stretches := max(1, len(names.Phases)) + max(0, len(names.Slices)-1)
	return uint32(min(otherTenant-1, max(1, limit/(stretches*most))))
}

// Due counts an upload that falls due at intended, an offset from the run's start. It may come before or after its Record.
func (r *Recorder) Due(k Key, intended time.Duration) {
	r.mu.Lock()
	r.of(k).due++
	r.live.Phases[k.Phase][k.Op].Due++
	if !k.Op.LookUp() {
		r.line.at(intended).Due++
	}
	r.mu.Unlock()
}

// Attempt counts one attempt that was sent at the offset at and ended in class c, and that is not the end of its upload: the
// last attempt is told by Record. One that was to be followed by another but was not is told by both; see Sample.Told.
func (r *Recorder) Attempt(k Key, c Class, at time.Duration) {
	r.mu.Lock()
	r.attempt(r.of(k), k, c, at)
	r.mu.Unlock()
}

func (r *Recorder) attempt(s *series, k Key, c Class, at time.Duration) {
	s.attempts[c]++
	r.live.Phases[k.Phase][k.Op].AttemptClass[c]++
	if k.Op.LookUp() {
		return
	}
	p := r.line.at(at)
	p.Attempts++
	p.Classes[c]++
}

// Record counts the fate of an upload, once, when it is final. s is not kept.
func (r *Recorder) Record(s *Sample) {
	response, service, lag := s.Done-s.Intended, s.Done-s.Sent, s.lag()
	timed := s.timed()

	r.mu.Lock()
	se := r.of(s.Key)
	f := se.fates[s.Class]
	if f == nil {
		f = new(fate)
		se.fates[s.Class] = f
	}
	f.counts.count(s)
	r.live.Phases[s.Phase][s.Op].count(s)
	if s.Outcome != Dropped {
		if !s.Told {
			r.attempt(se, s.Key, s.Class, s.Sent)
		}
		f.sendLag.Record(lag)
	}
	if timed {
		f.response.Record(response)
		f.service.Record(service)
	}
	if !s.Op.LookUp() {
		r.ofUpload(s, timed, response, service, lag)
	}
	r.mu.Unlock()
}

// ofUpload counts what is kept of uploads alone: what happens now, over time, and by version.
func (r *Recorder) ofUpload(s *Sample, timed bool, response, service, lag time.Duration) {
	if s.Outcome != Dropped {
		r.live.SendLag.Record(lag)
	}
	if timed {
		r.live.Response.Record(response)
		r.live.Service.Record(service)
	}
	r.line.record(s, timed, response, service)
	if r.phases[s.Phase].Measure {
		r.versions.record(s, timed)
	}
}

// timed reports whether an upload has a response time: it was answered, or the client waited in vain. One that was
// never sent, or that the end of the run cut short, has none, and shows in the counts.
func (s *Sample) timed() bool { return s.Outcome != Dropped && s.Class != Cancelled }

// lag is the harness's own lateness.
func (s *Sample) lag() time.Duration { return s.FirstSent - s.Intended - s.Held }

// of returns the series of k.
func (r *Recorder) of(k Key) *series {
	if k.Tenant >= r.own {
		k.Tenant = otherTenant
	}
	if k == r.asked && r.last != nil {
		return r.last
	}
	s := r.series[k]
	if s == nil {
		s = new(series)
		r.series[k] = s
	}
	r.asked, r.last = k, s
	return s
}
