package scenario

import (
	"strings"
	"testing"
	"time"

	"drover/sim/measure"
	"drover/sim/wire"
)

// How uploads come together is written into the resolved scenario, defaults too; what is the same for the devices of a tenant can stand around
// their events.
func TestGather(t *testing.T) {
	for adapter, want := range map[string]wire.Gather{
		`{per: devices, upload: {event: "${event.json}"}}`:                                     {Uploads: 20, Wait: 200 * time.Millisecond},
		`{per: devices, gather: {wait: 1s}, upload: {event: "${event.json}"}}`:                 {Uploads: 20, Wait: time.Second},
		`{per: devices, gather: {uploads: 1000, wait: 1ms}, upload: {event: "${event.json}"}}`: {Uploads: 1000, Wait: time.Millisecond},
		`{per: upload, upload: {event: "${event.json}"}}`:                                      {},
		`otlp-http`: {},
	} {
		sc, a := adapterOf(t, adapter)
		again, err := Parse("again.yaml", sc.Resolved, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := again.Target.Adapter.Gather; sc.Target.Adapter.Gather != want || a.Gather != want || got != want {
			t.Errorf("%s: %+v, %+v for a run, resolved %+v; want %+v", adapter, sc.Target.Adapter.Gather, a.Gather, got, want)
		}
	}
	_, a := adapterOf(t, `{per: devices, headers: {X-Org: "${account.org_id}"}, upload: {path: "/${account.tenant_id}", query: {key: "${upload.key}", run: "${run.id}"},
    document: {app: "${app.name}", tenant: "${account.tenant_id}", list: "${upload.events}"}, event: {of: "${device.id}"}}}`)
	d, events := sample()
	x := &a.Ops[measure.Upload]
	place, header := string(x.Place(nil, d, nil, []byte("key.2"))), string(x.Header(nil, d, nil, []byte("key.2")))
	body := x.Event(x.Begin(nil, d, 0), 0, d, &events[0])
	other := *d
	other.GUID[0]++
	body, from := x.Next(body, 0, &other, 0)
	body = x.End(x.Event(body, 0, &other, &events[0]), from)
	want := `{"app":"Microsoft Defender","tenant":"T","list":[{"of":"A"},{"of":"B"}]}`
	want = strings.NewReplacer("T", d.TenantID.String(), "A", d.GUID.String(), "B", other.GUID.String()).Replace(want)
	if place != "/"+d.TenantID.String()+"?key=key.2&run=run-1" || header != "X-Org: "+d.OrgID.String()+"\r\n" || string(body) != want {
		t.Errorf("%s\n%s%s\nwant %s", place, header, body, want)
	}
}
