package sim

import (
	"strconv"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/target"
	"drover/sim/wire"
)

// maker makes the bytes of uploads: the same ones whenever it is asked, during the run, before it and after it. It is owned by one
// goroutine.
type maker struct {
	m      *Model
	filler *behavior.Filler
	dev    *fleet.Device // of the upload that was made last; the filler's
	ev     event.Event   // that was made last
}

func newMaker(m *Model) maker { return maker{m: m, filler: behavior.NewFiller(&m.Behavior)} }

// body appends an upload in a format.
func (k *maker) body(dst []byte, f *wire.Format, u *behavior.Upload) []byte {
	from := len(dst)
	k.dev = k.filler.Begin(u)
	dst = f.Begin(dst, k.dev, k.m.Behavior.Sends.All)
	for i := range u.Items {
		then := k.filler.Fill(&k.ev, i)
		dst = f.Event(dst, i, then, &k.ev)
	}
	return f.End(dst, from)
}

// request makes the request of an upload as an adapter has it: all but the target's own part. Its slices are used again. each is called
// when an event is in ev; nil: nobody looks. The events that an answer has settled already are left out; nil: none are.
func (k *maker) request(u *behavior.Upload, x *wire.Exchange, req *target.Request, settled *target.Taken, each func()) {
	k.dev = k.filler.Begin(u)
	req.Device, req.Seq, req.Key, req.Ends, req.IDs = u.Device, u.FirstSeq, req.Key[:0], req.Ends[:0], req.IDs[:0]
	req.Body = x.Begin(req.Body[:0], k.dev, k.m.Behavior.Sends.All)
	req.Head = len(req.Body)
	n := 0
	for i := range u.Items {
		if settled != nil && settled.Has(i) {
			continue
		}
		then := k.filler.Fill(&k.ev, i)
		if n == 0 && !x.LookUp {
			req.Key = fleet.GUID(k.ev.ID).AppendText(req.Key[:0])
		}
		if each != nil {
			each()
		}
		req.IDs = append(req.IDs, k.ev.ID)
		req.Body = x.Event(req.Body, n, then, &k.ev)
		req.Ends = append(req.Ends, len(req.Body))
		n++
	}
	if n < len(u.Items) { // it is not the request that had the key before
		req.Key = strconv.AppendInt(append(req.Key, '-'), int64(len(u.Items)-n), 10)
	}
	req.Body = x.End(req.Body, 0)
	if x.Place == nil {
		req.Place = nil // another operation's may be there
	} else {
		req.Place = x.Place(req.Place[:0], k.dev, &k.ev, req.Key)
	}
	if req.Header = req.Header[:0]; x.Header != nil {
		req.Header = x.Header(req.Header[:0], k.dev, &k.ev, req.Key)
	}
}
