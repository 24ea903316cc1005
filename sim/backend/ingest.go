package backend

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"drover/sim/event"
	"drover/sim/wire"
)

// form is what an endpoint wants a document to hold.
type form uint8

const (
	batch form = iota
	single
	enrolment
)

func (h *handler) ingest(c *call, want form) error {
	if h.mischief.full(time.Now()) {
		return busy(c, h.mischief.set.RetryAfter)
	}
	sc := h.scratches.Get().(*scratch)
	defer h.giveBack(sc)
	run, err := runOf(c.r, "")
	if err != nil {
		return err
	}
	format, err := formatOf(c.r)
	if err != nil {
		return err
	}
	body, err := sc.read(c, format.ContentType)
	if err != nil {
		return err
	}
	if format.Name != wire.Native.Name {
		return h.translate(c, want, run, body, format, sc)
	}
	u := &sc.upload
	if err := h.admit(c, want, body, u); err != nil {
		return err
	}
	if err := h.mischief.before(c, u.Events[0].ID); err != nil {
		return err
	}
	if h.mischief.lies(u, &sc.answer) {
		sc.out = wire.AppendAnswer(sc.out[:0], &sc.answer)
		return reply(c, "application/json", sc.out)
	}
	return h.take(c, run, sc)
}

// formatOf is the format of a body: the one that a header names, else native.
func formatOf(r *http.Request) (*wire.Format, error) {
	name := r.Header.Get(wire.FormatHeader)
	if name == "" {
		return &wire.Native, nil
	}
	if make := wire.Formats[name]; make != nil {
		f := make(&wire.Constants{Send: event.AllFields})
		return &f, nil
	}
	return nil, &refusal{http.StatusUnsupportedMediaType, "unknown " + wire.FormatHeader + "; want one of " + strings.Join(slices.Sorted(maps.Keys(wire.Formats)), ", ")}
}

// translate takes an upload in a format of its own, which has a native document for each event. Nothing of it is stored unless all
// can be read; when there is no more room in the middle of it, what is stored is a duplicate when it comes again.
func (h *handler) translate(c *call, want form, run string, body []byte, format *wire.Format, sc *scratch) error {
	u, total := &sc.upload, &sc.total
	*total = wire.Answer{Verdicts: total.Verdicts[:0], Refused: total.Refused[:0]}
	var first event.ID
	n := 0
	err := format.Decode(body, func(native []byte) error {
		if err := h.admit(c, want, native, u); err != nil {
			return err
		}
		if n += len(u.Events); n == len(u.Events) {
			first = u.Events[0].ID
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case n == 0:
		return &wire.Error{Msg: "want at least one event"}
	case n > 1 && want != batch:
		return &wire.Error{Msg: "want exactly one event here; many go to /v1/events"}
	}
	if err := h.mischief.before(c, first); err != nil {
		return err
	}
	err = format.Decode(body, func(native []byte) error {
		if err := wire.DecodeUpload(native, u); err != nil {
			return err
		}
		if !h.mischief.lies(u, &sc.answer) {
			if err := h.keep(c, run, u, &sc.answer); err != nil {
				return err
			}
		}
		total.Accepted += sc.answer.Accepted
		total.Duplicates += sc.answer.Duplicates
		total.Verdicts = append(total.Verdicts, sc.answer.Verdicts...)
		total.Refused = append(total.Refused, sc.answer.Refused...)
		return nil
	})
	if err == nil {
		err = h.scribe.wait()
	}
	if err != nil {
		return err
	}
	return h.say(c, first, total, sc)
}

// admit reads a document and looks whether it may come this way.
func (h *handler) admit(c *call, want form, body []byte, u *wire.Upload) error {
	if err := wire.DecodeUpload(body, u); err != nil {
		return err
	}
	if want != batch && len(u.Events) != 1 {
		return &wire.Error{Field: "events", Msg: "want exactly one event here; many go to /v1/events"}
	}
	if want == enrolment && u.Events[0].Kind != event.Enrolment {
		return &wire.Error{Field: "events[0].kind", Msg: "want enrolment here; others go to /v1/events"}
	}
	if name, ok := shown(c.r); ok && name != AllTenants && name != u.Device.ID.String() {
		return &refusal{http.StatusForbidden, "the document belongs to another device than the certificate"}
	}
	if !c.who.may(u.Account.TenantID) {
		return &refusal{http.StatusForbidden, "the document belongs to another tenant than the token"}
	}
	return nil
}

// take stores what was read and answers.
func (h *handler) take(c *call, run string, sc *scratch) error {
	u := &sc.upload
	if err := h.keep(c, run, u, &sc.answer); err != nil {
		return err
	}
	if err := h.scribe.wait(); err != nil {
		return err
	}
	return h.say(c, u.Events[0].ID, &sc.answer, sc)
}

// keep stores an upload and judges it. The scribe may not have written it yet.
func (h *handler) keep(c *call, run string, u *wire.Upload, ans *wire.Answer) error {
	if err := h.scribe.begin(); err != nil {
		return err
	}
	defer h.scribe.end()
	if err := h.store.put(run, u, ans); err != nil {
		return err
	}
	var t *tenant
	if h.scribe != nil {
		t = h.store.run(run).tenant(u.Account.TenantID)
	}
	h.verdicts(u, ans, c.start, t)
	return nil
}

// say answers an upload whose first event is named.
func (h *handler) say(c *call, first event.ID, ans *wire.Answer, sc *scratch) error {
	sc.out = wire.AppendAnswer(sc.out[:0], ans)
	return h.mischief.answer(c, first, sc.out)
}

// verdicts judges each web threat that was not refused, duplicates too: the answer to the first copy may have been lost.
// by is who sent it, where the scribe is to know.
func (h *handler) verdicts(u *wire.Upload, ans *wire.Answer, start time.Time, by *tenant) {
	ans.Verdicts = ans.Verdicts[:0]
	for i := range u.Events {
		e := &u.Events[i]
		if e.Kind != event.WebThreat || refused(ans, e.Seq) {
			continue
		}
		v := wire.Verdict{Seq: e.Seq}
		if len(e.Domain) > 0 && h.judge != nil {
			got := h.judge.Classify(e.Domain)
			v.Known, v.Category, v.Score = true, got.Category, got.Score
		}
		h.mischief.verdict(&v, e.ID, time.Since(start))
		ans.Verdicts = append(ans.Verdicts, v)
		if by != nil {
			h.scribe.verdict(by, e.ID, v)
		}
	}
}

func refused(ans *wire.Answer, seq uint32) bool {
	for _, r := range ans.Refused {
		if r.Seq == seq {
			return true
		}
	}
	return false
}

// shown is whose certificate the client showed: a device's identifier, or "*" for the operator. TLS has verified it.
func shown(r *http.Request) (name string, ok bool) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return "", false
	}
	return r.TLS.PeerCertificates[0].Subject.CommonName, true
}

// maxRun bounds the name of a run, in bytes.
const maxRun = 128

// runOf returns the run that a request belongs to: the one named, else the header's, else "default".
func runOf(r *http.Request, named string) (string, error) {
	run := named
	if run == "" {
		run = r.Header.Get("X-Drover-Run")
	}
	if run == "" {
		return "default", nil
	}
	for i := range len(run) {
		if run[i] < 0x20 || run[i] > 0x7e || len(run) > maxRun {
			return "", &refusal{http.StatusBadRequest, "want a name of a run with at most 128 printable ASCII characters"}
		}
	}
	return run, nil
}
