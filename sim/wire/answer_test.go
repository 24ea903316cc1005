package wire

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"drover/sim/event"
)

func testAnswer() *Answer {
	return &Answer{
		Accepted: 22, Duplicates: 2,
		Verdicts: []Verdict{
			{Seq: 7, Known: true, Category: event.Phishing, Score: 0.97},
			{Seq: 8, Known: true, Category: event.Benign, Score: 0.02},
			{Seq: 9},
		},
		Refused: []Refusal{{Seq: 10, Reason: []byte(`the "id" is taken`)}},
	}
}

func TestAnswerRoundTrip(t *testing.T) {
	const want = `{"accepted":22,"duplicates":2,"verdicts":[` +
		`{"seq":7,"verdict":"malicious","category":"phishing","score":0.97},` +
		`{"seq":8,"verdict":"benign","category":"benign","score":0.02},{"seq":9,"verdict":"unknown"}],` +
		`"refused":[{"seq":10,"reason":"the \"id\" is taken"}]}`
	b := AppendAnswer(nil, testAnswer())
	if string(b) != want {
		t.Errorf("AppendAnswer = %s, want %s", b, want)
	}
	// Of an earlier answer.
	a := Answer{Accepted: 9, Duplicates: 9, Unsure: true, Verdicts: make([]Verdict, 9), Refused: make([]Refusal, 9), Again: make([]Refusal, 9)}
	if err := DecodeAnswer(b, &a); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(testAnswer(), &a, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("DecodeAnswer (-sent +decoded):\n%s", diff)
	}
}

func TestDecodeAnswer(t *testing.T) {
	deep := strings.Repeat(`[`, 200) + strings.Repeat(`]`, 200)
	for _, tt := range []struct {
		body string
		want Answer
		err  string
	}{
		{body: `{"accepted":3}`, want: Answer{Accepted: 3}},
		// A backend may say more than we asked.
		{body: `{"id":"x","n":[1,-2.5e3,{"a":null,"b":[true,false,"\n"]}],"accepted":1,"o":{},"l":[]}`, want: Answer{Accepted: 1}},
		{body: `{"accepted":1,"verdicts":[{"seq":1,"why":{"rule":2},"verdict":"benign"}]}`,
			want: Answer{Accepted: 1, Verdicts: []Verdict{{Seq: 1, Known: true}}}},
		// What comes with "unknown" means nothing.
		{body: `{"accepted":1,"verdicts":[{"seq":1,"verdict":"unknown","category":"malware","score":1}]}`,
			want: Answer{Accepted: 1, Verdicts: []Verdict{{Seq: 1}}}},
		{body: ``, err: `offset 0: want an object`},
		{body: `{}`, err: `offset 1: accepted: is missing`},
		{body: `OK`, err: `offset 0: want an object`},
		{body: `{"accepted":1}{}`, err: `offset 14: more follows the end of the document`},
		{body: `{"accepted":true}`, err: `offset 12: accepted: want a whole number from 0 to 4294967295`},
		{body: `{"accepted":1,"accepted":2}`, err: `offset 14: accepted: occurs twice`},
		{body: `{"accepted":1,"verdicts":[{"seq":1,"verdict":"evil"}]}`, err: `offset 52: verdicts[0].verdict: want "malicious", "benign" or "unknown"`},
		{body: `{"accepted":1,"verdicts":[{"seq":1,"verdict":"malicious"}]}`, err: `offset 57: verdicts[0].category: is missing for a malicious verdict`},
		{body: `{"accepted":1,"verdicts":[{"seq":1,"verdict":"malicious","category":"benign"}]}`, err: `offset 77: verdicts[0].category: contradicts the verdict`},
		{body: `{"accepted":1,"verdicts":[{"seq":1,"verdict":"benign","category":"c2"}]}`, err: `offset 70: verdicts[0].category: contradicts the verdict`},
		{body: `{"accepted":1,"verdicts":[{"verdict":"benign"}]}`, err: `offset 45: verdicts[0].seq: is missing`},
		{body: `{"accepted":1,"x":` + deep + `}`, err: `offset 118: nested too deep`},
		{body: `{"accepted":1,"x":nul}`, err: `offset 18: want null`},
		{body: `{"accepted":1,"x":{1:2}}`, err: `offset 19: want the name of a field`},
		{body: `{"accepted":1,"x":[1 2]}`, err: `offset 21: want a comma or an end`},
		{body: "{\"accepted\":1,\"x\":\"\xff\"}", err: `offset 19: not UTF-8`},
	} {
		var a Answer
		err := DecodeAnswer([]byte(tt.body), &a)
		switch {
		case tt.err != "":
			if err == nil || err.Error() != tt.err {
				t.Errorf("DecodeAnswer(%s) = %v, want %s", tt.body, err, tt.err)
			}
		case err != nil:
			t.Errorf("DecodeAnswer(%s) = %v", tt.body, err)
		case !cmp.Equal(a, tt.want, cmpopts.EquateEmpty()):
			t.Errorf("DecodeAnswer(%s) = %+v, want %+v", tt.body, a, tt.want)
		}
	}
}

// TestShortAnswer: what short reads, decode reads alike, and whatever it leaves to decode it has not touched.
func TestShortAnswer(t *testing.T) {
	for _, tt := range []struct {
		body  string
		short bool
	}{
		{`{"accepted":1}`, true},
		{`{"accepted":0,"duplicates":0}`, true},
		{`{"accepted":999999999,"duplicates":12}`, true},
		{`{"accepted":4294967295}`, false}, // decode takes it
		{`{"accepted":01}`, false},
		{`{"accepted":1,"duplicates":00}`, false},
		{`{"accepted":-1}`, false},
		{`{"accepted":1.0}`, false},
		{`{"accepted":}`, false},
		{`{"accepted":1,"duplicates":}`, false},
		{`{"accepted":1,"accepted":1}`, false},
		{`{"duplicates":1}`, false},
		{`{"accepted":1`, false},
		{`{"accepted":1}}`, false},
		{`{"accepted":1} `, false},
		{`{"accepted":1,"duplicates":2`, false},
		{`{"accepted":1,"duplicates":2,"refused":[]}`, false},
		{`{"accepted":18446744073709551617}`, false},
		{`{"accept`, false},
		{``, false},
	} {
		var short, whole Answer
		if got := short.short([]byte(tt.body)); got != tt.short {
			t.Errorf("short(%s) = %t, want %t", tt.body, got, tt.short)
		}
		if err := whole.decode([]byte(tt.body)); tt.short && (err != nil || !cmp.Equal(short, whole)) || !tt.short && !cmp.Equal(short, Answer{}) {
			t.Errorf("short(%s) reads %+v, decode %+v, %v", tt.body, short, whole, err)
		}
	}
}

func FuzzDecodeAnswer(f *testing.F) {
	f.Add(AppendAnswer(nil, testAnswer()))
	f.Add(AppendAnswer(nil, &Answer{Accepted: 1}))
	f.Add([]byte(`{"accepted":1,"x":[1,-2.5e3,{"a":null,"b":[true,false,"\n"]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var a, again, whole Answer
		if again.short(body) && (whole.decode(body) != nil || !cmp.Equal(again, whole)) {
			t.Fatalf("%q is read as %+v, should be %+v", body, again, whole)
		}
		if err := DecodeAnswer(body, &a); err != nil {
			if e := (*Error)(nil); !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(body) || e.Msg == "" {
				t.Fatalf("error %#v of %d bytes", err, len(body))
			}
			return
		}
		if !json.Valid(body) {
			t.Fatalf("DecodeAnswer takes what is not JSON: %q", body)
		}
		b := AppendAnswer(nil, &a)
		if err := DecodeAnswer(b, &again); err != nil || !cmp.Equal(a, again, cmpopts.EquateEmpty()) {
			t.Fatalf("%s\nencoded again is\n%s: %v", body, b, err)
		}
	})
}

func BenchmarkDecodeAnswer(b *testing.B) {
	body := AppendAnswer(nil, testAnswer())
	var a Answer
	b.ReportAllocs()
	for b.Loop() {
		if err := DecodeAnswer(body, &a); err != nil {
			b.Fatal(err)
		}
	}
}
