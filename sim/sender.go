package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/privacy"
	"drover/sim/target"
	"drover/sim/wire"
)

// sender makes attempts, one at a time. Everything it needs for one is its own and is used again.
type sender struct {
	w      *worker
	filler *behavior.Filler
	dev    fleet.Device
	ev     event.Event
	req    target.Request
	ans    target.Answer
	said   wire.Answer
	draw   *rand.Rand // delays of retries

	threats []threat        // of the upload under way
	audit   *privacy.Reader // nil when no check asks for it
}

// threat is a detection that the backend may judge.
type threat struct {
	seq   uint32
	truth event.Category
	ref   event.Category
}

func newSender(w *worker) *sender {
	s := &sender{
		w:      w,
		filler: behavior.NewFiller(&w.run.cfg.Model.Behavior),
		draw:   rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), // back-off depends on answers, so it is no part of what a seed decides
	}
	if a := w.run.audit; a != nil {
		s.audit = a.Reader(func(fleet.GUID) (privacy.Settings, bool) { return SettingsOf(&s.dev), true })
	}
	return s
}

// send makes the next attempt of a job and decides what becomes of it.
func (s *sender) send(j *job) {
	if s.w.run.stopped() || s.w.run.sending.Err() != nil {
		s.w.cut(j)
		return
	}
	if more := s.attempt(j); !more {
		return
	}
	retry := s.w.run.sc.Target.Client.Retry
	delay, ok := retry.Delay(j.attempts, s.ans.RetryAfter, s.draw.Float64())
	j.ready = j.done + delay
	if ok && s.w.again(j) {
		return
	}
	s.w.finish(j, j.outcome())
}

// attempt makes one attempt; true when another one may follow.
func (s *sender) attempt(j *job) bool {
	run := s.w.run
	s.encode(j)
	if s.audit != nil && j.attempts == 0 {
		s.audit.Upload(s.req.Body)
	}
	j.sent = run.now()
	if j.attempts == 0 {
		j.firstSent = j.sent
	}
	j.attempts++
	run.cfg.Target.Send(run.sending, &s.req, &s.ans)
	j.done = run.now()
	if s.ans.Class == measure.OK {
		if err := wire.DecodeAnswer(s.ans.Body, &s.said); err != nil {
			s.ans.Class = measure.BadAnswer
			s.ans.Err = fmt.Errorf("%v: status %d with a body that is no answer, %.60q: %w", j.key.Op, s.ans.Status, s.ans.Body, err)
		}
	}
	// An answer that cannot be understood does not say no: behind it the upload may have been stored.
	j.class, j.answered = s.ans.Class, s.ans.Status != 0 && s.ans.Class != measure.BadAnswer
	j.unsure = j.unsure || !j.answered
	s.w.rec.Attempt(j.key, j.class, j.sent, j.done-j.sent)
	switch {
	case j.class == measure.OK:
		s.judge(j)
		s.w.finish(j, measure.Accepted)
		return false
	case j.class == measure.Cancelled:
		s.w.finish(j, measure.Failed)
		return false
	}
	run.example(j.class, s.ans.Err)
	if target.Retryable(j.class) {
		return true
	}
	s.w.finish(j, j.outcome())
	return false
}

// encode makes the bytes of a job's request. They are the same for every attempt.
func (s *sender) encode(j *job) {
	m, f := s.w.run.cfg.Model, &s.w.run.cfg.Format
	m.Fleet.Device(j.up.Device, &s.dev)
	s.threats = s.threats[:0]
	body := f.Begin(s.req.Body[:0], &s.dev)
	for i, it := range j.up.Items {
		s.filler.Fill(&s.ev, &s.dev, it, j.up.FirstSeq+uint32(i))
		if i == 0 {
			s.req.Key = append(s.req.Key[:0], fleet.GUID(s.ev.ID).String()...)
		}
		if it.Kind == event.WebThreat {
			s.threats = append(s.threats, threat{s.ev.Seq, s.ev.Web.Truth, s.ev.Web.Verdict})
		}
		body = f.Event(body, i, &s.dev, &s.ev)
	}
	s.req.Body = f.End(body)
	s.req.Op, s.req.Tenant = j.key.Op, int(j.key.Tenant)
	j.bytes = len(s.req.Body)
}

// judge notes what the answer says of single events: the backend's verdict of each threat, where one that it did not mention
// counts as not judged, and which events it refused among those it took.
func (s *sender) judge(j *job) {
	if len(s.threats)+len(s.said.Refused) == 0 {
		return
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	for _, t := range s.threats {
		verdict := int(event.NumCategories) // not judged
		for _, v := range s.said.Verdicts {
			if v.Seq == t.seq && v.Known {
				verdict = int(v.Category)
			}
		}
		s.w.verdicts[t.truth][t.ref][verdict]++
	}
	for n, no := range s.said.Refused {
		again := slices.ContainsFunc(s.said.Refused[:n], func(r wire.Refusal) bool { return r.Seq == no.Seq })
		if i := int(no.Seq) - int(j.up.FirstSeq); i >= 0 && i < len(j.up.Items) && !again {
			k := &s.w.kinds[j.up.Items[i].Kind]
			k.Refused++
			k.Accepted-- // finish counts the whole upload as accepted
		}
	}
}
