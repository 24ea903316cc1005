// Package sim runs a scenario: it owns the wall clock, the workers, the order of a run's phases and the shutdown. What
// happens and when it is due comes from the Schedule, which has no clock; what becomes of each upload goes to measure.
package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"drover/sim/behavior"
	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/target"
	"drover/sim/wire"
)

// Config is one run, or one shard of it.
type Config struct {
	Model      *Model
	Partitions []int         // of the fleet, that this process drives; nil: all
	Workers    int           // goroutines that keep schedules, at most one per partition; 0: one per CPU
	Target     target.Target // the caller closes it
	Adapter    *wire.Adapter
	Timer      Timer           // the zero value is GoTimer, the only one for tests in a bubble
	Ledger     *Keep           // where what became of each upload is kept; nil: nowhere
	Sampler    *Sampler        // of events that were acknowledged, while the run goes on and after it; nil: none
	Clock      *Clock          // for whoever may pause the run; nil: nobody
	Progress   func(*Progress) // called once a second from one goroutine while the run goes on; may be nil
}

// graceOnInterrupt is how long uploads that are under way may still end after the run was interrupted.
const graceOnInterrupt = 2 * time.Second

// Kinds counts the events of one kind by what became of them.
type Kinds struct {
	Made      int64 // devices had it to report
	Lost      int64 // dropped on the device by a full spool
	Withdrawn int64 // removed on the device before it was sent, since its user took consent back
	Pending   int64 // still on the devices at the end
	Sent      int64 // put on the wire at least once
	Accepted  int64
	Refused   int64
	Failed    int64 // an attempt had no answer, and none was accepted: the backend may or may not have it
	Dropped   int64 // its upload was never sent
}

// Result is what a run did.
type Result struct {
	Totals      *measure.Totals
	Started     time.Time
	Elapsed     time.Duration
	Phases      []PhaseSpan
	Kinds       [event.NumKinds]Kinds
	Verdicts    check.Oracle
	Splits      *check.Splits  // the verdicts by phase, tenant and response time
	Disputes    check.Disputes // some of the verdicts that somebody disagrees with
	Gathered    Gathered       // zero where each upload is a request
	Devices     behavior.Stats
	DeviceTime  time.Duration // how far the devices' clocks came
	Usage       measure.Usage // of this process, during the run
	Workers     int
	Late        measure.Histogram // by how much uploads were let go after their time, before they asked for a connection: the harness's own share of the send lag. Empty in the closed model
	Pacing      Pacing            // zero in the closed model
	Interrupted bool
	Stretches   []Stretch    // in which somebody held up the clock or changed its tempo, in order
	FirstErrors []ClassError // an example of each class of failed attempt
	Audit       *check.Audit // nil when no check asks for it
	LedgerErr   error        // why the ledger is not whole; nil: it is, or there is none

	course course
}

// PhaseSpan is when a phase really was, in offsets from the run's start. To is 0 for a phase that did not begin. In the
// open model phases last as long as scheduled, but for a drain, which ends with the last answer; in the closed model the
// others may end early, too.
type PhaseSpan struct{ From, To time.Duration }

// ClassError is an example of an error.
type ClassError struct {
	Class measure.Class
	Text  string
}

// Run drives the scenario until its phases are over and every upload has its fate. When ctx ends, nothing more falls due,
// what waits is dropped, what is under way gets two seconds, and the Result says Interrupted: that is no error. The error is
// about a scenario that cannot be run (see Schedule.Err) or counts that do not add up. Everything Run starts has ended when
// it returns.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	r, err := newRun(cfg)
	if err != nil {
		return nil, err
	}
	defer r.close()
	return r.run(ctx)
}

// run is the state that the workers of one run share.
type run struct {
	cfg     Config
	sc      *scenario.Scenario
	names   *measure.Names
	version map[*fleet.Release]int // as measure.Sample has them
	apart   []int                  // tenants whose verdicts are counted apart
	asks    bool                   // verdicts of threats are looked up; else answers to uploads have them
	start   time.Time
	before  measure.Usage // of the process, at the start
	workers []*worker
	timer   Timer
	course  atomic.Pointer[course] // how the schedule goes along with now
	audit   *audit                 // of all uploads; nil when no check asks for one

	sending  context.Context // of attempts: ends after the grace
	abandon  context.CancelFunc
	halt     context.CancelFunc // ends the run as an interrupt does
	stopping chan struct{}      // closed when the run was interrupted
	ending   atomic.Bool        // it was, or sending has ended: nothing new is begun

	errMu  sync.Mutex
	errors [measure.NumClasses]string
}

func newRun(cfg Config) (*run, error) {
	r := &run{cfg: cfg, sc: cfg.Model.Scenario, names: Names(cfg.Model), apart: largest(cfg.Model.Fleet.Tenants()), audit: newAudit(cfg.Model), stopping: make(chan struct{})}
	r.course.Store(&undisturbed)
	r.asks = cfg.Adapter.Has(measure.Verdict)
	parts := cfg.Partitions
	if parts == nil {
		parts = partitions(cfg.Model)
	}
	if r.timer = cfg.Timer; r.timer.New == nil {
		r.timer = GoTimer()
	}
	r.version = map[*fleet.Release]int{}
	for i := range r.sc.Catalogue.Releases {
		release := &r.sc.Catalogue.Releases[i]
		r.version[release] = 1 + slices.Index(r.names.Versions, release.Version)
	}
	n := cfg.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("no partition of the fleet to drive")
	}
	// A worker without work would keep its senders from the others.
	parts, busy := busyFirst(cfg.Model, parts)
	n = min(n, max(1, busy), max(1, r.senders()))
	for i := range n {
		var mine []int
		for j := i; j < len(parts); j += n {
			mine = append(mine, parts[j])
		}
		w, err := newWorker(r, i, mine, n)
		if err != nil {
			r.close()
			return nil, err
		}
		r.workers = append(r.workers, w)
	}
	return r, nil
}

// close gives back what the workers hold of the system.
func (r *run) close() {
	for _, w := range r.workers {
		if w.alarm != nil {
			w.alarm.Close()
		}
	}
}

// busyFirst sorts the partitions so that those with devices, or in the closed model those that can be asked for uploads,
// come first, and returns how many they are.
func busyFirst(m *Model, parts []int) (sorted []int, busy int) {
	var idle []int
	for _, p := range parts {
		if p >= m.Fleet.Devices() || m.Scenario.Load.Closed && m.reporters != nil && m.reporters[p] == 0 {
			idle = append(idle, p)
		} else {
			sorted = append(sorted, p)
		}
	}
	return append(sorted, idle...), len(sorted)
}

// senders is how many uploads may be under way at once, over all workers.
func (r *run) senders() int {
	if r.sc.Load.Closed {
		return r.sc.Load.Concurrency
	}
	return r.sc.Target.Client.Senders()
}

func (r *run) run(ctx context.Context) (*Result, error) {
	r.before, _ = measure.Self()
	r.start = time.Now()
	r.cfg.Sampler.begin(r.start)
	r.allow(ctx)
	defer r.abandon()
	ctx, r.halt = context.WithCancel(ctx)
	defer r.halt()

	if err := r.openLedgers(); err != nil {
		return nil, err
	}
	if r.cfg.Clock != nil {
		r.cfg.Clock.begin(r)
		defer r.cfg.Clock.end()
	}
	var workers errgroup.Group
	for _, w := range r.workers {
		workers.Go(w.work)
	}
	done := make(chan struct{})
	var watchers sync.WaitGroup
	watchers.Go(func() { r.interrupt(ctx, done) })
	if r.cfg.Progress != nil {
		watchers.Go(func() { r.report(done) })
	}
	err := workers.Wait()
	elapsed := time.Since(r.start)
	close(done)
	watchers.Wait()
	broken := r.closeLedgers()
	if err != nil {
		return nil, errors.Join(err, broken)
	}
	res, err := r.result(elapsed)
	if res != nil {
		res.LedgerErr = broken
	}
	return res, err
}

// allow lets attempts be made until abandon is called, whatever becomes of ctx.
func (r *run) allow(ctx context.Context) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.sending, r.abandon = sending, func() {
		r.ending.Store(true)
		cancel()
	}
}

// interrupt turns the end of ctx into an orderly end of the run.
func (r *run) interrupt(ctx context.Context, done chan struct{}) {
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	r.ending.Store(true)
	close(r.stopping)
	r.ring()
	timer := time.NewTimer(graceOnInterrupt)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		r.abandon()
	}
}

// ring wakes everybody up who waits for an instant.
func (r *run) ring() {
	for _, w := range r.workers {
		w.alarm.Ring()
	}
}

func (r *run) stopped() bool {
	select {
	case <-r.stopping:
		return true
	default:
		return false
	}
}

// now is the offset from the run's start.
func (r *run) now() time.Duration { return time.Since(r.start) }

// example keeps the first error of each class, for a message.
func (r *run) example(c measure.Class, err error) {
	if err == nil {
		return
	}
	r.errMu.Lock()
	defer r.errMu.Unlock()
	if r.errors[c] == "" {
		r.errors[c] = err.Error()
	}
}

// ownVerdicts is how many tenants' verdicts are counted apart.
const ownVerdicts = 20

// largest lists the tenants with the most devices, by index and in order of size. That is known before the run, and to every shard.
func largest(tenants []fleet.Tenant) []int {
	list := make([]int, len(tenants))
	for i := range list {
		list[i] = i
	}
	slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(tenants[b].Devices, tenants[a].Devices) })
	return list[:min(len(list), ownVerdicts)]
}

// Names are the words behind the indices of a model's samples.
func Names(m *Model) *measure.Names {
	n := new(measure.Names)
	for _, ph := range m.Scenario.Load.Phases {
		n.Phases = append(n.Phases, measure.PhaseName{Name: ph.Name, Measure: ph.Measure})
	}
	for _, c := range m.Fleet.Cohorts() {
		n.Cohorts = append(n.Cohorts, c.Fleet+"/"+c.Name)
	}
	for _, t := range m.Fleet.Tenants() {
		n.Tenants = append(n.Tenants, t.ID.String())
	}
	n.Slices = measure.Cut(m.windows())
	n.Versions = versions(m)
	for _, k := range event.Kinds() {
		n.Kinds = append(n.Kinds, k.String())
	}
	return n
}

var _ [measure.MaxKinds - event.NumKinds]struct{} // there is room for all

// versions are those of iOS that devices of a model may run, oldest first.
func versions(m *Model) (list []string) {
	for c := range m.Fleet.Cohorts() {
		for _, v := range m.Fleet.OSShare(c) {
			list = append(list, v.Value)
		}
	}
	for _, e := range m.Behavior.Timeline {
		if e.Release != nil && e.Release.OS != nil {
			list = append(list, e.Release.OS.Version)
		}
	}
	slices.SortFunc(list, fleet.CompareVersions)
	return slices.Compact(list)
}
