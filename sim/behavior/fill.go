package behavior

import (
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

// Filler makes the fields of events from what and when. It is owned by one goroutine, and any number of them make the same
// fields.
type Filler struct {
	cfg    *Config
	visits visitor
}

// NewFiller returns a filler for the streams of the same Config.
func NewFiller(cfg *Config) *Filler { return &Filler{cfg: cfg, visits: visitor{cfg: cfg}} }

// Fill makes the event it of device d with sequence number seq. What e points to is valid until the next call.
func (f *Filler) Fill(e *event.Event, d *fleet.Device, it Item, seq uint32) {
	self := key(f.cfg.Seed, uint64(d.Index))
	*e = event.Event{
		ID:   id(self, 0, uint64(seq)),
		Seq:  seq,
		Kind: it.Kind,
		At:   f.cfg.Start.Add(it.At).Truncate(time.Millisecond),
	}
	draw := newDraws(self, drawPayload, int(it.Kind), uint64(it.At))
	plan := &f.cfg.Plans[d.Cohort]
	switch it.Kind {
	case event.AppInfo:
		e.App.UpgradeStatus = "unchanged"
		if it.At < 24*time.Hour {
			e.App.UpgradeStatus = "fresh_install" // the first report after enrolment
		}
	case event.AppAction:
		e.Action = action(&draw)
	case event.Memory:
		e.Mem = memory(&draw)
	case event.WebThreat:
		f.threat(e, d, plan, self, it.At, &draw)
	case event.Crash:
		e.Crash = crash(&draw, plan.Crashes.Mix)
		e.Crash.Incident = id(self, 1, uint64(it.At))
	case event.Feedback:
		e.Feedback = feedback(&draw)
	case event.Diagnostics:
		e.Diag = diagnostics(&draw)
	}
}

// threat makes a detection anew. Privacy: the host and its address stay on the device when its settings say so.
func (f *Filler) threat(e *event.Event, d *fleet.Device, plan *Plan, self uint64, at time.Duration, draw *draws) {
	v := f.visits.visit(self, uint16(d.Cohort), at)
	e.Web = event.Web{
		Verdict:  v.verdict.Category,
		Score:    v.verdict.Score,
		Bypassed: draw.unit() < plan.Web.Bypass,
		Truth:    v.truth,
	}
	if !d.ExcludeURL {
		e.Web.Host = v.host
		e.Web.Address = Address(v.host)
	}
}

// id makes a version 8 UUID of one kind of thing (RFC 9562 section 5.8).
func id(self uint64, kind int, n uint64) (out event.ID) {
	d := newDraws(self, drawID, kind, n)
	for i := 0; i < len(out); i += 8 {
		w := d.next()
		for b := range 8 {
			out[i+b] = byte(w >> (8 * b))
		}
	}
	out[6] = out[6]&0x0f | 0x80
	out[8] = out[8]&0x3f | 0x80
	return out
}

// action is skewed: the first actions of the list are what users do most (weights 1, 1/2, 1/3, ...; an assumption).
func action(d *draws) string {
	var total float64
	for i := range event.Actions {
		total += 1 / float64(i+1)
	}
	u := d.unit() * total
	for i, name := range event.Actions {
		if u -= 1 / float64(i+1); u < 0 {
			return name
		}
	}
	return event.Actions[0]
}

// memory draws footprints. The medians and 95th percentiles are assumptions for a tunnel that checks names, between what
// other vendors' tunnels show (bojieli/queqiao PR 82, getlantern/lantern PR 8974, both 2026-08); the limit of 50 MiB is
// what iOS 15 and later log ("ActiveHard 50 MB", Tun2SocksKit issue 33, 2025-03).
func memory(d *draws) event.MemoryUse {
	app := d.logNormal(85, 160) * 1024
	return event.MemoryUse{
		AppKiB:            uint32(app),
		AppPeakKiB:        uint32(app * (1 + 0.5*d.unit())),
		ExtensionKiB:      uint32(min(d.logNormal(14, 22)*1024, 50*1024)),
		ExtensionLimitKiB: 50 * 1024,
	}
}

// crashForms says what each reason looks like in a report (crash reports of iOS 15 and later, bug_type 309 and 298).
var crashForms = map[string]event.CrashReport{
	"jetsam":   {Process: "DefenderTunnel", Exception: "EXC_RESOURCE", Signal: "SIGKILL"},
	"sigabrt":  {Process: "Defender", Exception: "EXC_CRASH", Signal: "SIGABRT"},
	"watchdog": {Process: "Defender", Exception: "EXC_CRASH", Signal: "SIGKILL"},
	"sigsegv":  {Process: "Defender", Exception: "EXC_BAD_ACCESS", Signal: "SIGSEGV"},
	"sigtrap":  {Process: "Defender", Exception: "EXC_BREAKPOINT", Signal: "SIGTRAP"},
}

// CrashReasons are the words that Crashes.Mix may use.
func CrashReasons() []string { return []string{"jetsam", "sigabrt", "sigsegv", "sigtrap", "watchdog"} }

func crash(d *draws, mix []fleet.Share[string]) event.CrashReport {
	reason := "sigabrt"
	if len(mix) > 0 {
		reason = pick(d, mix)
	}
	c := crashForms[reason]
	c.Reason = reason
	c.UptimeSec = uint32(d.logNormal(3600, 12*3600))
	// The watchdog waits for the app's scenes only, and of the memory limits only the extension's is known. A third of the others
	// are the extension's (an assumption).
	if reason != "watchdog" && reason != "jetsam" && d.unit() < 1./3 {
		c.Process = "DefenderTunnel"
	}
	return c
}

// pick draws one option by weight.
func pick[T any](d *draws, options []fleet.Share[T]) T {
	var total float64
	for _, o := range options {
		total += o.Weight
	}
	u := d.unit() * total
	for _, o := range options {
		if u -= o.Weight; u < 0 {
			return o.Value
		}
	}
	return options[len(options)-1].Value
}

var comments = [...]string{
	"The VPN icon disappears after a restart.",
	"Battery drain is lower since the last update.",
	"A page of our own intranet was blocked.",
	"Please show which network was unsafe.",
	"I cannot find where to report a site.",
	"Works well, thank you.",
}

// feedback draws what a user sends. The shares are assumptions: 35 % smile, 50 % frown, 15 % idea, 40 % with the mail address,
// 70 % with a comment.
func feedback(d *draws) event.Comment {
	c := event.Comment{Type: "idea"}
	switch u := d.unit(); {
	case u < 0.35:
		c.Type = "smile"
	case u < 0.85:
		c.Type = "frown"
	}
	c.Email = d.unit() < 0.40
	if d.unit() < 0.70 {
		c.Comment = comments[d.next()%uint64(len(comments))]
	}
	return c
}

// diagnostics draws a day's use of the app: 90 s of CPU and 60 KiB sent at the median (assumptions).
func diagnostics(d *draws) event.Diagnostic {
	sessions := uint16(d.exp() * 0.6)
	return event.Diagnostic{
		SessionsPerDay: sessions,
		ForegroundSec:  uint32(float64(sessions) * d.logNormal(40, 240)),
		CPUMillis:      uint32(d.logNormal(90_000, 260_000)),
		SentKiB:        uint32(d.logNormal(60, 220)),
		ReceivedKiB:    uint32(d.logNormal(900, 3200)),
	}
}
