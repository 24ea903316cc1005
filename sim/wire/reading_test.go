package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
)

// reading is what a backend's answer to an upload of three events, seq 5 to 7, comes to.
func reading(g *Reading, status int, body string) (measure.Class, Answer, error) {
	class := measure.OK
	if status >= 300 {
		class = measure.Status400
	}
	var a Answer
	r := Reply{Class: class, Status: status, Body: []byte(body), FirstSeq: 5, Events: 3, IDs: [][16]byte{guid(1), guid(2), guid(3)}}
	c, err := g.Reader()(&r, &a)
	return c, a, err
}

func place(s string) Place { p, _ := ParsePlace(s); return p }

func TestReading(t *testing.T) {
	bulk := &Reading{Items: &Items{List: place("items"), Status: place("*.status"), OK: []Span{{200, 299}, {409, 409}}, Reason: place("*.error.reason")}}
	hec := &Reading{Statuses: []Span{{200, 200}}, Say: place("code"), Yes: []string{"0"}}
	for _, tt := range []struct {
		name   string
		g      *Reading
		status int
		body   string
		class  measure.Class
		took   int
		no     []uint32
		err    string
	}{
		{"the status says it all", &Reading{}, 204, "", measure.OK, 3, nil, ""},
		{"another status than was named", &Reading{Statuses: []Span{{200, 201}}}, 204, "", measure.Rejected, 0, nil, "status 204"},
		{"a status of failure that means success", &Reading{Statuses: []Span{{200, 200}, {409, 409}}}, 409, "", measure.OK, 3, nil, ""},
		{"refused by its status", hec, 403, `{"code":4}`, measure.Status400, 0, nil, ""},
		{"code 0", hec, 200, `{"text":"Success","code":0}`, measure.OK, 3, nil, ""},
		{"code 8", hec, 200, `{"text":"Internal server error","code":8}`, measure.Rejected, 3, nil, "code: 8"},
		{"no code", hec, 200, `{}`, measure.BadAnswer, 3, nil, "no code"},
		{"no JSON", hec, 200, `<html>`, measure.BadAnswer, 3, nil, "no JSON"},
		{"half of it", hec, 200, `{"code":0`, measure.BadAnswer, 3, nil, "no JSON"},
		{"all created", bulk, 200, `{"errors":false,"items":[{"create":{"status":201}},{"index":{"status":200}},{"create":{"status":409}}]}`, measure.OK, 3, nil, ""},
		{"one refused in a 200", bulk, 200, `{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":400,"error":{"reason":"no"}}},{"create":{"status":201}}]}`, measure.OK, 2, []uint32{6}, ""},
		{"all refused in a 200", bulk, 200, `{"errors":true,"items":[{"create":{"status":429}},{"create":{"status":429}},{"create":{"status":429}}]}`, measure.Rejected, 0, []uint32{5, 6, 7}, "each event"},
		{"too few items", bulk, 200, `{"items":[{"create":{"status":201}}]}`, measure.BadAnswer, 0, nil, "the answer to 3 events has the results of 1"},
		{"an item without a status", bulk, 200, `{"items":[{},{},{}]}`, measure.BadAnswer, 3, nil, "no status"},
		{"no list", bulk, 200, `{"items":{}}`, measure.BadAnswer, 3, nil, "no list"},
	} {
		class, a, err := reading(tt.g, tt.status, tt.body)
		var no []uint32
		for _, r := range a.Refused {
			no = append(no, r.Seq)
		}
		if class != tt.class || a.Accepted != tt.took && class == measure.OK || !slices.Equal(no, tt.no) || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, %d taken, refused %v, %v; want %v, %d, %v, %q", tt.name, class, a.Accepted, no, err, tt.class, tt.took, tt.no, tt.err)
		}
	}
}

// Verdicts are found by position, by seq and by id, in the backend's own words.
func TestReadingVerdicts(t *testing.T) {
	words := map[string]Word{"block": {event.Malware, true}, "allow": {event.Benign, true}}
	for name, tt := range map[string]struct {
		v    Verdicts
		body string
	}{
		"position": {Verdicts{}, `{"r":[{"w":"allow"},{"w":"block","s":0.5},{"w":"maybe"}]}`},
		"seq":      {Verdicts{Seq: place("n")}, `{"r":[{"n":6,"w":"block","s":0.5},{"n":"5","w":"allow"},{"n":7,"w":"maybe"}]}`},
		"id":       {Verdicts{ID: place("id")}, `{"r":[{"id":"` + guid(2).String() + `","w":"block","s":0.5},{"id":"` + guid(1).String() + `","w":"allow"},{"id":"` + guid(3).String() + `","w":null},{"id":"x","w":"block"}]}`},
	} {
		tt.v.List, tt.v.Word, tt.v.Score, tt.v.Words = place("r"), place("w"), place("s"), words
		class, a, err := reading(&Reading{Verdicts: &tt.v}, 200, tt.body)
		got := map[uint32]Verdict{}
		for _, v := range a.Verdicts {
			got[v.Seq] = v
		}
		want := map[uint32]Verdict{5: {Seq: 5, Known: true}, 6: {Seq: 6, Category: event.Malware, Known: true, Score: 0.5}, 7: {Seq: 7}}
		if class != measure.OK || err != nil || len(got) != 3 || got[5] != want[5] || got[6] != want[6] || got[7] != want[7] {
			t.Errorf("%s: %v, %v, %+v; want %+v", name, class, err, got, want)
		}
	}
}

// FuzzReading: whatever a backend says, reading it neither panics nor takes more events than were sent.
func FuzzReading(f *testing.F) {
	g := &Reading{Say: place("a.0.b"), Yes: []string{"1"}, Items: &Items{List: place("items"), Status: place("*.status")}, Verdicts: &Verdicts{List: place("items"), Word: place("w"), Seq: place("n")}}
	f.Add(`{"a":[{"b":1}],"items":[{"x":{"status":200}},{"x":{"status":"200"}},{"x":{"status":4}}]}`)
	f.Add(`{"a":[`)
	f.Fuzz(func(t *testing.T, body string) {
		_, a, _ := reading(g, 200, body)
		if a.Accepted < 0 || a.Accepted+len(a.Refused) > 3 {
			t.Errorf("%d taken and %d refused of 3: %s", a.Accepted, len(a.Refused), body)
		}
	})
}

func TestLookup(t *testing.T) {
	for _, tt := range []struct{ doc, path, want string }{
		{`{"a":{"b":[1,2]}}`, "a.b", "[1,2]"},
		{`{"a":{"b":1},"a.b":2}`, "a.b", "2"},
		{`{"a":{"b.c":1,"b":{"c":2}}}`, "a.b.c", "1"},
		{` { "a" : { "\u0062" : "x" } } `, "a.b", `"x"`},
		{`{"a":null}`, "a", ""},
		{`{"a":null}`, "a.b", ""},
		{`{"a":1}`, "b", ""},
		{`{"a":1}`, "a.b", ""},
		{`{"a":{"b":1},"a.b":null}`, "a.b", ""},
		{`[{"a":1}]`, "a", ""},
		{`{"a":[{"b":1}, {"b":2}]}`, "a.1.b", "2"},
		{`{"a":[{"b":1}]}`, "a.1.b", ""},
		{`{"a":[1,2]}`, "a.1", "2"},
		{`{"a":{"0":{"b":1}}}`, "a.0.b", "1"},
		{`{"a":1,"a":2}`, "a", "2"},
		{``, "a", ""},
	} {
		if got := string(Lookup([]byte(tt.doc), tt.path)); got != tt.want {
			t.Errorf("Lookup(%s, %q) = %s, want %s", tt.doc, tt.path, got, tt.want)
		}
	}
}

// FuzzLookup holds Lookup against encoding/json, for all documents that are well formed, and against nothing but panics for others.
func FuzzLookup(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,2]},"a.b":"\u00e9\ud800"}`), "a.b")
	f.Add([]byte(`{"a":{"b.c":{"":null}}}`), "a.b.c.")
	f.Fuzz(func(t *testing.T, doc []byte, path string) {
		got := Lookup(doc, path)
		if !json.Valid(doc) || !utf8.Valid(doc) || path == "" || bytes.Count(doc, []byte("{"))+bytes.Count(doc, []byte("[")) > 90 {
			return
		}
		raw := json.RawMessage(doc)
		for rest := path; rest != ""; {
			var object map[string]json.RawMessage
			var list []json.RawMessage
			if json.Unmarshal(raw, &list) == nil && list != nil {
				object = map[string]json.RawMessage{}
				if name, _, _ := strings.Cut(rest, "."); name == strconv.Itoa(len(list)-1) { // of a list the last one is enough
					object[name] = list[len(list)-1]
				} else {
					return
				}
			} else if json.Unmarshal(raw, &object) != nil {
				raw = nil
				break
			}
			whole, ok := object[rest]
			if ok {
				raw = whole
				break
			}
			name, after, _ := strings.Cut(rest, ".")
			if raw, rest = object[name], after; raw == nil || rest == "" {
				raw = nil
				break
			}
		}
		if string(raw) == "null" {
			raw = nil
		}
		if !bytes.Equal(got, raw) {
			t.Errorf("Lookup(%s, %q) = %s, want %s", doc, path, got, raw)
		}
	})
}

// Of an upload of which a part was settled before, the items are those of the events that were sent; what asks for one again is neither
// taken nor refused.
func TestReadingOfAPart(t *testing.T) {
	g := &Reading{Items: &Items{List: place("items"), Status: place("s"), Again: []Span{{429, 429}, {503, 503}}}, Verdicts: &Verdicts{List: place("items"), Word: place("w"), ID: place("id"),
		Words: map[string]Word{"bad": {Category: event.Malware, Known: true}}}}
	var a Answer
	seqs := func(list []Refusal) (out []uint32) {
		for _, r := range list {
			out = append(out, r.Seq)
		}
		return out
	}
	for _, tt := range []struct {
		body      string
		class     measure.Class
		no, again []uint32
		say       string
	}{
		{`{"items":[{"s":200,"w":"bad","id":"` + fleet.GUID(guid(1)).String() + `"},{"s":429},{"s":400}]}`, measure.Status429, []uint32{19}, []uint32{12}, "1 of 3 events is to be sent again"},
		{`{"items":[{"s":503},{"s":503},{"s":503}]}`, measure.Status429, nil, []uint32{5, 12, 19}, "3 of 3 events are to be sent again"},
		{`{"items":[{"s":400},{"s":400},{"s":400}]}`, measure.Rejected, []uint32{5, 12, 19}, nil, "each event is refused"},
		{`{"items":[{"s":200},{"s":200},{"s":200}]}`, measure.OK, nil, nil, "<nil>"},
		{`{"items":[{"s":200},{"s":200},{"s":200},{"s":429}]}`, measure.BadAnswer, nil, nil, "the answer to 3 events has the results of 4"},
	} {
		r := Reply{Class: measure.OK, Status: 200, Body: []byte(tt.body), FirstSeq: 5, Events: 3, Seqs: []uint32{5, 12, 19}, IDs: [][16]byte{guid(3), guid(1), guid(2)}}
		class, err := g.Reader()(&r, &a)
		if class != tt.class || (err == nil) != (class == measure.OK) || !strings.Contains(fmt.Sprint(err), tt.say) || !slices.Equal(seqs(a.Refused), tt.no) || !slices.Equal(seqs(a.Again), tt.again) {
			t.Errorf("%s: %v, %v, refused %v, again %v; want %v, %v and %v", tt.body, class, err, seqs(a.Refused), seqs(a.Again), tt.class, tt.no, tt.again)
		}
		if strings.Contains(tt.body, "bad") && (len(a.Verdicts) == 0 || a.Verdicts[0].Seq != 12 || a.Verdicts[0].Category != event.Malware) {
			t.Errorf("verdicts %+v, want malware of seq 12", a.Verdicts)
		}
	}
}

// What is said of the events of a large request is found in about two looks for each of them, in any order, and in theirs nothing is allocated.
func TestReadingVerdictsInAnyOrder(t *testing.T) {
	const n = 2000
	ids := make([][16]byte, n)
	inOrder := make([]int, n)
	for i := range ids {
		binary.BigEndian.PutUint32(ids[i][:], uint32(i)*2654435761)
		inOrder[i] = i
	}
	backwards, mixed := slices.Clone(inOrder), slices.Clone(inOrder)
	slices.Reverse(backwards)
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, k int) { mixed[i], mixed[k] = mixed[k], mixed[i] })
	strangers := slices.Clone(inOrder)
	for i := range strangers {
		if i%2 == 0 {
			strangers[i] = -1
		}
	}
	g := &Reading{Verdicts: &Verdicts{List: place("r"), ID: place("id"), Word: place("w"), Words: map[string]Word{"bad": {event.Malware, true}}}}
	read := g.Reader()
	for _, tt := range []struct {
		name  string
		order []int
		steps int // at most
		free  bool
	}{
		{"in order", inOrder, n, true},
		{"every third", slices.DeleteFunc(slices.Clone(inOrder), func(i int) bool { return i%3 != 0 }), n, true},
		{"backwards", backwards, 3*n + 1, false},
		{"mixed", mixed, 3*n + 1, false},
		{"half of them not known", strangers, 3*n + 1, false},
	} {
		f := finder{ids: ids}
		body, want := []byte(`{"r":[`), []uint32(nil)
		for _, i := range tt.order {
			id := guid(0)
			if i >= 0 {
				id, want = ids[i], append(want, 100+uint32(i))
			}
			if at := f.find(id); at != i {
				t.Fatalf("%s: event %d is found at %d", tt.name, i, at)
			}
			body = fmt.Appendf(body, `{"id":"%X-%X-%x-%x-%x","w":"bad"},`, id[:4], id[4:6], id[6:8], id[8:10], id[10:])
		}
		body = append(body[:len(body)-1], "]}"...)
		if f.steps > tt.steps {
			t.Errorf("%s: %d looks for %d of %d events, want at most %d", tt.name, f.steps, len(tt.order), n, tt.steps)
		}
		r := Reply{Class: measure.OK, Status: 200, Body: body, FirstSeq: 100, Events: n, IDs: ids}
		var a Answer
		class, err := read(&r, &a)
		var got []uint32
		for _, v := range a.Verdicts {
			got = append(got, v.Seq)
		}
		if class != measure.OK || err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, and %d verdicts, want %d", tt.name, class, err, len(got), len(want))
		}
		if allocs := testing.AllocsPerRun(1, func() { read(&r, &a) }); tt.free && allocs > 0 {
			t.Errorf("%s: %v allocations", tt.name, allocs)
		}
	}
}
