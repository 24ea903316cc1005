package backend

import (
	"net/http"

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
	sc := h.scratches.Get().(*scratch)
	defer h.keep(sc)
	run, err := runOf(c.r, "")
	if err != nil {
		return err
	}
	body, err := sc.read(c)
	if err != nil {
		return err
	}
	u := &sc.upload
	if err := wire.DecodeUpload(body, u); err != nil {
		return err
	}
	if want != batch && len(u.Events) != 1 {
		return &wire.Error{Field: "events", Msg: "want exactly one event here; many go to /v1/events"}
	}
	if want == enrolment && u.Events[0].Kind != event.Enrolment {
		return &wire.Error{Field: "events[0].kind", Msg: "want enrolment here; others go to /v1/events"}
	}
	if !c.who.may(u.Account.TenantID) {
		return &refusal{http.StatusForbidden, "the document belongs to another tenant than the token"}
	}
	if err := h.store.put(run, u, &sc.answer); err != nil {
		return err
	}
	h.verdicts(u, &sc.answer)
	sc.out = wire.AppendAnswer(sc.out[:0], &sc.answer)
	return reply(c, "application/json", sc.out)
}

// verdicts judges each web threat that was not refused, duplicates too: the answer to the first copy may have been lost.
func (h *handler) verdicts(u *wire.Upload, ans *wire.Answer) {
	ans.Verdicts = ans.Verdicts[:0]
	for i := range u.Events {
		e := &u.Events[i]
		if e.Kind != event.WebThreat || refused(ans, e.Seq) {
			continue
		}
		v := wire.Verdict{Seq: e.Seq}
		if len(e.Web.Host) > 0 && h.judge != nil {
			got := h.judge.Classify(e.Web.Host)
			v.Known, v.Category, v.Score = true, got.Category, got.Score
		}
		ans.Verdicts = append(ans.Verdicts, v)
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
