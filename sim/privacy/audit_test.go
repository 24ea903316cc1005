package privacy_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	"drover/sim/fleet"
	"drover/sim/privacy"
)

// FuzzAuditor gives the auditor anything: it must not panic, must take as unreadable exactly what is no JSON, and must
// find the same in the same document twice.
func FuzzAuditor(f *testing.F) {
	uploads(livelyFleet(f, 1, 50), 300, func(doc []byte, _ *fleet.Device) { f.Add(doc) })
	for _, s := range []string{
		``, `[]`, `{}`, `{"events":[{},1,[]]}`, `{"v":01}`, `{"v":1}x`, `{"a":"\u12"}`, `{"a":"\ud800"}`, `{"a":[1,]}`, `{"a":1,}`, `{,}`,
		`{"v":-1e9,"device":null}`, `{"diag":{"features":{"a":[1]}}}`, "{\"a\":\"\xff\"}", `{"events":[{"diag":{"features":{"a":{"b":"x://y"}}}}]}`,
	} {
		f.Add([]byte(s))
	}
	c := contract(f, "mde")
	f.Fuzz(func(t *testing.T, doc []byte) {
		audit := func() (found []string, res privacy.Result) {
			a := privacy.NewAuditor(c, privacy.Options{Report: func(v privacy.Violation) { found = append(found, v.String()) }})
			a.Reader(func(fleet.GUID) (privacy.Settings, bool) { return privacy.Settings{Private: true}, true }).Upload(doc)
			return found, a.Finish()
		}
		first, res := audit()
		if second, _ := audit(); !slices.Equal(first, second) {
			t.Errorf("found %q, then %q", first, second)
		}
		if int64(len(first)) != res.Violations {
			t.Errorf("%d violations were told, %d counted", len(first), res.Violations)
		}
		deep := bytes.Count(doc, []byte("[")) + bytes.Count(doc, []byte("{"))
		if valid := json.Valid(doc) && utf8.Valid(doc); valid != (res.Unreadable == 0) && deep < 90 {
			t.Errorf("valid JSON %v, but unreadable %d: %q", valid, res.Unreadable, first)
		}
	})
}

func TestUnreadable(t *testing.T) {
	deep := bytes.Repeat([]byte(`{"a":`), 5000)
	for _, doc := range [][]byte{nil, []byte(`{"v":1`), []byte(`not json`), []byte(`{"v":1}{}`), deep} {
		var found []privacy.Violation
		a := privacy.NewAuditor(contract(t, "mde"), privacy.Options{Report: func(v privacy.Violation) { found = append(found, v) }})
		a.Reader(nil).Upload(doc)
		if res := a.Finish(); res.Unreadable != 1 || len(found) == 0 || found[len(found)-1].Invariant != privacy.P13 {
			t.Errorf("audit of %.20q: %d unreadable, %v; want one, as P13", doc, res.Unreadable, found)
		}
	}
}

func BenchmarkUpload(b *testing.B) {
	m := livelyFleet(b, 1, 50)
	var docs [][]byte
	var size int64
	events := 0
	uploads(m, 2000, func(doc []byte, _ *fleet.Device) {
		docs = append(docs, doc)
		size += int64(len(doc))
		events += bytes.Count(doc, []byte(`"seq":`))
	})
	r := privacy.NewAuditor(contract(b, "mde"), privacy.Options{}).Reader(settingsOf(m))
	b.SetBytes(size / int64(len(docs)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		r.Upload(docs[n%len(docs)])
		n++
	}
	b.ReportMetric(float64(events)/float64(len(docs)), "events/op")
}
