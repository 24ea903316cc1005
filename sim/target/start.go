package target

import (
	"context"
	"errors"
	"time"
)

// Start begins to send an upload, as Send does, if that takes no waiting at all: answered is then called by req.Loop, once, not by a fiber, and
// must not wait either; what it may call is Finish. req and ans are left alone until then. false: nothing was begun, and Send is to be called.
//
// A fiber has a stack, which has gone cold by the time that its answer is there; what goes on without one spares a sixth of the user's CPU where 64
// connections are in use. TLS, requests without a body, compressed and long ones, and the faults of an attempt are Send's.
func (h *HTTP) Start(ctx context.Context, req *Request, answered func()) bool {
	if req.Loop == nil || h.fast == nil || h.grants != nil || h.base.Scheme != "http" || h.closed.Load() || h.packs(req.Op) || h.rig.of(req).any() {
		return false
	}
	if n := len(req.Body); n == 0 || n > oneWrite {
		return false
	}
	req.token, _, _ = h.credential(ctx, req.Tenant, req.Device, nil) // there is no grant, so none fails
	return h.fast.start(ctx, req, answered)
}

// Finish makes of what came back the answer to what Start began, and reports true. false: not all of it is there, or it is not as it should be;
// then a fiber is to call Finish, which waits for the rest or goes on as Send does, and reports true.
func (h *HTTP) Finish(ctx context.Context, req *Request, ans *Answer) bool {
	return h.fast.finish(ctx, req, ans)
}

// start sends a request over an idle connection of the loop.
func (f *h1) start(ctx context.Context, req *Request, answered func()) bool {
	if !f.slots.try() {
		return false
	}
	c := pop(&req.Loop.idle)
	if c == nil {
		f.slots.release()
		return false
	}
	now := time.Now()
	if !c.ready(ctx, now.Add(f.http.opt.Client.Timeout)) || !f.usable(c, now) {
		f.leave(c, false)
		f.slots.release()
		return false
	}
	req.Loop.head = f.request(req.Loop.head[:0], req, req.Body)
	if whole := req.headed(req.Loop.head, req.Body); whole == nil || !c.start(whole, answered) {
		f.put(req.Loop, c)
		f.slots.release()
		return false
	}
	c.began = now
	c.uses++
	req.conn = c
	return true
}

// finish reads the answer: in a fiber with all its waits, else only if it is there.
func (f *h1) finish(ctx context.Context, req *Request, ans *Answer) bool {
	c, status := req.conn, 0
	*ans = Answer{Body: ans.Body[:0]}
	var err error
	if req.Loop.current == nil {
		if !c.answerNow(ans, &status) {
			return false
		}
	} else {
		err = c.answerLate(ans, &status)
	}
	req.conn = nil
	defer f.slots.release()
	if f.part(req, c, true, err) && ctx.Err() == nil {
		status = 0
		err = f.exchange(ctx, req, req.Body, c.began, ans, &status)
	}
	f.judge(ctx, req, status, err, ans)
	return true
}

// errNotThere is that an answer, or the rest of it, is not there yet.
var errNotThere = errors.New("not there")

// answerNow is answer of what was read already. Where that is not a whole answer after which the connection can be used again, nothing has happened.
func (c *h1conn) answerNow(ans *Answer, status *int) bool {
	if len(c.rest) == 0 && c.broken == nil {
		c.dry = true
		err := c.answer(ans, status)
		if c.dry = false; err == nil && c.keep {
			return true
		}
	}
	c.r, c.head = 0, 0
	c.keepRead()
	return false
}

// answerLate is answer after the rest of the request is written.
func (c *h1conn) answerLate(ans *Answer, status *int) error {
	var broken error
	if len(c.rest) > 0 {
		_, broken = c.net.Write(c.rest)
		c.rest = nil
	}
	err := c.answer(ans, status)
	if broken != nil { // the backend may have answered and closed before it had read all
		if c.keep = false; err != nil {
			return broken
		}
	}
	return err
}
