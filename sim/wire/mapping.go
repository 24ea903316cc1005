package wire

import (
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
)

// Mapping is an adapter as a file describes it, before it is known what run it is for.
type Mapping struct {
	Name      string
	PerEvent  bool       // a request carries one event
	Gather    Gather     // or the uploads of several devices
	KeyHeader string     // that the idempotency key goes in; "" is drover's own, "-" is none
	Own       bool       // it is drover's own API, which has a preflight and an audit
	Format    string     // of Formats; "" is native
	Formats   []string   // those that it can be used with, the first where none is named; nil: all
	Enrol     *Operation // nil: enrolments are uploads like all others
	Upload    *Operation
	Single    *Operation    // of an upload that has one event; nil: it is like all others
	Config    *Operation    // nil: devices fetch no configuration
	Every     time.Duration // of Config, see Adapter
	Token     *Operation    // nil: devices ask for no credential
	Granting  Granting      // of Token
	Verdict   *Operation    // nil: nothing is looked up; else uploads are not asked what the backend makes of threats
}

// Operation is one request of a mapping.
type Operation struct {
	Method  string
	Path    *Template // and of the whole place when Query is empty
	Query   []Pair
	Headers []Pair
	Body    *Body // nil: the whole upload as the target's format has it
	Ask     *Ask  // of a look-up, instead of Body
	Drover  bool  // answers are those of drover's own API
	OTLP    bool  // answers are those to an export of OpenTelemetry logs
	Reading Reading
}

// Adapter makes the adapter of a run.
func (m *Mapping) Adapter(run Constants) *Adapter {
	c := &run
	c.Doc = m.doc(run)
	a := &Adapter{Name: m.Name, Gather: m.Gather}
	up := m.Upload.exchange(c)
	a.Ops = [measure.NumOps]Exchange{measure.Enroll: up, measure.Upload: up}
	if m.Enrol != nil {
		a.Ops[measure.Enroll] = m.Enrol.exchange(c)
	}
	if m.Single != nil {
		a.Ops[measure.Single] = m.Single.exchange(c)
	}
	if m.Config != nil {
		a.Ops[measure.Config], a.Every = m.Config.exchange(c), m.Every
	}
	if m.Verdict != nil {
		a.Ops[measure.Verdict] = m.Verdict.exchange(c)
	}
	if m.Token != nil {
		a.Token = &Token{Exchange: m.Token.exchange(c), Granting: m.Granting}
	}
	return a
}

// doc makes the format of a run; nil: it is native. Drover's own API has the run's id in a header.
func (m *Mapping) doc(c Constants) *Format {
	if m.Format == "" || m.Format == Native.Name {
		return nil
	}
	if m.Own {
		c.Run = ""
	}
	f := Formats[m.Format](&c)
	return &f
}

// Decoder is the Decode of the documents of single events that bodies have in them; nil: they are native.
func (m *Mapping) Decoder() func(doc []byte, each func(native []byte) error) error {
	if m == nil {
		return nil
	}
	if f := m.doc(Constants{}); f != nil {
		return f.Decode
	}
	return nil
}

// Writes tells which operations write the format: all of a body in it, or single events of a mapped body.
func (m *Mapping) Writes() (whole, single bool) {
	for _, o := range []*Operation{m.Enrol, m.Upload, m.Single} {
		if o == nil {
			continue
		}
		if o.Body == nil {
			whole = true
		} else if o.Body.names("event.doc") {
			single = true
		}
	}
	return whole, single
}

// FormatHeader names the format of a body to a backend that speaks drover's own API; without it that is native.
const FormatHeader = "X-Drover-Format"

func (o *Operation) exchange(c *Constants) Exchange {
	x := Exchange{Method: o.Method, Read: readDrover, LookUp: o.Ask != nil, Part: o.Reading.Items != nil && len(o.Reading.Items.Again) > 0}
	switch {
	case o.OTLP:
		x.Read = readOTLP
	case !o.Drover:
		x.Read = o.Reading.Reader()
	}
	if o.Path.Plain() && len(o.Query) == 0 {
		x.Path = o.Path.Literal()
	} else {
		x.Place = PlaceText(c, o.Path, o.Query)
	}
	if len(o.Headers) > 0 {
		x.Header = HeaderText(c, o.Headers)
	}
	if o.Drover && c.Doc != nil {
		name, more := []byte(FormatHeader+": "+c.Doc.Name+"\r\n"), x.Header
		x.Header = func(dst []byte, d *fleet.Device, e *event.Event, key []byte) []byte {
			if dst = append(dst, name...); more != nil {
				dst = more(dst, d, e, key)
			}
			return dst
		}
	}
	switch {
	case o.Ask != nil:
		x.Format = o.Ask.Format(c)
	case o.Body != nil:
		x.Format = o.Body.Format(c)
	case c.Doc != nil:
		x.Format = *c.Doc
	default:
		x.Format = Native
	}
	return x
}
