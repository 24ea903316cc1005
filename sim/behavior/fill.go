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
	up     *Upload
	first  fleet.Device  // the upload's device as the fleet made it
	now    *fleet.Device // when the upload falls due: first, or due
	due    fleet.Device  // scratch of Begin
	then   fleet.Device  // when an event happened
	plan   Plan          // at that time; scratch of planAt

	private bool // see Private
	zones   map[*time.Location]*zone
}

// NewFiller returns a filler for the streams of the same Config.
func NewFiller(cfg *Config) *Filler {
	return &Filler{cfg: cfg, visits: visitor{cfg: cfg}, zones: map[*time.Location]*zone{}}
}

// zone is the clock of a device.
func (f *Filler) zone(loc *time.Location) *zone {
	z := f.zones[loc]
	if z == nil {
		z = new(zone)
		*z = newZone(f.cfg.Start, loc)
		f.zones[loc] = z
	}
	return z
}

// Begin makes the filler ready for the events of an upload, which must stay as it is until the last of them is made. It returns
// the device as it is when the upload falls due, valid until the next call.
func (f *Filler) Begin(u *Upload) *fleet.Device {
	f.up = u
	f.cfg.Fleet.Device(u.Device, &f.first)
	f.now = &f.first
	if len(u.Past.Spans()) > 0 {
		f.due = f.first
		u.Past.Device(&f.due, u.Due)
		f.now = &f.due
	}
	f.private = f.now.ExcludeURL
	return f.now
}

// Fill makes event n of the upload, from 0. It returns the device as it was when the event happened, as far as that shows in
// the event. That, and what e points to, is valid until the next call.
func (f *Filler) Fill(e *event.Event, n int) *fleet.Device {
	it, d := &f.up.Items[n], f.now
	// Privacy: what it withholds stays on the device when it is in effect, be it when the event happened or when it is sent.
	if len(f.up.Past.Spans()) > 0 && f.tells(it.Kind) {
		d = f.at(it.At)
		f.private = f.private || d.ExcludeURL
	}
	self := key(f.cfg.Seed, uint64(d.Index))
	seq := f.up.FirstSeq + uint32(n)
	// Field by field: a composite literal would be made elsewhere and copied.
	*e = event.Event{}
	e.ID, e.Seq, e.Kind = id(self, 0, uint64(seq)), seq, it.Kind
	e.At = f.cfg.millis(it.At + f.up.Past.skew(f.cfg, d.Index, it.At))
	e.Has = f.cfg.Sends.On(d.ExcludeURL || f.now.ExcludeURL) & it.Kind.Fields()
	draw := newDraws(self, drawPayload, int(it.Kind), uint64(it.At))
	plan := f.planAt(it, d.Cohort)
	switch it.Kind {
	case event.AppInfo:
		e.App.UpgradeStatus = f.upgrade(it)
	case event.AppAction:
		e.Action = action(&draw)
	case event.Memory:
		e.Mem = f.memory(self, d, plan, it, &draw)
	case event.WebThreat:
		f.threat(e, d, plan, self, it.At, &draw)
	case event.Crash:
		e.Crash = f.crash(self, d, plan, it)
	case event.Feedback:
		e.Feedback = feedback(&draw)
		if !e.Feedback.Email {
			e.Has &^= event.FieldsOf(event.FeedbackEmail)
		}
		if e.Feedback.Comment == "" {
			e.Has &^= event.FieldsOf(event.FeedbackComments)
		}
	case event.Diagnostics:
		e.Diag = diagnostics(self, &draw, plan, it)
		e.Diag.Features = f.features(d)
		e.Diag.Browsers = browsers(self)
	}
	return d
}

// millis is the instant of a device time to the millisecond, as Truncate of that instant is, which divides.
func (c *Config) millis(at time.Duration) time.Time {
	over := (time.Duration(c.Start.Nanosecond()) + at) % time.Millisecond
	if over < 0 {
		over += time.Millisecond
	}
	return c.Start.Add(at - over)
}

// tells reports whether an event of a kind shows what its device was when it happened.
func (f *Filler) tells(k event.Kind) bool {
	return k == event.Crash || k == event.Diagnostics || f.cfg.Sends.PrivacyOff&k.Fields() != 0
}

// Private reports whether privacy is in effect on the device of the upload when it falls due, or was when one of the events
// happened that were filled.
func (f *Filler) Private() bool { return f.private }

// at is the device as it was at a time before the upload.
func (f *Filler) at(at time.Duration) *fleet.Device {
	f.then = f.first
	f.up.Past.Device(&f.then, at)
	return &f.then
}

// planAt is what the device did when an event happened, as far as that shows in the event.
func (f *Filler) planAt(it *Item, cohort int) *Plan {
	if len(f.up.Past.Spans()) > 0 && (it.Kind == event.WebThreat || it.Kind == event.Diagnostics) {
		return f.changedPlan(it, cohort)
	}
	return &f.cfg.Plans[cohort]
}

func (f *Filler) changedPlan(it *Item, cohort int) *Plan {
	f.plan = f.cfg.Plans[cohort]
	f.up.Past.changes(f.now.Index, it.At, func(c *Change) { c.apply(&f.plan) })
	return &f.plan
}

// upgrade is what the app says of its version: it was installed in this run and reports for the first time, it was updated
// at this moment, or neither.
func (f *Filler) upgrade(it *Item) string {
	if len(f.up.Past.Spans()) > 0 {
		is := f.at(it.At).App
		if f.at(it.At-1).App != is {
			return "upgraded"
		}
	}
	if it.until > 0 {
		return "fresh_install"
	}
	return "unchanged"
}

// threat makes a detection anew. What of the site stays on the device was decided already: e.Has is without it.
func (f *Filler) threat(e *event.Event, d *fleet.Device, plan *Plan, self uint64, at time.Duration, draw *draws) {
	v := f.visits.visit(self, d.Cohort, d.Supervised, at, plan.Web.MaliciousShare)
	e.Web = event.Web{
		Verdict:  v.verdict.category,
		Score:    v.verdict.score,
		Bypassed: f.visits.bypassed(self, d.Cohort, draw),
		Truth:    v.truth,
		Age:      -1,
	}
	if s := v.site; s != nil { // else a canary, of which a faulty classifier says that it is malicious
		e.Web.Pattern, e.Web.Hard = s.pattern, s.hard
		if s.turns >= 0 {
			e.Web.Age = at - s.turns
		}
	}
	e.Web.Risk = event.RiskOf(e.Web.Verdict, e.Web.Bypassed)
	e.Web.Port = f.port(v.site)
	if e.Has&(1<<event.WebDomain|1<<event.WebRemoteIP) != 0 {
		e.Web.Host = f.visits.hostOf(&v)
		e.Web.Address = e.Web.Host.Address()
	}
}

// Seen appends the URL of event n of the upload, a detection, as the classifier on the device saw it, in its zone: unsupervised devices
// see the host alone. What of it the device sends is another matter, see Fill.
func (f *Filler) Seen(dst []byte, n int) []byte {
	it, d := &f.up.Items[n], f.now
	v := f.visits.visit(key(f.cfg.Seed, uint64(d.Index)), d.Cohort, d.Supervised, it.At, f.planAt(it, d.Cohort).Web.MaliciousShare)
	host := f.visits.hostOf(&v)
	dst = host.Append(dst)
	if v.site != nil && d.Supervised {
		url, n := f.cfg.Hosts.url(v.site)
		dst = append(dst, url[n:]...)
	}
	return dst
}

// id makes a version 8 UUID of one kind of thing (RFC 9562 section 5.8).
func id(self uint64, kind int, n uint64) (out event.ID) {
	d := newDraws(self, drawID, kind, n)
	le.PutUint64(out[:8], d.next()&^(0xf<<52)|8<<52)
	le.PutUint64(out[8:], d.next()&^(3<<6)|2<<6)
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

// crashForms says what each reason looks like in a report (crash reports of iOS 15 and later, bug_type 309 and 298).
var crashForms = map[string]event.CrashReport{
	kill:       {Exception: "EXC_RESOURCE", Signal: "SIGKILL"},
	"sigabrt":  {Exception: "EXC_CRASH", Signal: "SIGABRT"},
	"watchdog": {Exception: "EXC_CRASH", Signal: "SIGKILL"},
	"sigsegv":  {Exception: "EXC_BAD_ACCESS", Signal: "SIGSEGV"},
	"sigtrap":  {Exception: "EXC_BREAKPOINT", Signal: "SIGTRAP"},
}

// CrashReasons are the words that Crashes.Mix may use.
func CrashReasons() []string { return []string{kill, "sigabrt", "sigsegv", "sigtrap", "watchdog"} }

// crash makes the record of a crash or, where the item is one, of a kill: of the memory limits only the extension's is known.
func (f *Filler) crash(self uint64, d *fleet.Device, plan *Plan, it *Item) event.CrashReport {
	reason, extension := kill, true
	if it.until > 0 {
		reason, extension = plan.Crashes.death(self, it.At)
	}
	c := crashForms[reason]
	c.Reason, c.Process, c.Form = reason, event.ProcessApp, plan.Crashes.Form
	c.Incident = id(self, 1, uint64(it.At))
	from := max(f.booted(d, it.At), f.died(it.At, it.since)) // of the extension, which starts at once
	switch {
	case !extension:
		from = f.appLife(self, f.zone(d.Timezone), plan, it.At, from).from
	case d.Supervised:
		c.Process = event.ProcessFilter
	default:
		c.Process = event.ProcessTunnel
	}
	c.UptimeSec = uint32((it.At - from) / time.Second)
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
