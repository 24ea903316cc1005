package sim

import (
	"time"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/wire"
)

// asker says which look-ups go with the uploads of some partitions, each due when its upload is and a request of its own: a device fetches
// its configuration with its first upload, and with the first one after Adapter.Every of its time; and it asks for a verdict of each
// threat whose domain it reports. It is a pure function of the uploads, in their order for each device. It is owned by one goroutine.
type asker struct {
	maker
	config, verdict bool
	every           uint32     // s
	fetched         [][]uint32 // by partition, and by a device's place in it: when it fetched last, s of device time and one more; 0: never
	of              Arrival    // the upload
	due             bool       // the configuration is
	item            int        // of the upload, to be looked at next
}

// newAsker returns nil where an adapter has no look-ups.
func newAsker(m *Model, a *wire.Adapter) *asker {
	q := &asker{config: a.Has(measure.Config), verdict: a.Has(measure.Verdict), every: uint32(a.Every / time.Second)}
	if !q.config && !q.verdict {
		return nil
	}
	q.maker = newMaker(m)
	if q.config {
		q.fetched = make([][]uint32, m.Fleet.Partitions())
	}
	return q
}

// begin takes the look-ups that go with an upload, whose Items have to stay until the last of them is taken.
func (q *asker) begin(a *Arrival) {
	q.of, q.item, q.due = *a, 0, false
	if a.Op == measure.Enroll {
		q.item = len(a.Upload.Items)
		return
	}
	if q.config {
		at, now := q.last(a.Upload.Device), uint32(max(0, a.Upload.Due)/time.Second)+1
		if q.due = *at == 0 || now >= *at && now-*at >= q.every; q.due {
			*at = now
		}
	}
	if !q.verdict {
		q.item = len(a.Upload.Items)
	}
}

// last is when a device fetched its configuration.
func (q *asker) last(device int) *uint32 {
	f := q.m.Fleet
	p, i := f.Partition(device), device/f.Partitions()
	if q.fetched[p] == nil {
		q.fetched[p] = make([]uint32, f.PartitionSize(p))
	}
	return &q.fetched[p][i]
}

// remaining is about how many more times devices that have fetched their configuration do so until a time of theirs, when the next upload
// is so far away when it may be fetched again.
func (q *asker) remaining(devices []int, until, wait time.Duration) (n float64) {
	if !q.config {
		return 0
	}
	now, period := uint32(max(0, until)/time.Second)+1, q.every+uint32(wait/time.Second)
	for _, d := range devices {
		if at := *q.last(d); at > 0 && now > at {
			n += float64((now - at) / period)
		}
	}
	return n
}

// next fills a with the next look-up of the upload under way; false: there is none.
func (q *asker) next(a *Arrival) bool {
	*a = q.of
	if q.due {
		q.due = false
		a.Op, a.Upload.Items = measure.Config, nil
		return true
	}
	for q.item < len(q.of.Upload.Items) {
		i := q.item
		q.item++
		if q.of.Upload.Items[i].Kind != event.WebThreat {
			continue
		}
		u := q.of.Upload
		u.FirstSeq, u.Items = u.FirstSeq+uint32(i), u.Items[i:i+1]
		if !q.reports(&u) {
			continue
		}
		a.Op, a.Upload = measure.Verdict, u
		return true
	}
	return false
}

// reports tells whether the one threat of an upload is reported with its domain: what privacy strips there nobody is asked about.
func (q *asker) reports(u *behavior.Upload) bool {
	q.filler.Begin(u)
	q.filler.Fill(&q.ev, 0)
	return q.ev.Has&(1<<event.WebDomain) != 0
}
