package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"drover/sim"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/target"
	"drover/sim/wire"
)

// preflight looks, before the run, whether the target can be driven. One that speaks drover's own API is asked, and so is one of messages,
// where one would stay among those of the run; any other is sent one event, a heartbeat of the first device under a run id of its own, and one
// more where single events go another way; where there is a read-back it has to show them. Of the look-ups that the adapter has one each is made.
func (d *drive) preflight(ctx context.Context) error {
	p := probe{model: d.model, run: d.id + "-preflight"}
	p.adapter = adapterOf(d.model, p.run)
	p.heartbeat()
	var err error
	if d.side.own || d.side.http == nil {
		if err := preflight(ctx, d.side.target); err != nil || d.side.http == nil {
			return err
		}
		p.to = d.side.http
		return p.lookUps(ctx)
	}
	if p.to, err = d.side.again(d.side.url, p.run, nil); err != nil {
		return err
	}
	defer p.to.Close()
	if p.from, err = d.side.reader(d.model, p.run); err != nil {
		return err
	}
	defer p.from.Close()
	if err := p.do(ctx); err != nil {
		return err
	}
	return p.lookUps(ctx)
}

// probe sends one event and looks for it.
type probe struct {
	model   *sim.Model
	adapter *wire.Adapter
	to      *target.HTTP
	from    reader // what it is read back by
	run     string
	ev      event.Event
}

// The read-back may take as long to show one event as the scenario gives it to show all, within these.
const (
	leastToFind = 2 * time.Second
	mostToFind  = 10 * time.Second
)

func (p *probe) do(ctx context.Context) error {
	sent := []sentEvent{{p.heartbeat(), measure.Upload}}
	if err := p.send(ctx, measure.Upload, "one event"); err != nil {
		return err
	}
	if p.adapter.Has(measure.Single) {
		sent = append(sent, sentEvent{p.heartbeat(), measure.Single})
		if err := p.send(ctx, measure.Single, "a single event"); err != nil {
			return err
		}
	}
	if p.model.Scenario.Target.Readback.Adapter == "" {
		return nil
	}
	return p.find(ctx, sent)
}

// sentEvent is an event that was sent, and the operation by which.
type sentEvent struct {
	id event.ID
	op measure.Op
}

// find looks for the events that were accepted until the read-back shows them all.
func (p *probe) find(ctx context.Context, sent []sentEvent) error {
	how := p.model.Scenario.Target.Readback
	how.Foreign, how.Settle = false, max(leastToFind, min(how.Settle, mostToFind))
	accepted := "one event was accepted"
	if len(sent) > 1 {
		accepted = fmt.Sprintf("two events were accepted, one as %v and one as %v", sent[0].op, sent[1].op)
	}
	start := time.Now()
	var shown bytes.Buffer
	r := sim.ReadBack{Source: p.from, How: how, Run: p.run, Wanted: int64(len(sent)), Since: func() time.Duration { return time.Since(start) }, Out: &shown}
	if err := r.Do(ctx); err != nil {
		return fail(exitTarget, fmt.Errorf("preflight: %s, but the read-back failed: %w", accepted, err))
	}
	held := bytes.ToLower(shown.Bytes())
	var lost []sentEvent
	var ids []string
	for _, s := range sent {
		if id := fleet.GUID(s.id).String(); !bytes.Contains(held, []byte(id)) {
			lost, ids = append(lost, s), append(ids, id)
		}
	}
	what := "it"
	switch {
	case len(lost) == 0:
		return nil
	case len(lost) > 1:
		what = "them"
	case len(sent) > 1:
		what = fmt.Sprintf("the one as %v", lost[0].op)
	}
	return fail(exitTarget, fmt.Errorf("preflight: %s, but the read-back does not show %s within %v; look for run %s and event %s on the server, and at target.readback",
		accepted, what, how.Settle, p.run, strings.Join(ids, " and event ")))
}

// heartbeat makes the event under way one of the first device, and returns its id.
func (p *probe) heartbeat() event.ID {
	p.ev = event.Event{Kind: event.Heartbeat, At: p.model.Scenario.Start}
	rand.Read(p.ev.ID[:])
	p.ev.ID[6], p.ev.ID[8] = p.ev.ID[6]&0x0f|0x80, p.ev.ID[8]&0x3f|0x80 // as event ids are
	return p.ev.ID
}

// lookUps makes one of each look-up that the adapter has: of the first device, and of a site that its fleet may visit.
func (p *probe) lookUps(ctx context.Context) error {
	if p.adapter.Has(measure.Config) {
		if err := p.send(ctx, measure.Config, "the fetch of a configuration"); err != nil {
			return err
		}
	}
	if !p.adapter.Has(measure.Verdict) {
		return nil
	}
	p.ev = event.Event{ID: p.ev.ID, Kind: event.WebThreat, At: p.model.Scenario.Start, Has: event.FieldsOf(event.WebDomain)}
	for host := range p.model.Behavior.Hosts.List() {
		p.ev.Web.Host, _ = p.model.Scenario.Zone.Host([]byte(host)) // names are ours, and fit every zone (behavior.TestSites)
		break
	}
	return p.send(ctx, measure.Verdict, "the look-up of a verdict")
}

// send makes the request of an operation, which what names in messages; its error says what came back unless it was taken.
func (p *probe) send(ctx context.Context, op measure.Op, what string) error {
	err := p.exchange(ctx, op, what)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fail(exitInterrupted, errors.New("interrupted before the run began"))
	}
	return fail(exitTarget, err)
}

func (p *probe) exchange(ctx context.Context, op measure.Op, what string) error {
	var d fleet.Device
	p.model.Fleet.Device(0, &d)
	x := &p.adapter.Ops[op]
	req := target.Request{Op: op, Device: d.Index, Tenant: d.Tenant}
	if !x.LookUp {
		req.Key = fleet.GUID(p.ev.ID).AppendText(nil)
	}
	req.Body = x.Begin(nil, &d, p.model.Behavior.Sends.All)
	if op != measure.Config {
		req.Body = x.Event(req.Body, 0, &d, &p.ev)
	}
	req.Ends = []int{len(req.Body)}
	req.Body = x.End(req.Body, 0)
	if x.Place != nil {
		req.Place = x.Place(nil, &d, &p.ev, req.Key)
	}
	if x.Header != nil {
		req.Header = x.Header(nil, &d, &p.ev, req.Key)
	}
	var ans target.Answer
	p.to.Send(ctx, &req, &ans)
	if ans.Status == 0 && ans.Class == measure.Status401 { // who gives out tokens says no
		return &target.UnauthorisedError{Err: ans.Err, Status: http.StatusUnauthorized}
	}
	if ans.Status == 0 && ans.Class != measure.OK {
		return p.to.Unreachable(ans.Err)
	}
	var said wire.Answer
	class, err := x.Read(&wire.Reply{Class: ans.Class, Status: ans.Status, Body: ans.Body, Events: 1, IDs: [][16]byte{p.ev.ID}}, &said)
	switch {
	case class == measure.Status401:
		return &target.UnauthorisedError{Err: ans.Err, Status: ans.Status}
	case class != measure.OK:
		if err == nil {
			if err = ans.Err; len(ans.Body) > 0 {
				err = fmt.Errorf("%w: %.300q", err, ans.Body)
			}
		}
		return fmt.Errorf("preflight: %s was not accepted: %w", what, err)
	case len(said.Refused) > 0:
		return fmt.Errorf("preflight: %s was refused: %.300q", what, said.Refused[0].Reason)
	}
	return nil
}
