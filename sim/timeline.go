package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"drover/sim/behavior"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/target"
)

// cue is an entry of the timeline that begins or ends, at an offset from the run's start.
type cue struct {
	at    time.Duration
	entry int
	ends  bool
}

// timeline builds what streams need of the scenario's timeline, and the cues in order.
func (m *Model) timeline() error {
	if len(m.Scenario.Timeline) > 0 && m.Scenario.Load.Closed {
		return fmt.Errorf("timeline: not in the closed model, where answers decide when a phase is over")
	}
	for i, e := range m.Scenario.Timeline {
		who, err := m.Fleet.Select(e.Select)
		if err != nil {
			return fmt.Errorf("timeline: entry %q: %w", e.Name, err)
		}
		m.Behavior.Timeline = append(m.Behavior.Timeline, behavior.Entry{Name: e.Name, Select: who, Change: e.Change, Release: e.Release, Skew: e.Skew})
		if e.Fault != nil {
			until := e.Until
			if until == 0 {
				until = behavior.Forever
			}
			m.faults = append(m.faults, faultSpan{e.At, until, who, e.Fault})
		}
		m.cues = append(m.cues, cue{at: e.At, entry: i})
		if e.Until > 0 {
			m.cues = append(m.cues, cue{at: e.Until, entry: i, ends: true})
		}
	}
	slices.SortStableFunc(m.cues, func(a, b cue) int {
		if c := cmp.Compare(a.at, b.at); c != 0 || a.ends == b.ends {
			return c
		}
		if a.ends { // what ends makes room for what begins
			return -1
		}
		return 1
	})
	return nil
}

// faultSpan is a stretch of the run, in offsets from its start, in which the network of some devices misbehaves.
type faultSpan struct {
	from, until time.Duration
	who         *fleet.Selection
	faults      *target.Faults
}

// faultsOf is how the network of a device misbehaves at an instant of the schedule, as the timeline has it: of several
// entries the one that began last counts, and of those that began at once the last one. It is nil when there is none.
func (m *Model) faultsOf(device int, at time.Duration) (f *target.Faults) {
	var from time.Duration
	for i := range m.faults {
		if s := &m.faults[i]; s.from <= at && at < s.until && (f == nil || s.from >= from) && s.who.Has(device) {
			f, from = s.faults, s.from
		}
	}
	return f
}

// Unsettled reports whether the settings of a device depend on the time, because the timeline changes them.
func (m *Model) Unsettled(device int) bool {
	return slices.ContainsFunc(m.Behavior.Timeline, func(e behavior.Entry) bool {
		return e.Change != nil && e.Change.Settings != fleet.SettingsChange{} && e.Select.Has(device)
	})
}

// Selecting names the entries of the timeline that select a device, in file order.
func (m *Model) Selecting(device int) (names []string) {
	for _, e := range m.Behavior.Timeline {
		if e.Select.Has(device) {
			names = append(names, e.Name)
		}
	}
	return names
}

// windows are the stretches of the run that checks name. Others would only cost memory.
func (m *Model) windows() (list []measure.NamedWindow) {
	named := map[string]bool{}
	for _, c := range m.Scenario.Checks {
		if c.Metric != nil {
			for _, name := range slices.Concat(c.Metric.Where.Outside, c.Metric.Where.During) {
				named[name] = true
			}
		}
	}
	for _, e := range m.Scenario.Timeline {
		if named[e.Name] {
			w := measure.NamedWindow{Name: e.Name, From: e.At, To: e.Until}
			if e.Until == 0 {
				w.To = behavior.Forever
			}
			list = append(list, w)
		}
	}
	return list
}

// prompter tells one stream what the timeline has in store for it, as the phases of a run go by. The device time of an entry
// that begins or ends within a phase with a speed follows from the wall time. In a phase with a rate it is the time that the stream has come to
// when the first upload is due after it: that is a function of the scenario, too, and of nothing that another stream does.
type prompter struct {
	stream *behavior.Stream
	left   []cue
}

func (p *prompter) tell(c cue, at time.Duration) {
	if c.ends {
		p.stream.End(c.entry, at)
	} else {
		p.stream.Begin(c.entry, at)
	}
}

// before tells of all that is before an offset from the run's start; the stream has come to device time now.
func (p *prompter) before(offset, now time.Duration) {
	for len(p.left) > 0 && p.left[0].at < offset {
		p.tell(p.left[0], now)
		p.left = p.left[1:]
	}
}

// asked tells, within a phase with a rate that begins at an offset from the run's start, of all that comes before the n-th
// upload that is asked for on average.
func (p *prompter) asked(ph scenario.Phase, begins time.Duration, n float64, now time.Duration) {
	for len(p.left) > 0 && p.left[0].at < begins+ph.For && ph.Shape.Expected(p.left[0].at-begins) <= n {
		p.tell(p.left[0], now)
		p.left = p.left[1:]
	}
}

// next is the stream's next upload in a phase that asks for them: as long as there is more to come, at any time.
func (p *prompter) next(limit time.Duration, u *behavior.Upload) bool {
	if len(p.left) > 0 {
		return p.stream.Ask(limit, u)
	}
	return p.stream.Next(limit, u)
}

// during tells of a whole phase with a speed, which begins at an offset from the run's start and at device time from.
func (p *prompter) during(ph scenario.Phase, begins, from time.Duration) {
	for len(p.left) > 0 && p.left[0].at < begins+ph.For {
		p.tell(p.left[0], from+time.Duration(float64(p.left[0].at-begins)*ph.Speed))
		p.left = p.left[1:]
	}
}
