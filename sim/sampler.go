package sim

import (
	"bytes"
	"context"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"drover/sim/check"
	"drover/sim/fleet"
	"drover/sim/target"
	"drover/sim/wire"
)

// Sampling is how a run looks, while it goes on, for some of the events that were acknowledged.
type Sampling struct {
	Source Source
	How    target.Readback // How.Sample says how many a second
	Run    string
}

const (
	maxSampled  = 16 // events looked for at once; where events take long to be visible, fewer are than How.Sample says
	firstGlance = 2 * time.Millisecond
	maxGlance   = time.Second
)

// Sampler looks for the first event of some uploads, each again and again, ever more rarely, until it is shown or How.Settle is over. Which
// uploads these are time decides, and nothing about them: the first one that was taken after each 1/How.Sample. It goes on when its run is
// over, so that nothing waits for it which comes then; whoever made it calls Result.
type Sampler struct {
	Sampling
	ctx   context.Context // of all looks
	start time.Time       // of the run
	every time.Duration
	next  atomic.Int64 // when the next sample is due, ns from start
	slots chan struct{}
	looks sync.WaitGroup

	mu  sync.Mutex
	out check.Sampled
}

// NewSampler makes the sampler of one run. It stops looking when ctx ends. nil, of which all methods do nothing, where no samples are asked for.
func NewSampler(ctx context.Context, s Sampling) *Sampler {
	if s.How.Sample <= 0 {
		return nil
	}
	return &Sampler{Sampling: s, ctx: ctx, every: time.Duration(float64(time.Second) / s.How.Sample), slots: make(chan struct{}, maxSampled), out: check.Sampled{Patience: s.How.Settle}}
}

// begin is called at the run's start.
func (s *Sampler) begin(start time.Time) {
	if s != nil {
		s.start = start
	}
}

// offer tells of an event that was acknowledged at an offset from the run's start. It costs next to nothing unless the event is chosen.
func (s *Sampler) offer(id [16]byte, done time.Duration) {
	if s == nil {
		return
	}
	due := s.next.Load()
	if int64(done) < due || !s.next.CompareAndSwap(due, int64(done+s.every)) {
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		s.mu.Lock()
		s.out.Skipped++
		s.mu.Unlock()
		return
	}
	s.looks.Go(func() {
		defer func() { <-s.slots }()
		s.look(fleet.GUID(id).String(), done)
	})
}

// look finds out when an event is visible.
func (s *Sampler) look(id string, done time.Duration) {
	least := time.Duration(0)
	for wait := firstGlance; ; wait = min(wait*3/2, maxGlance) {
		asked := time.Since(s.start)
		shown, err := s.shows(id)
		most := time.Since(s.start) - done
		over := err != nil || shown || most >= s.How.Settle
		if over || pause(s.ctx, wait) != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			switch {
			case s.ctx.Err() != nil:
				s.out.Cut++
			case err != nil:
				s.out.Failed++
				s.out.Why = err.Error()
			case shown:
				s.out.AtLeast.Record(least)
				s.out.AtMost.Record(most)
			default:
				s.out.Unseen++
			}
			return
		}
		least = max(0, asked-done) // so early it may have been that the answer was made
	}
}

// shows asks for one event.
func (s *Sampler) shows(id string) (bool, error) {
	if s.How.Adapter == "drover-audit" {
		body, err := s.Source.Get(s.ctx, "/v1/audit/events?run="+url.QueryEscape(s.Run)+"&id="+id, target.Admin)
		return bytes.Count(bytes.TrimSuffix(body, []byte("\n")), []byte("\n")) > 0, err
	}
	path := strings.NewReplacer("{run}", url.QueryEscape(s.Run), "{id}", id).Replace(s.How.One)
	found := false
	how := s.How
	how.Next, how.After = "", ""
	p := page{how: &how, keep: func(line []byte) error {
		found = found || strings.EqualFold(plain(wire.Lookup(line, how.ID)), id)
		return nil
	}}
	err := (&ReadBack{Source: s.Source}).page(s.ctx, path, "", target.Admin, &p)
	if target.NotFound(err) {
		return false, nil
	}
	return found, err
}

// Result waits for what is still looked for. It is called when the run is over.
func (s *Sampler) Result() *check.Sampled {
	if s == nil {
		return nil
	}
	s.looks.Wait()
	return &s.out
}
