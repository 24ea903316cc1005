package ledger

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"slices"
	"strings"
	"testing"
)

const document = `{"v":1,"device":{"os_version":"26.4.2","cpu":{"cores":6}},"account":{"tenant_id":"6f1e0000-0000-4000-8000-000000000001","upn":"a\"b\u00e9\ud83d\ude00@x"},` +
	`"app":{"name":"M"},"events":[{"id":"0a000000-0000-8000-8000-000000000001","seq":7,"score":0.5,"tags":["a","b"],"none":{},"flag":true}]}`

// Documents that say the same have the same print, however they are written.
func TestSamePrint(t *testing.T) {
	p := NewPrinter(maphash.MakeSeed())
	want := p.Document([]byte(document))
	if want.Has != HasID|HasTenant|HasEnvelope|HasEvent || want.ID[0] != 0x0a || want.Tenant[0] != 0x6f {
		t.Fatalf("print %+v", want)
	}
	var spread bytes.Buffer
	if err := json.Indent(&spread, []byte(document), " ", "\t"); err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal([]byte(document), &tree); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.Marshal(tree) // other order, other escapes
	if err != nil {
		t.Fatal(err)
	}
	for _, same := range []string{
		spread.String(), string(sorted), strings.Replace(document, "0.5", "5e-1", 1), strings.Replace(document, `"M"`, `"\u004d"`, 1),
		strings.Replace(document, `"seq":7`, `"seq":7.0`, 1), document + "\n",
	} {
		if got := p.Document([]byte(same)); got != want {
			t.Errorf("%s: %+v, want %+v", same, got, want)
		}
		if d := Differ([]byte(document), []byte(same)); len(d) != 0 {
			t.Errorf("%s differs in %v", same, d)
		}
	}
}

// A difference anywhere is seen, in the half of the print that it belongs to, and named.
func TestOtherPrint(t *testing.T) {
	p := NewPrinter(maphash.MakeSeed())
	want := p.Document([]byte(document))
	for _, tt := range []struct {
		from, to string
		fields   string // that differ
		envelope bool
	}{
		{`"seq":7`, `"seq":8`, "seq", false},
		{`"seq":7`, `"seq":"7"`, "seq", false},
		{`"flag":true`, `"flag":false`, "flag", false},
		{`["a","b"]`, `["b","a"]`, "tags[0] tags[1]", false},
		{`["a","b"]`, `["a"]`, "tags[1]", false},
		{`"seq":7,"score":0.5`, `"seq":0.5,"score":7`, "score seq", false},
		{`"score"`, `"scare"`, "scare score", false},
		{`"26.4.2"`, `"26.4"`, "device.os_version", true},
		{`"cores":6`, `"cores":null`, "device.cpu.cores", true},
	} {
		doc := []byte(strings.Replace(document, tt.from, tt.to, 1))
		got := p.Document(doc)
		if (got.Envelope != want.Envelope) != tt.envelope || (got.Event != want.Event) == tt.envelope || got.Has != want.Has {
			t.Errorf("%s -> %s: %+v, was %+v", tt.from, tt.to, got, want)
		}
		d := Differ([]byte(document), doc)
		if strings.Join(d, " ") != tt.fields && !(tt.to == `"seq":"7"` && len(d) == 1) {
			t.Errorf("%s -> %s: differs in %v, want %s", tt.from, tt.to, d, tt.fields)
		}
	}
	// The tenant is told apart, so that an event in the wrong one is not altered, too.
	moved := p.Document([]byte(strings.Replace(document, "6f1e0000", "77aa0000", 1)))
	if moved.Tenant == want.Tenant || moved.Envelope != want.Envelope || moved.Event != want.Event {
		t.Errorf("another tenant: %+v, was %+v", moved, want)
	}
	single := p.Single([]byte(document[strings.Index(document, `{"id"`) : len(document)-2]))
	if single.Event != want.Event || single.ID != want.ID || single.Has != HasID|HasEvent {
		t.Errorf("the event alone: %+v, want the event of %+v", single, want)
	}
}

// A document that breaks off anywhere is broken, and its ids are found as soon as they are there.
func TestBrokenPrint(t *testing.T) {
	p := NewPrinter(maphash.MakeSeed())
	want := p.Document([]byte(document))
	id := strings.Index(document, `"id":"`) + 42
	tenant := strings.Index(document, `"tenant_id":"`) + 49
	for n := range len(document) {
		got := p.Document([]byte(document[:n]))
		if got.Has&Broken == 0 || (got.Has&HasID != 0) != (n >= id) || n >= id && got.ID != want.ID || n >= tenant && got.Tenant != want.Tenant {
			t.Fatalf("%s: %+v", document[:n], got)
		}
	}
	for _, bad := range []string{"", "{}x", `{"a":01e999}`, `{"a" 1}`, `{a:1}`, `["a" "b"]`, `{"a":"\q"}`, `{"a":"\u12"}`, `nul`, strings.Repeat("[", 100)} {
		if got := p.Document([]byte(bad)); got.Has&Broken == 0 {
			t.Errorf("%q: %+v, want it broken", bad, got)
		}
		if d := Differ([]byte(document), []byte(bad)); !slices.Equal(d, []string{"(cut short)"}) {
			t.Errorf("%q: differs in %v", bad, d)
		}
	}
}

// No document makes the printer panic, and what encoding/json reads, it reads: the same print after a walk through it.
func FuzzPrint(f *testing.F) {
	f.Add([]byte(document))
	f.Add([]byte(`{"events":[{"id":"\ud800"}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		p := NewPrinter(maphash.MakeSeed())
		got := p.Document(doc)
		var tree any
		d := json.NewDecoder(bytes.NewReader(doc))
		d.UseNumber()
		if got.Has&Broken != 0 || !json.Valid(doc) || d.Decode(&tree) != nil || bytes.Contains(doc, []byte(`\u`)) || !bytes.Equal(bytes.ToValidUTF8(doc, nil), doc) || twice(doc) {
			return
		}
		again, err := json.Marshal(tree)
		if err != nil {
			return
		}
		if b := p.Document(again); b != got && b.Has&Broken == 0 {
			t.Errorf("%s: %+v, written anew %s: %+v", doc, got, again, b)
		}
	})
}

// twice reports whether an object may have a member twice: encoding/json keeps the last one, a print has both.
func twice(doc []byte) bool {
	seen := map[string]bool{}
	d := json.NewDecoder(bytes.NewReader(doc))
	for {
		tok, err := d.Token()
		if err != nil {
			return false
		}
		if s, ok := tok.(string); ok {
			if seen[s] {
				return true
			}
			seen[s] = true
		}
	}
}

func BenchmarkPrint(b *testing.B) {
	p := NewPrinter(maphash.MakeSeed())
	doc := []byte(document)
	b.ReportAllocs()
	for b.Loop() {
		p.Document(doc)
	}
}
