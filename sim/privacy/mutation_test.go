package privacy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"drover/sim"
	"drover/sim/fleet"
	"drover/sim/privacy"
)

type object = map[string]any

// in changes the first event of a kind, and reports whether there was one that change could use.
func in(kind string, change func(e object) bool) func(object) bool {
	return func(doc object) bool {
		for _, e := range doc["events"].([]any) {
			if e := e.(object); (kind == "" || e["kind"] == kind) && change(e) {
				return true
			}
		}
		return false
	}
}

// at walks to an object inside another.
func at(o object, path string) object {
	for _, name := range strings.Split(path, ".") {
		next, ok := o[name].(object)
		if !ok {
			return nil
		}
		o = next
	}
	return o
}

// put sets a field of the object at a path.
func put(path, name string, value any) func(object) bool {
	return func(o object) bool {
		if path != "" {
			o = at(o, path)
		}
		if o != nil {
			o[name] = value
		}
		return o != nil
	}
}

// drop removes a field that is there.
func drop(path, name string) func(object) bool {
	return func(o object) bool {
		if path != "" {
			o = at(o, path)
		}
		_, had := o[name]
		delete(o, name)
		return had
	}
}

const otherGUID = "00000000-0000-4000-8000-000000000001"

// TestMutations breaks real uploads in one place each. Every mutation must be caught under its own invariant, with no
// other one.
func TestMutations(t *testing.T) {
	type want = []privacy.Invariant
	streams := map[float64]*stream{}
	for _, tt := range []struct {
		name     string
		contract string
		change   func(doc object) bool
		want     want
		field    string // of the first violation
		refuser  bool   // on a device that does not allow optional data
	}{
		{"a site in a heartbeat", "mde", in("heartbeat", put("", "web", object{"domain": "a.sim.test"})), want{privacy.P01}, "events[].web.domain", false},
		{"a site without an alert", "mde", in("web.threat", func(e object) bool { return e["web"] != nil && drop("", "detection")(e) }), want{privacy.P01}, "events[].web.domain", false},
		{"a benign site", "mde", in("web.threat", func(e object) bool { return e["web"] != nil && put("detection", "category", "benign")(e) }), want{privacy.P01, privacy.P06}, "events[].detection.category", false},
		{"a domain in spite of the setting", "mde", in("web.threat", func(e object) bool { return e["web"] == nil && put("", "web", object{"domain": "a.sim.test"})(e) }), want{privacy.P02}, "events[].web.domain", false},
		{"an address in spite of the setting", "mde", in("web.threat", func(e object) bool { return e["web"] == nil && put("", "web", object{"remote_ip": "192.0.2.1"})(e) }), want{privacy.P02}, "events[].web.remote_ip", false},
		{"the protocol", "mde", in("web.threat", put("web", "protocol", "HTTPS")), want{privacy.P03}, "events[].web.protocol", false},
		{"the connection", "mde-2024", in("web.threat", put("web", "connection", object{"remote_port": 443})), want{privacy.P03}, "events[].web.connection", false},
		{"the browsers", "mde", in("diagnostics", put("diag", "browsers", []any{"Safari"})), want{privacy.P03}, "events[].diag.browsers", false},
		{"a domain under the oldest contract", "atp-2020", in("web.threat", put("", "web", object{"domain": "a.sim.test"})), want{privacy.P04}, "events[].web.domain", false},
		{"an address under the oldest contract", "atp-2020", in("web.threat", put("", "web", object{"remote_ip": "192.0.2.1"})), want{privacy.P04}, "events[].web.remote_ip", false},
		{"two identifiers", "mde", put("device", "id", object{"guid": otherGUID, "wifi_mac": "a4:83:e7:00:00:01"}), want{privacy.P05}, "device.id", false},
		{"no identifier", "mde", put("device", "id", object{}), want{privacy.P05}, "device.id", false},
		{"another identifier", "mde", put("device", "id", object{"guid": otherGUID}), want{privacy.P05}, "device.id", false},
		{"the Wi-Fi MAC in 2024", "mde-2024", put("device", "id", object{"wifi_mac": "a4:83:e7:00:00:01"}), want{privacy.P05}, "device.id.wifi_mac", false},
		{"a benign visit", "mde", in("web.threat", func(e object) bool { return e["web"] == nil && put("detection", "category", "benign")(e) }), want{privacy.P06}, "events[].detection.category", false},
		{"a path", "mde", in("web.threat", put("web", "domain", "a.sim.test/login")), want{privacy.P07}, "events[].web.domain", false},
		{"a query", "mde", in("web.threat", put("web", "domain", "a.sim.test?u=1")), want{privacy.P07}, "events[].web.domain", false},
		{"a field for the URL", "mde", in("web.threat", put("web", "url", "secret")), want{privacy.P07}, `events[].web."url"`, false},
		{"the title", "mde", in("web.threat", put("", "title", "Sign in")), want{privacy.P07}, `events[]."title"`, false},
		{"a URL in a new field", "mde", in("app.memory", put("app.memory", "top", object{"x": []any{1, "http://a.sim.test/x"}})), want{privacy.P07}, `events[].app.memory."top"`, false},
		{"a URL in a comment", "mde", in("feedback", put("feedback", "comments", "see news.example/a?b for more")), want{privacy.P07}, "events[].feedback.comments", false},
		{"a URL in the crash's reason", "mde", in("app.crash", put("app.crash", "reason", "https://a.sim.test")), want{privacy.P07}, "events[].app.crash.reason", false},
		{"a URL instead of an object", "mde", put("device", "cpu", "https://a.sim.test/"), want{privacy.P13, privacy.P07}, "device.cpu", false},
		{"another app", "mde", put("app", "name", "Some Browser"), want{privacy.P08}, "app.name", false},
		{"the app of a memory figure", "mde", in("app.memory", put("app.memory", "bundle_id", "com.example.browser")), want{privacy.P08}, `events[].app.memory."bundle_id"`, false},
		{"the app of a usage figure", "mde", in("diagnostics", put("diag.app_usage", "app", "Browser")), want{privacy.P08}, `events[].diag.app_usage."app"`, false},
		{"usage in a heartbeat", "mde", in("heartbeat", put("", "diag", object{"cpu_usage": object{"cpu_ms": 1}})), want{privacy.P09}, "events[].diag.cpu_usage", false},
		{"usage without consent", "mde", in("heartbeat", func(e object) bool {
			e["kind"] = "diagnostics"
			return put("", "diag", object{"features": object{"WebProtection": "true"}})(e)
		}), want{privacy.P09}, "events[].diag.features", true},
		{"feedback elsewhere", "mde", in("app.action", put("", "feedback", object{"type": "smile"})), want{privacy.P10}, "events[].feedback.type", false},
		{"another type of feedback", "mde", in("feedback", put("feedback", "type", "rage")), want{privacy.P10}, "events[].feedback.type", false},
		{"feedback without a type", "mde", in("feedback", drop("feedback", "type")), want{privacy.P10}, "events[].feedback.type", false},
		{"a comment that was not given", "mde", in("feedback", put("feedback", "comments", "")), want{privacy.P10}, "events[].feedback.comments", false},
		{"another tenant", "mde", put("account", "tenant_id", otherGUID), want{privacy.P11}, "account.tenant_id", false},
		{"a risk", "mde", in("heartbeat", put("", "risk_level", "high")), want{privacy.P13}, `events[]."risk_level"`, false},
		{"the location", "mde", put("device", "location", object{"lat": 1.5}), want{privacy.P13}, `device."location"`, false},
		{"contacts", "mde", put("", "contacts", []any{}), want{privacy.P13}, `"contacts"`, false},
		{"planted truth", "mde", in("web.threat", put("detection", "truth", "phishing")), want{privacy.P13}, `events[].detection."truth"`, false},
		{"another form of id", "mde", put("account", "user_id", "jane"), want{privacy.P13}, "account.user_id", false},
		{"another form of figure", "mde", in("app.memory", put("app.memory", "app_kib", "much")), want{privacy.P13}, "events[].app.memory.app_kib", false},
		{"another action", "mde", in("app.action", put("app", "action", "read_mail")), want{privacy.P13}, "events[].app.action", false},
		{"memory in a heartbeat", "mde", in("heartbeat", put("", "app", object{"memory": object{"app_kib": 1}})), want{privacy.P13}, "events[].app.memory", false},
		{"an unknown kind", "mde", in("heartbeat", put("", "kind", "location")), want{privacy.P13}, "events[].kind", false},
		{"a crash of another app", "mde", in("app.crash", put("app.crash", "process", "Browser")), want{privacy.P14}, "events[].app.crash.process", false},
		{"no iOS version", "mde", drop("device", "os_version"), want{privacy.P15}, "device.os_version", false},
		{"no user", "mde", drop("account", "user_id"), want{privacy.P15}, "account.user_id", false},
		{"no tenant", "mde", drop("account", "tenant_id"), want{privacy.P15}, "account.tenant_id", false},
		{"an empty figure", "mde", in("app.memory", put("app", "memory", object{})), want{privacy.P15}, "events[].app.memory", false},
		{"no time", "mde", in("", drop("", "time")), want{privacy.P15}, "events[].time", false},
	} {
		guid := 50.0
		if tt.contract == "mde-2024" {
			guid = 100
		}
		st := streams[guid]
		if st == nil {
			st = newStream(livelyFleet(t, 7, guid), 2500)
			streams[guid] = st
		}
		var found []privacy.Violation
		a := privacy.NewAuditor(contract(t, tt.contract), privacy.Options{Report: func(v privacy.Violation) { found = append(found, v) }})
		r := a.Reader(st.settings)
		done, after := false, 0
		for i, raw := range st.docs {
			if tt.contract == "atp-2020" && bytes.Contains(raw, []byte(`"web":`)) {
				continue // it has other fields for a site
			}
			var doc object
			// Not the first ones: what must not change must have been seen.
			if i > 70 && !done {
				if err := json.Unmarshal(raw, &doc); err != nil {
					t.Fatal(err)
				}
				s, _ := st.settings(st.devices[i])
				if done = !(tt.refuser && s.OptionalDiag) && tt.change(doc); done {
					raw, _ = json.Marshal(doc)
				}
			}
			if mutated := done && after == 0; tt.contract == "atp-2020" && !mutated && bytes.Contains(raw, []byte(`"web.threat"`)) {
				continue // that nothing was done to
			}
			r.Upload(raw)
			if done {
				if after++; after == 200 {
					break
				}
			}
		}
		if !done {
			t.Errorf("%s: no upload to try it on", tt.name)
			continue
		}
		var got want
		for _, v := range found {
			if !slices.Contains(got, v.Invariant) {
				got = append(got, v.Invariant)
			}
		}
		slices.Sort(got)
		slices.Sort(tt.want)
		if !slices.Equal(got, tt.want) || found[0].Field != tt.field {
			t.Errorf("%s: caught as %v, first %v; want %v at %s", tt.name, got, found, tt.want, tt.field)
		}
	}
}

// stream is the uploads of a fleet.
type stream struct {
	docs     [][]byte
	devices  []fleet.GUID // of docs
	settings func(fleet.GUID) (privacy.Settings, bool)
}

func newStream(m *sim.Model, n int) *stream {
	st := &stream{settings: settingsOf(m)}
	uploads(m, n, func(doc []byte, d *fleet.Device) {
		st.docs = append(st.docs, doc)
		st.devices = append(st.devices, d.EntraID)
	})
	return st
}

// TestSink holds a capture to the tenant whose sink it is from.
func TestSink(t *testing.T) {
	m := livelyFleet(t, 3, 100)
	mine := m.Fleet.Tenants()[1].ID
	var wrong int64
	a := privacy.NewAuditor(contract(t, "mde"), privacy.Options{Tenant: &mine})
	r := a.Reader(nil)
	uploads(m, 3000, func(doc []byte, d *fleet.Device) {
		if d.TenantID != mine {
			wrong++
		}
		r.Upload(doc)
	})
	res := a.Finish()
	if got := res.Findings[privacy.P11]; got.Violations != wrong || got.Coverage != privacy.Checked || res.Violations != wrong || wrong == 0 {
		t.Errorf("P11 = %+v of %d violations, want %d, checked", got, res.Violations, wrong)
	}
}

// TestPeriod leaves out what must come from time to time.
func TestPeriod(t *testing.T) {
	m := livelyFleet(t, 3, 100)
	last := map[string]time.Time{}
	var found []privacy.Violation
	a := privacy.NewAuditor(contract(t, "mde"), privacy.Options{Period: 20 * time.Hour, Report: func(v privacy.Violation) { found = append(found, v) }})
	r := a.Reader(nil)
	victim := ""
	uploads(m, 10_000, func(raw []byte, _ *fleet.Device) {
		var doc object
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		id := at(doc, "account")["device_id"].(string)
		if victim == "" {
			victim = id
		}
		if id == victim {
			doc["events"] = slices.DeleteFunc(doc["events"].([]any), func(e any) bool { return e.(object)["kind"] == "app.memory" })
			if len(doc["events"].([]any)) == 0 {
				return
			}
		}
		for _, e := range doc["events"].([]any) {
			when, _ := time.Parse(time.RFC3339, e.(object)["time"].(string))
			last[id] = when
		}
		out, _ := json.Marshal(doc)
		r.Upload(out)
	})
	res := a.Finish()
	if len(found) != 1 || found[0].Invariant != privacy.P15 || found[0].Device.String() != victim || found[0].Field != "events[].app.memory" {
		t.Errorf("found %v, want one P15 about the memory of %s", found, victim)
	}
	if f := res.Findings[privacy.P15]; f.Coverage != privacy.Checked {
		t.Errorf("P15 with a period is %q, want checked", f.Coverage)
	}
}

// TestFindings says for each invariant what an audit could see, and how.
func TestFindings(t *testing.T) {
	m := livelyFleet(t, 1, 100)
	for _, tt := range []struct {
		contract string
		settings func(fleet.GUID) (privacy.Settings, bool)
		want     string // coverage of P01 to P15, checked, in part, not checked, - not in force
	}{
		{"mde", settingsOf(m), "ccc-cicccciicci"},
		{"mde", nil, "cnc-ciccniiicci"},
		{"atp-2020", settingsOf(m), "c--ccicccciicci"},
	} {
		a := privacy.NewAuditor(contract(t, tt.contract), privacy.Options{})
		r := a.Reader(tt.settings)
		uploads(m, 400, func(doc []byte, _ *fleet.Device) { r.Upload(doc) })
		got := ""
		for _, f := range a.Finish().Findings {
			got += string(map[privacy.Coverage]string{privacy.Checked: "c", privacy.InPart: "i", privacy.NotChecked: "n", privacy.NotInForce: "-"}[f.Coverage])
			if (f.Why == "") != (f.Coverage == privacy.Checked) {
				t.Errorf("%v is %q because %q", f.Invariant, f.Coverage, f.Why)
			}
		}
		if got != tt.want {
			t.Errorf("%s: coverage %s, want %s", tt.contract, got, tt.want)
		}
	}
}

// TestConcurrentReaders audits each partition of a fleet in a goroutine of its own.
func TestConcurrentReaders(t *testing.T) {
	m := livelyFleet(t, 5, 50)
	a := privacy.NewAuditor(contract(t, "mde"), privacy.Options{})
	lists := make([][][]byte, 4)
	uploads(m, 4000, func(doc []byte, d *fleet.Device) { lists[d.Index%4] = append(lists[d.Index%4], doc) })
	done := make(chan int64)
	for _, docs := range lists {
		go func() {
			r := a.Reader(nil)
			for _, doc := range docs {
				r.Upload(doc)
			}
			done <- int64(len(docs))
		}()
	}
	var n int64
	for range lists {
		n += <-done
	}
	if res := a.Finish(); res.Documents != n || res.Violations != 0 || res.Devices != 60 {
		t.Errorf("%d documents of %d devices with %d violations, want %d of 60 with none", res.Documents, res.Devices, res.Violations, n)
	}
}

// TestNoValueInMessages: an audit must not spread what should not have been sent.
func TestNoValueInMessages(t *testing.T) {
	const secret = "very-secret"
	var said strings.Builder
	a := privacy.NewAuditor(contract(t, "mde"), privacy.Options{Report: func(v privacy.Violation) { fmt.Fprintf(&said, "%+v\n", v) }})
	a.Reader(nil).Upload([]byte(`{"v":"` + secret + `","device":{"cpu":"` + secret + `","id":{"guid":"` + secret + `"}},"account":{"upn":"` + secret +
		`"},"app":{"name":"` + secret + `"},"events":[{"kind":"` + secret + `","web":{"domain":"a/` + secret + `"},"feedback":{"type":"` + secret + `"}}]}`))
	if n := strings.Count(said.String(), "\n"); n < 8 {
		t.Errorf("%d violations, want 8 or more", n)
	}
	if strings.Contains(said.String(), secret) {
		t.Errorf("a message has the value:\n%s", said.String())
	}
}
