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

	// Of the request under way.
	uploads int // so far
	left    int // of their events: left out
	from    int // where in its body the last one is, as Format.Next has it
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

// request makes the request of an upload as an adapter has it: all but the target's own part. Its slices are used again.
func (k *maker) request(u *behavior.Upload, x *wire.Exchange, req *target.Request) {
	k.begin(req)
	k.add(u, x, req, nil, nil)
	k.end(x, req)
}

// begin begins a request, of the uploads that are added until it ends: one, or several of one tenant where the adapter's format can carry them.
func (k *maker) begin(req *target.Request) {
	k.uploads, k.left, k.from = 0, 0, 0
	req.Reset()
}

// add puts an upload into a request. each is called when an event is in ev; nil: nobody looks. The events that an answer has settled already
// are left out; nil: none are.
func (k *maker) add(u *behavior.Upload, x *wire.Exchange, req *target.Request, settled *target.Taken, each func()) {
	k.dev = k.filler.Begin(u)
	if send := k.m.Behavior.Sends.All; k.uploads == 0 {
		req.Device, req.Seq = u.Device, u.FirstSeq
		req.Body = x.Begin(req.Body, k.dev, send)
		req.Head = len(req.Body)
	} else {
		req.Body, k.from = x.Next(req.Body, k.from, k.dev, send)
	}
	k.uploads++
	n := 0
	for i := range u.Items {
		if settled != nil && settled.Has(i) {
			continue
		}
		then := k.filler.Fill(&k.ev, i)
		if len(req.Key) == 0 && !x.LookUp {
			req.Key = fleet.GUID(k.ev.ID).AppendText(req.Key)
		}
		if each != nil {
			each()
		}
		req.IDs = append(req.IDs, k.ev.ID)
		req.Body = x.Event(req.Body, n, then, &k.ev)
		req.Ends = append(req.Ends, len(req.Body))
		n++
	}
	k.left += len(u.Items) - n
}

// end ends a request. Its key is the id of its first event, and says how many uploads are in it and how many of their events are not, so that two
// requests that differ have keys that do.
func (k *maker) end(x *wire.Exchange, req *target.Request) {
	if k.uploads > 1 {
		req.Key = strconv.AppendInt(append(req.Key, '.'), int64(k.uploads), 10)
	}
	if k.left > 0 {
		req.Key = strconv.AppendInt(append(req.Key, '-'), int64(k.left), 10)
	}
	req.Body = x.End(req.Body, k.from)
	if x.Place == nil {
		req.Place = nil // another operation's may be there
	} else {
		req.Place = x.Place(req.Place[:0], k.dev, &k.ev, req.Key)
	}
	if req.Header = req.Header[:0]; x.Header != nil {
		req.Header = x.Header(req.Header, k.dev, &k.ev, req.Key)
	}
}
