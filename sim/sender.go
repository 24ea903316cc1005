package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/privacy"
	"drover/sim/target"
	"drover/sim/wire"
)

// sender makes attempts, one at a time. Everything it needs for one is its own and is used again.
type sender struct {
	maker
	w     *worker
	req   target.Request
	ans   target.Answer
	reply wire.Reply
	said  wire.Answer
	draw  *rand.Rand // delays of retries

	job     job             // closed model: the upload under way
	tally   tally           // of the uploads that it ended
	threats []threat        // of the attempt under way
	seqs    []uint32        // see pending
	audit   *privacy.Reader // nil when no check asks for it
	native  []byte          // what it reads where the body is not native
}

// threat is a detection that the backend may judge.
type threat struct {
	seq uint32
	id  event.ID
	check.Detection
}

func newSender(w *worker) *sender {
	s := &sender{
		maker: newMaker(w.run.cfg.Model),
		w:     w,
		draw:  rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), // back-off depends on answers, so it is no part of what a seed decides
	}
	if a := w.run.audit; a != nil {
		s.audit = a.Reader(func(fleet.GUID) (privacy.Settings, bool) {
			now := SettingsOf(s.dev)
			now.Open = !s.filler.Private()
			return now, true
		})
	}
	return s
}

// send makes the next attempt of a job and decides what becomes of it.
func (s *sender) send(j *job) {
	if s.w.run.stopped() || s.w.run.sending.Err() != nil {
		s.w.cut(j, &s.tally)
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
	s.w.finish(j, j.outcome(), &s.tally)
}

// attempt makes one attempt; true when another one may follow.
func (s *sender) attempt(j *job) bool {
	run := s.w.run
	s.encode(j)
	if s.audit != nil && j.attempts == 0 && !j.key.Op.LookUp() { // what that tells of a threat is in its upload, too
		s.audits(j)
	}
	j.sent = run.now()
	if j.attempts == 0 {
		j.firstSent = j.sent
	}
	s.req.Attempt, s.req.Faults = j.attempts, run.cfg.Model.faultsOf(j.up.Device, run.course.Load().at(j.sent))
	j.attempts++
	j.told = false
	run.cfg.Target.Send(run.sending, &s.req, &s.ans)
	j.done = run.now()
	heard := s.ans.Class == measure.OK || s.ans.Status != 0
	if heard {
		s.read(j)
	}
	// An answer that cannot be understood does not say no: behind it the upload may have been stored.
	j.class, j.answered = s.ans.Class, s.ans.Status != 0 && s.ans.Class != measure.BadAnswer
	j.unsure = j.unsure || !j.answered || j.taken.Any() || j.class == measure.Rejected && s.said.Unsure // of a part it may be known
	switch {
	case j.class == measure.OK:
		s.judge(j)
		if !j.key.Op.LookUp() && len(s.said.Refused) == 0 {
			run.cfg.Sampler.offer(s.req.IDs[0], j.done)
		}
		s.w.finish(j, measure.Accepted, &s.tally)
		return false
	case j.class == measure.Cancelled:
		s.w.finish(j, measure.Failed, &s.tally)
		return false
	}
	run.example(j.class, s.ans.Err)
	if heard && j.class != measure.BadAnswer && run.cfg.Adapter.Ops[j.key.Op].Part && len(s.said.Again)+len(s.said.Refused) > 0 {
		s.judge(j)
		s.part(j)
	}
	if target.Retryable(j.class) && !s.ans.Final || s.ans.Again {
		return true
	}
	s.w.finish(j, j.outcome(), &s.tally)
	return false
}

// read understands the answer to an attempt.
func (s *sender) read(j *job) {
	s.reply = wire.Reply{Class: s.ans.Class, Status: s.ans.Status, Body: s.ans.Body, FirstSeq: j.up.FirstSeq, Events: len(s.req.IDs), IDs: s.req.IDs}
	if len(s.req.IDs) < len(j.up.Items) {
		s.reply.Seqs = s.pending(j)
	}
	class, err := s.w.run.cfg.Adapter.Ops[j.key.Op].Read(&s.reply, &s.said)
	s.ans.Class = class
	if err != nil {
		s.ans.Err = fmt.Errorf("%v: %w", j.key.Op, err)
	}
}

// pending are the sequence numbers of the events that no answer has settled: what an attempt sends.
func (s *sender) pending(j *job) []uint32 {
	s.seqs = s.seqs[:0]
	for i := range j.up.Items {
		if !j.settled.Has(i) {
			s.seqs = append(s.seqs, j.up.FirstSeq+uint32(i))
		}
	}
	return s.seqs
}

// part learns which events of an upload an answer has settled while it asks for the others again.
func (s *sender) part(j *job) {
	of := func(seq uint32) func(wire.Refusal) bool { return func(r wire.Refusal) bool { return r.Seq == seq } }
	for _, seq := range s.pending(j) {
		if slices.ContainsFunc(s.said.Again, of(seq)) {
			continue
		}
		if j.settled.Add(int(seq - j.up.FirstSeq)); !slices.ContainsFunc(s.said.Refused, of(seq)) {
			j.got++
		}
	}
}

// encode makes the bytes of a job's request. They are the same for every attempt, but for the events that answers have settled.
func (s *sender) encode(j *job) {
	s.threats = s.threats[:0]
	x, settled := &s.w.run.cfg.Adapter.Ops[j.key.Op], (*target.Taken)(nil)
	if x.Part {
		settled = &j.settled
	}
	s.request(&j.up, x, &s.req, settled, s.detects)
	if j.key.Op != s.w.run.judge {
		s.threats = s.threats[:0]
	}
	s.req.Op, s.req.Tenant, s.req.Taken = j.key.Op, int(j.key.Tenant), &j.taken
	j.version = s.w.run.version[s.dev.OS.Version]
	j.bytes = len(s.req.Body)
}

// detects keeps what is known of the event under way, if it is a detection.
func (s *sender) detects() {
	if s.ev.Kind == event.WebThreat {
		w := &s.ev.Web
		s.threats = append(s.threats, threat{s.ev.Seq, s.ev.ID, check.Detection{Truth: w.Truth, Reference: w.Verdict, Pattern: w.Pattern, Hard: w.Hard, Age: w.Age}})
	}
}

// audits shows an upload to the audit: what its body says. Of a mapped body the same events are written natively; a mapping can
// say of them only what that has, and where that leaves something out it does so, too.
func (s *sender) audits(j *job) {
	s.w.run.audit.uploads.Add(1)
	if decode := s.w.run.cfg.Adapter.Ops[j.key.Op].Decode; decode != nil {
		err := decode(s.req.Body, func(native []byte) error {
			s.audit.Upload(native)
			return nil
		})
		if err != nil {
			s.audit.Upload(s.req.Body) // what cannot be read is a violation
		}
		return
	}
	s.native = s.body(s.native[:0], &wire.Native, &j.up)
	s.audit.Upload(s.native)
}

// dispute keeps a detection about which the backend disagrees with somebody, if there is still room for it. The event is made once more: of most
// detections nobody will ever ask.
func (s *sender) dispute(j *job, t *threat, backend event.Category) {
	if !s.tally.disputes.Wants(&t.Detection, backend, t.id) {
		return
	}
	i := int(t.seq - j.up.FirstSeq)
	s.filler.Fill(&s.ev, i)
	s.tally.disputes.Add(check.Dispute{
		Detection: t.Detection, ID: s.ev.ID, Device: j.up.Device, Seq: t.seq, Backend: backend,
		URL: string(s.filler.Seen(nil, i)), Sent: s.ev.Has&(1<<event.WebDomain) != 0,
	})
}

// judge notes what the answer says of single events: the backend's verdict of each threat, where one that it did not mention
// counts as not judged, and which events it refused. Of those that it asks for again it says nothing.
func (s *sender) judge(j *job) {
	if len(s.threats)+len(s.said.Refused) == 0 {
		return
	}
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	for _, t := range s.threats {
		if slices.ContainsFunc(s.said.Again, func(r wire.Refusal) bool { return r.Seq == t.seq }) {
			continue
		}
		verdict := event.Unknown // not judged
		for _, v := range s.said.Verdicts {
			if v.Seq == t.seq && v.Known {
				verdict = v.Category
			}
		}
		s.tally.verdicts.Add(t.Detection, verdict)
		s.w.split(j, &t.Detection, verdict)
		s.dispute(j, &t, verdict)
		said := ledger.Unjudged
		if verdict < event.NumCategories {
			said = ledger.Said(verdict)
		}
		j.notes = append(j.notes, ledger.Note{Seq: t.seq, Said: said})
	}
	for _, no := range s.said.Refused {
		if i := int(no.Seq) - int(j.up.FirstSeq); i >= 0 && i < len(j.up.Items) && !slices.Contains(j.no, no.Seq) {
			j.no = append(j.no, no.Seq)
		}
	}
}
