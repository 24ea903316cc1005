package scenario

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"drover/sim/wire"
)

// gathers reports whether a request carries the uploads of several devices.
func (r *rawMapping) gathers() bool { return r.Per == "devices" }

// gather compiles how they come together. Defaults are written back, so that the resolved file says them.
func (b *mapper) gather(r *rawMapping) wire.Gather {
	switch {
	case !b.good(&r.Per, &r.Gather):
		return wire.Gather{}
	case !r.gathers():
		if r.Gather != nil {
			b.errorf(b.key(&r.Gather), "add per: devices, or remove it", "gather: with per: %s nothing is gathered", r.Per)
		}
		return wire.Gather{}
	case r.Gather == nil:
		r.Gather = new(rawGather)
		b.preset(reflect.ValueOf(r.Gather).Elem(), "")
	}
	return wire.Gather{Uploads: r.Gather.Uploads, Wait: time.Duration(r.Gather.Wait)}
}

// ofSeveral refuses what an operation has that is of one device's upload.
func (b *mapper) ofSeveral(r *rawOp, all *rawMapping, path string) {
	if !all.gathers() {
		return
	}
	if r.Answers == "drover" {
		b.errorf(b.at(&r.Answers, r), "use per: upload", "%s.answers: drover's own API takes the document of one device, and with per: devices a request is of several", path)
	}
	if v := r.Verdicts; v != nil && v.Seq != "" {
		b.errorf(b.at(&v.Seq), "use id, or leave it out where items are in the order of the events", "%s.verdicts.seq: it tells the events of one device apart, and with per: devices a request is of several", path)
	}
}

// gathered holds an adapter that gathers uploads of several devices against the rest of the target, and the load.
func (b *builder) gathered(m *wire.Mapping, t *rawTarget) {
	if m.Gather.Uploads == 0 {
		return
	}
	const why = "adapter %s has uploads of several devices in a request"
	if whole, _ := m.Writes(); whole && !m.Own && b.good(&t.Format) && !severalIn(t.Format) {
		var can []string
		for _, name := range slices.Sorted(maps.Keys(wire.Formats)) {
			if severalIn(name) && (len(m.Formats) == 0 || slices.Contains(m.Formats, name)) {
				can = append(can, name)
			}
		}
		mend := "use an adapter with per: upload"
		if len(can) > 0 {
			mend = "set format to " + list(can)
		}
		b.errorf(b.at(&t.Format, &t.Adapter), mend, "target.format: "+why+", and a body in %s is of one", m.Name, t.Format)
	}
	for _, f := range []struct {
		ptr             any
		bad             bool
		name, mend, own string
	}{
		{&t.Client.Connections, t.Client.Connections == "per-device", "client.connections", "use connections: pooled", "a connection is a device's own"},
		{&t.Auth.Type, t.Auth.Type == "token", "auth.type", "use another type", "a token is a device's own"},
		{&t.Auth.TokenPer, t.Auth.Type == "oauth2" && t.Auth.TokenPer == "device", "auth.tokenPer", "use tenant or all", "a token is a device's own"},
	} {
		if f.bad && b.good(f.ptr) {
			b.errorf(b.at(f.ptr, &t.Adapter), f.mend+", or an adapter with per: upload", "target.%s: "+why+", and %s", f.name, m.Name, f.own)
		}
	}
	if l := &b.spec.Load; l.Model == "closed" && b.good(&l.Model) {
		b.errorf(b.at(&l.Model), "use model: open, or an adapter with per: upload", "load.model: "+why+", and in the closed model an upload waits for no other", m.Name)
	}
}

// severalIn reports whether a body in a format can have uploads of several devices.
func severalIn(format string) bool {
	make := wire.Formats[format]
	return make != nil && make(&wire.Constants{}).Next != nil
}
