package sim

import (
	"fmt"
	"math/rand/v2"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/privacy"
	"drover/sim/target"
	"drover/sim/wire"
)

// sender makes attempts, one at a time. What it needs for one is its own, or its bench's, and is used again.
type sender struct {
	*bench // while it does not wait
	crewed
	w    *worker
	req  target.Request
	ans  target.Answer
	draw *rand.Rand // delays of retries

	job    job              // closed model: the upload under way
	audit  *privacy.Reader  // nil when no check asks for it
	holder privacy.Settings // of the device whose upload it reads
	native []byte           // what it reads where the body is not native

	// Of the attempt under way.
	portions []portion
	seqs     []uint32 // of the events that it sends
	threats  []threat // among them
}

// bench is what a sender works with between two waits.
type bench struct {
	maker
	reply wire.Reply
	said  wire.Answer // to the request
}

// bench returns an unused bench. No sender waits for another one's: there are as many as work at once.
func (w *worker) bench() *bench {
	select {
	case b := <-w.benches:
		return b
	default:
		return &bench{maker: newMaker(w.run.cfg.Model)}
	}
}

// sit takes a bench, until rise. The fibers of a loop have one for all of them and for good: see sender.join.
func (s *sender) sit() {
	if s.bench == nil {
		s.bench = s.w.bench()
	}
}

func (s *sender) rise() {
	if s.req.Loop == nil {
		s.w.benches <- s.bench // has room for one of each sender
		s.bench = nil
	}
}

// portion is what a request has of one upload.
type portion struct {
	*job
	from, to int              // its events, by their place in the request
	threats  []threat         // among them
	said     wire.Answer      // what the answer says of it
	holder   privacy.Settings // of its device, for the audit
}

// threat is a detection that the backend may judge.
type threat struct {
	seq uint32
	id  event.ID
	check.Detection
}

func newSender(w *worker) *sender {
	s := &sender{
		w:    w,
		draw: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), // back-off depends on answers, so it is no part of what a seed decides
	}
	if a := w.run.audit; a != nil {
		s.audit = a.Reader(func(fleet.GUID) (privacy.Settings, bool) { return s.holder, true })
	}
	return s
}

// send makes the next attempt of a job and decides what becomes of it.
func (s *sender) send(j *job) {
	if s.w.run.ending.Load() {
		s.w.cut(j)
		return
	}
	if j = s.attempt(j); j == nil {
		return
	}
	retry := s.w.run.sc.Target.Client.Retry
	delay, ok := retry.Delay(j.attempts, s.ans.RetryAfter, s.draw.Float64())
	j.ready = j.done + delay
	if ok && s.w.again(j) {
		return
	}
	s.w.cut(j)
}

// attempt makes one attempt. It returns the job that may have another one: j, or where others went out with it those of them that may. nil:
// each upload has its fate.
func (s *sender) attempt(j *job) *job {
	s.prepare(j)
	s.w.run.cfg.Target.Send(s.w.run.sending, &s.req, &s.ans)
	return s.conclude(j)
}

// prepare makes the request of an attempt, which begins now.
func (s *sender) prepare(j *job) {
	run := s.w.run
	s.sit()
	s.encode(j)
	if s.audit != nil && j.attempts == 0 && !j.key.Op.LookUp() { // what that tells of a threat is in its upload, too
		s.audits(j.key.Op)
	}
	s.rise()
	sent := run.now()
	s.req.Attempt, s.req.Faults = j.attempts, run.cfg.Model.faultsOf(j.up.Device, run.course.Load().at(sent))
	for i := range s.portions {
		p := &s.portions[i]
		p.sent = sent
		if p.attempts == 0 {
			p.firstSent = sent
		}
		p.attempts++
		p.told = false
	}
}

// conclude makes of the answer to an attempt, which ends now, what attempt returns.
func (s *sender) conclude(j *job) *job {
	done := s.w.run.now()
	s.sit()
	defer s.rise()
	s.read(j)
	if s.w.gather != nil && !j.key.Op.LookUp() {
		s.w.tally.carried(len(s.portions))
	}
	var left *job
	for i := range s.portions {
		p := &s.portions[i]
		p.done = done
		switch {
		case s.ended(p):
		case left == nil:
			left = p.job
			left.rest = left.rest[:0]
		default:
			left.rest = append(left.rest, p.job)
		}
	}
	return left
}

// ended decides what becomes of an upload after an attempt; false when another one may follow.
func (s *sender) ended(p *portion) bool {
	run, j := s.w.run, p.job
	// An answer that cannot be understood does not say no: behind it the upload may have been stored.
	j.class, j.answered = s.classOf(p), s.ans.Status != 0 && s.ans.Class != measure.BadAnswer
	j.unsure = j.unsure || !j.answered || j.taken.Any() || j.class == measure.Rejected && p.said.Unsure // of a part it may be known
	switch {
	case j.class == measure.OK:
		s.judge(p)
		if !j.key.Op.LookUp() && len(p.said.Refused) == 0 {
			run.cfg.Sampler.offer(s.req.IDs[p.from], j.done)
		}
		s.w.finish(j, measure.Accepted)
		return true
	case j.class == measure.Cancelled:
		s.w.finish(j, measure.Failed)
		return true
	}
	if j.class == s.ans.Class {
		run.example(j.class, s.ans.Err)
	} else {
		run.example(j.class, fmt.Errorf("%v: each event is refused: %.200q", j.key.Op, p.said.Refused[0].Reason))
	}
	if run.cfg.Adapter.Ops[j.key.Op].Part && len(p.said.Again)+len(p.said.Refused) > 0 {
		s.judge(p)
		s.learn(p)
	}
	if target.Retryable(j.class) && !s.ans.Final || s.ans.Again {
		return false
	}
	s.w.finish(j, j.outcome())
	return true
}

// encode makes the bytes of a job's request, and its portions. They are the same for every attempt, but for the events that answers have settled.
func (s *sender) encode(j *job) {
	x := &s.w.run.cfg.Adapter.Ops[j.key.Op]
	s.portions, s.seqs, s.threats = s.portions[:0], s.seqs[:0], s.threats[:0]
	s.begin(&s.req)
	s.put(j, x)
	for _, o := range j.rest {
		s.put(o, x)
	}
	before := len(s.req.Body)
	s.end(x, &s.req)
	s.portions[len(s.portions)-1].bytes += len(s.req.Body) - before
	s.req.Op, s.req.Tenant, s.req.Taken = j.key.Op, int(j.key.Tenant), &j.taken
}

// put adds an upload to the request.
func (s *sender) put(j *job, x *wire.Exchange) {
	settled := (*target.Taken)(nil)
	if x.Part {
		settled = &j.settled
	}
	p, body, threats := portion{job: j, from: len(s.seqs)}, len(s.req.Body), len(s.threats)
	s.add(&j.up, x, &s.req, settled, s.detects)
	if j.key.Op.LookUp() != s.w.run.asks {
		s.threats = s.threats[:threats]
	}
	p.to, p.threats = len(s.seqs), s.threats[threats:]
	j.bytes = len(s.req.Body) - body
	j.version = s.w.run.version[s.dev.OS]
	if s.audit != nil {
		p.holder = SettingsOf(s.dev)
		p.holder.Open = !s.filler.Private()
	}
	s.portions = append(s.portions, p)
}

// detects keeps what is known of the event under way.
func (s *sender) detects() {
	s.seqs = append(s.seqs, s.ev.Seq)
	if s.ev.Kind == event.WebThreat {
		w := &s.ev.Web
		s.threats = append(s.threats, threat{s.ev.Seq, s.ev.ID, check.Detection{Truth: w.Truth, Reference: w.Verdict, Pattern: w.Pattern, Hard: w.Hard, Age: w.Age}})
	}
}

// audits shows the uploads of a request to the audit: what their body says. Of a mapped body the same events are written natively; a mapping can
// say of them only what that has, and where that leaves something out it does so, too.
func (s *sender) audits(op measure.Op) {
	s.w.run.audit.uploads.Add(int64(len(s.portions)))
	decode := s.w.run.cfg.Adapter.Ops[op].Decode
	if decode == nil {
		for i := range s.portions {
			p := &s.portions[i]
			s.native = s.body(s.native[:0], &wire.Native, &p.up)
			s.holder = p.holder
			s.audit.Upload(s.native)
		}
		return
	}
	n, i := 0, 0
	s.holder = s.portions[0].holder
	err := decode(s.req.Body, func(native []byte) error { // of one event where there are several uploads
		for ; i+1 < len(s.portions) && n >= s.portions[i].to; i++ {
			s.holder = s.portions[i+1].holder
		}
		n++
		s.audit.Upload(native)
		return nil
	})
	if err != nil {
		s.audit.Upload(s.req.Body) // what cannot be read is a violation
	}
}
