package wire

import (
	"encoding/json"
	"errors"

	"drover/sim/event"
	"drover/sim/fleet"
)

// CloudEvents writes each event as a CloudEvent in JSON, structured mode (CloudEvents 1.0.2, JSON format 1.0.2): a line each. Its
// data is the native document of that one event, as far as send allows, of the device as it was when the event happened. No
// attribute says more than the data: id is the event's, time its time, subject the device identifier, source names the tenant
// and type the kind. One request of structured mode carries one event.
func CloudEvents(c *Constants) Format {
	send := c.Send
	return Format{
		Name: "cloudevents", ContentType: "application/cloudevents+json", Then: true, One: true, Decode: decodeCloudEvents,
		Begin: func(dst []byte, _ *fleet.Device, _ event.Fields) []byte { return dst },
		Event: func(dst []byte, n int, d *fleet.Device, e *event.Event) []byte {
			if n > 0 {
				dst = append(dst, '\n')
			}
			return appendCloudEvent(dst, send, d, e)
		},
		End: func(dst []byte, _ int) []byte { return dst },
	}
}

// CloudEventsBatch writes an upload as one list of what CloudEvents writes (CloudEvents 1.0.2, JSON batch format).
func CloudEventsBatch(c *Constants) Format {
	send := c.Send
	return Format{
		Name: "cloudevents-batch", ContentType: "application/cloudevents-batch+json", Then: true, Decode: decodeCloudEvents,
		Begin: func(dst []byte, _ *fleet.Device, _ event.Fields) []byte { return append(dst, '[') },
		Event: func(dst []byte, n int, d *fleet.Device, e *event.Event) []byte {
			if n > 0 {
				dst = append(dst, ',')
			}
			return appendCloudEvent(dst, send, d, e)
		},
		End:  func(dst []byte, _ int) []byte { return append(dst, ']') },
		Next: between(","),
	}
}

// cloudEventTypes are the types by kind: reverse DNS of a reserved zone, since the real names are not public.
var cloudEventTypes = [event.NumKinds]string{
	event.Enrolment:   "test.sim.defender.device.enrolment.v1",
	event.Heartbeat:   "test.sim.defender.device.heartbeat.v1",
	event.AppInfo:     "test.sim.defender.app.info.v1",
	event.AppAction:   "test.sim.defender.app.action.v1",
	event.Memory:      "test.sim.defender.app.memory.v1",
	event.WebThreat:   "test.sim.defender.web.blocked.v1",
	event.Crash:       "test.sim.defender.app.crash.v1",
	event.Feedback:    "test.sim.defender.feedback.v1",
	event.Diagnostics: "test.sim.defender.app.diagnostics.v1",
}

const cloudEventSource = "/tenants/"

func appendCloudEvent(dst []byte, send event.Fields, d *fleet.Device, e *event.Event) []byte {
	dst = append(dst, `{"specversion":"1.0","id":"`...)
	dst = fleet.GUID(e.ID).AppendText(dst)
	dst = append(dst, `","source":"`+cloudEventSource...)
	dst = d.TenantID.AppendText(dst)
	dst = append(dst, `","type":"`...)
	dst = append(dst, cloudEventTypes[e.Kind]...)
	if identified(d, send) {
		dst = appendIdentifier(append(dst, `","subject":"`...), d)
	}
	dst = append(dst, `","time":"`...)
	dst = appendTime(dst, e.At)
	dst = append(dst, `","datacontenttype":"application/json","data":`...)
	dst = beginNative(dst, d, send)
	dst = appendNative(dst, 0, d, e)
	return append(endNative(dst, 0), '}')
}

var cloudEventShape = shape{"", []string{"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"}, 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<7, false}

// decodeCloudEvents reads what both write.
func decodeCloudEvents(body []byte, each func(native []byte) error) error {
	return documents(body, func(doc []byte) error {
		native, err := DecodeCloudEvent(doc)
		if err != nil {
			return err
		}
		return each(native)
	})
}

// documents goes through JSON documents that stand one after another, or in one list.
func documents(body []byte, each func(doc []byte) error) error {
	d := decoder{data: body, event: -1}
	d.checkUTF8()
	inList, n := d.peek() == '[', 0
	if inList {
		d.pos++
	}
	for ; ; n++ {
		switch c := d.peek(); {
		case d.err != nil:
			return d.err
		case inList && c == ']':
			d.pos++
			return d.finish()
		case d.pos == len(d.data) && !inList:
			return nil
		case inList && n > 0 && !d.expect(',', "a comma or the end of the list"):
			return d.err
		}
		if d.peek() != '{' {
			d.fail("want an object")
			return d.err
		}
		from := d.pos
		if d.skip(); d.err != nil {
			return d.err
		}
		if err := each(body[from:d.pos]); err != nil {
			var e *Error
			if errors.As(err, &e) {
				e.Offset += from
			}
			return err
		}
	}
}

// DecodeCloudEvent returns the native document in a CloudEvent that CloudEvents wrote; it points into doc. It refuses one that has
// other attributes, or one whose attributes say something else than its data: then the data is not all there is to audit. What
// the data says it does not look into. An error is an *Error.
func DecodeCloudEvent(doc []byte) (native []byte, err error) {
	dec := decoder{data: doc, event: -1}
	d := &dec
	d.checkUTF8()
	var said [7]string
	var seen [7]bool
	for o := d.object(&cloudEventShape); o.next(d); {
		if o.field == "data" {
			if d.peek() != '{' {
				d.fail("want an object: a native document")
			}
			from := d.pos
			d.skip()
			native = d.data[from:d.pos:d.pos]
			continue
		}
		said[o.index], seen[o.index] = string(d.text()), true
	}
	if err := d.finish(); err != nil {
		return nil, err
	}
	var in struct {
		Device  struct{ ID map[string]string }
		Account struct {
			Tenant string `json:"tenant_id"`
		}
		Events []struct{ ID, Kind, Time string }
	}
	if err := json.Unmarshal(native, &in); err != nil || len(in.Events) != 1 {
		return nil, &Error{Field: "data", Msg: "want a native document of one event"}
	}
	e := &in.Events[0]
	want := [7]string{"1.0", e.ID, cloudEventSource + in.Account.Tenant, "", "", e.Time, "application/json"}
	if k, ok := event.ParseKind(e.Kind); ok {
		want[3] = cloudEventTypes[k]
	}
	for _, id := range in.Device.ID {
		want[4] = id
	}
	for i, name := range cloudEventShape.names[:len(want)] {
		if seen[i] && said[i] != want[i] {
			return nil, &Error{Field: name, Msg: "says something else than the data"}
		}
	}
	return native, nil
}
