package sim

import (
	"cmp"
	"fmt"
	"slices"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/wire"
)

// What a sender makes of an answer.

// read understands the answer to an attempt, if there is one: what it says of each upload is in its portion.
func (s *sender) read(j *job) {
	if s.ans.Class != measure.OK && s.ans.Status == 0 {
		s.said = wire.Answer{}
		return
	}
	s.reply = wire.Reply{Class: s.ans.Class, Status: s.ans.Status, Body: s.ans.Body, Events: len(s.req.IDs), IDs: s.req.IDs}
	if len(s.portions) == 1 { // of several the sequence numbers need not differ, and the answer is read by the places of events
		if s.reply.FirstSeq = j.up.FirstSeq; len(s.seqs) < len(j.up.Items) {
			s.reply.Seqs = s.seqs
		}
	}
	class, err := s.w.run.cfg.Adapter.Ops[j.key.Op].Read(&s.reply, &s.said)
	s.ans.Class = class
	if err != nil {
		s.ans.Err = fmt.Errorf("%v: %w", j.key.Op, err)
	}
	if class == measure.BadAnswer { // what was read of it until then is nothing
		s.said = wire.Answer{}
		return
	}
	inOrder(s.said.Refused, bySeq)
	inOrder(s.said.Again, bySeq)
	inOrder(s.said.Verdicts, func(a, b wire.Verdict) int { return cmp.Compare(a.Seq, b.Seq) })
	if len(s.portions) == 1 {
		s.portions[0].said = s.said
	} else {
		s.divide()
	}
}

func bySeq(a, b wire.Refusal) int { return cmp.Compare(a.Seq, b.Seq) }

// inOrder sorts what an answer says of single events. It mostly is so; of what is said twice of one event the last stays the last.
func inOrder[T any](list []T, by func(a, b T) int) {
	if !slices.IsSortedFunc(list, by) {
		slices.SortStableFunc(list, by)
	}
}

// divide gives each upload of a request what the answer says of its own events.
func (s *sender) divide() {
	refused, again, verdicts := s.said.Refused, s.said.Again, s.said.Verdicts
	for i := range s.portions {
		p := &s.portions[i]
		p.said.Unsure = s.said.Unsure
		p.said.Refused, refused = s.front(refused, p.to)
		p.said.Again, again = s.front(again, p.to)
		n := 0
		for ; n < len(verdicts) && int(verdicts[n].Seq) < p.to; n++ {
			verdicts[n].Seq = s.seqs[verdicts[n].Seq]
		}
		p.said.Verdicts, verdicts = verdicts[:n], verdicts[n:]
	}
}

// front cuts off what is of events whose place is below to, and has it say their sequence numbers instead.
func (s *sender) front(list []wire.Refusal, to int) (of, rest []wire.Refusal) {
	n := 0
	for ; n < len(list) && int(list[n].Seq) < to; n++ {
		list[n].Seq = s.seqs[list[n].Seq]
	}
	return list[:n], list[n:]
}

// classOf is how an attempt ended for one of its uploads. Where the answer has a result for each event, that is as it would be if the upload
// had been alone.
func (s *sender) classOf(p *portion) measure.Class {
	if len(s.portions) > 1 && len(s.said.Refused)+len(s.said.Again) > 0 {
		switch {
		case len(p.said.Again) == 0 && len(p.said.Refused) == p.to-p.from:
			return measure.Rejected
		case len(p.said.Again) == 0:
			return measure.OK
		}
	}
	return s.ans.Class
}

// learn notes which events of an upload an answer has settled while it asks for the others again.
func (s *sender) learn(p *portion) {
	again, refused := p.said.Again, p.said.Refused
	for _, seq := range s.seqs[p.from:p.to] {
		if has(&again, seq) {
			continue
		}
		if p.settled.Add(int(seq - p.up.FirstSeq)); !has(&refused, seq) {
			p.got++
		}
	}
}

// has reports whether a list has an event. It cuts off what is of events before: they are asked for in order, as the list is.
func has(list *[]wire.Refusal, seq uint32) bool {
	for len(*list) > 0 && (*list)[0].Seq < seq {
		*list = (*list)[1:]
	}
	return len(*list) > 0 && (*list)[0].Seq == seq
}

// dispute keeps a detection about which the backend disagrees with somebody, if there is still room for it. The event is made once more: of most
// detections nobody will ever ask.
func (s *sender) dispute(j *job, t *threat, backend event.Category) {
	if !s.w.tally.disputes.Wants(&t.Detection, backend, t.id) {
		return
	}
	i := int(t.seq - j.up.FirstSeq)
	s.filler.Begin(&j.up)
	s.filler.Fill(&s.ev, i)
	s.w.tally.disputes.Add(check.Dispute{
		Detection: t.Detection, ID: s.ev.ID, Device: j.up.Device, Seq: t.seq, Backend: backend,
		URL: string(s.filler.Seen(nil, i)), Sent: s.ev.Has&(1<<event.WebDomain) != 0,
	})
}

// judge notes what the answer says of single events: the backend's verdict of each threat, where one that it did not mention
// counts as not judged, and which events it refused. Of those that it asks for again it says nothing.
func (s *sender) judge(p *portion) {
	j := p.job
	if len(p.threats)+len(p.said.Refused) == 0 {
		return
	}
	s.w.tally.mu.Lock()
	defer s.w.tally.mu.Unlock()
	again, verdicts := p.said.Again, p.said.Verdicts
	for _, t := range p.threats {
		if has(&again, t.seq) {
			continue
		}
		verdict := event.Unknown // not judged
		for ; len(verdicts) > 0 && verdicts[0].Seq <= t.seq; verdicts = verdicts[1:] {
			if v := &verdicts[0]; v.Seq == t.seq && v.Known {
				verdict = v.Category
			}
		}
		s.w.tally.verdicts.Add(t.Detection, verdict)
		s.w.split(j, &t.Detection, verdict)
		s.dispute(j, &t, verdict)
		said := ledger.Unjudged
		if verdict < event.NumCategories {
			said = ledger.Said(verdict)
		}
		j.notes = append(j.notes, ledger.Note{Seq: t.seq, Said: said})
	}
	for _, no := range p.said.Refused {
		if i := int(no.Seq) - int(j.up.FirstSeq); i < 0 || i >= len(j.up.Items) {
			continue
		}
		if at, told := slices.BinarySearch(j.no, no.Seq); !told {
			j.no = slices.Insert(j.no, at, no.Seq)
		}
	}
}
