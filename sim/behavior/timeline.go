package behavior

import (
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

// Entry is something that changes what devices do, or are, while a run goes on. When it begins and ends is told to each
// stream. Exactly one of Change, Release and Skew is set.
type Entry struct {
	Name    string
	Select  *fleet.Selection // the devices that it concerns
	Change  *Change
	Release *Release
	Skew    *Skew // of a fault; of faults without one it is that of right clocks
}

// Change replaces parts of the plan and the settings of devices while it is in force; a nil member leaves them. Of several
// changes to one thing the one that began last counts.
type Change struct {
	Rates          [event.NumKinds]*Rate // Jitter is the plan's own
	MaliciousShare *float64
	Bypass         *float64
	OfflinePerDay  *float64
	Settings       fleet.SettingsChange
}

// apply makes the change to a plan.
func (c *Change) apply(p *Plan) {
	for k, r := range c.Rates {
		if r != nil {
			p.Rates[k] = Rate{Every: r.Every, PerDay: r.PerDay, Jitter: p.Rates[k].Jitter}
		}
	}
	for _, m := range []struct {
		to   *float64
		from *float64
	}{
		{&p.Web.MaliciousShare, c.MaliciousShare}, {&p.Web.Bypass, c.Bypass}, {&p.Offline.PerDay, c.OfflinePerDay},
	} {
		if m.from != nil {
			*m.to = *m.from
		}
	}
}

// Forever is the end of what does not end.
const Forever = never

// Past is which entries of the timeline the devices of a stream have seen begin and end. It never changes: a stream that
// comes to the next beginning or end makes another one. So anybody may keep one, and all that a stream ever made say the same of
// the time before them. What a device is and does at a time follows from the fleet, the plans and its Past alone.
//
// A nil Past is that of devices to which nothing has happened. It is safe for concurrent use.
type Past struct {
	cfg   *Config
	spans []Span // in the order in which they began
}

// Span is when an entry was in force, in device time: after From, up to and including Until.
type Span struct {
	Entry       int // index into Config.Timeline
	From, Until time.Duration
}

// Spans are the entries that have begun, in that order; Until is Forever while they last. The caller must not change them.
func (h *Past) Spans() []Span {
	if h == nil {
		return nil
	}
	return h.spans
}

// begin is the past after an entry has begun.
func (h *Past) begin(cfg *Config, entry int, at time.Duration) *Past {
	spans := h.Spans()
	return &Past{cfg: cfg, spans: append(spans[:len(spans):len(spans)], Span{entry, at, Forever})}
}

// end is the past after an entry has ended.
func (h *Past) end(entry int, at time.Duration) *Past {
	next := &Past{cfg: h.cfg, spans: append([]Span(nil), h.spans...)}
	for i := range next.spans {
		if next.spans[i].Entry == entry {
			next.spans[i].Until = at
		}
	}
	return next
}

// changes yields the changes that are in force for a device at a time, in the order in which they began.
func (h *Past) changes(device int, at time.Duration, yield func(*Change)) {
	for _, sp := range h.Spans() {
		e := &h.cfg.Timeline[sp.Entry]
		if e.Change != nil && sp.From < at && at <= sp.Until && e.Select.Has(device) {
			yield(e.Change)
		}
	}
}

// Device makes of d, which Fleet.Device filled, what it is at a time: its settings, its version of iOS and of the app. A version
// that it takes at that very moment it has.
func (h *Past) Device(d *fleet.Device, at time.Duration) {
	if len(h.Spans()) == 0 {
		return
	}
	var settings fleet.SettingsChange
	h.changes(d.Index, at, func(c *Change) { settings.Merge(c.Settings) })
	if settings != (fleet.SettingsChange{}) {
		h.cfg.Fleet.Resettle(d, &settings)
	}
	// What is newer replaces what is older, so the order in which a device took them does not matter; and a build that needs a
	// newer iOS is taken when that comes.
	for i := range h.spans {
		if r := h.cfg.Timeline[h.spans[i].Entry].Release; r != nil && r.OS != nil && r.OS.Newer(d.OS) && d.Model.CanRun(r.OS) && h.takes(&h.spans[i], d.Index) <= at {
			d.OS = r.OS
		}
	}
	for i := range h.spans {
		if r := h.cfg.Timeline[h.spans[i].Entry].Release; r != nil && r.OS == nil && newerApp(r.App, d) && h.takes(&h.spans[i], d.Index) <= at {
			d.App = r.App
		}
	}
}

// newerApp reports whether a build is newer than what a device has, and runs on it.
func newerApp(app string, d *fleet.Device) bool {
	is, err := fleet.ParseApp(app)
	has, _ := fleet.ParseApp(d.App) // what is no build is older than all
	return err == nil && is > has && d.OS.Major >= is.Needs()
}

// takes is when a device takes a release if it can; never when it is not among those that do.
func (h *Past) takes(sp *Span, device int) time.Duration {
	e := &h.cfg.Timeline[sp.Entry]
	if !e.Select.Has(device) {
		return never
	}
	draw := newDraws(key(h.cfg.Seed, uint64(device)), drawUptake, 0, nameKey(e.Release.version()))
	after := e.Release.Uptake.when(draw.unit())
	if after >= never-sp.From {
		return never
	}
	return sp.From + max(1, after) // the release itself is over before anyone takes it
}

// next is when a device may take its next release after a time.
func (h *Past) next(device int, after time.Duration) time.Duration {
	first := never
	for i := range h.spans {
		if h.cfg.Timeline[h.spans[i].Entry].Release != nil {
			if at := h.takes(&h.spans[i], device); at > after {
				first = min(first, at)
			}
		}
	}
	return first
}

// nameKey is FNV-1a.
func nameKey(name string) uint64 {
	sum := uint64(0xcbf29ce484222325)
	for _, c := range []byte(name) {
		sum = (sum ^ uint64(c)) * 0x100000001b3
	}
	return sum
}
