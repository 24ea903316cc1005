package wire

import (
	"strings"
	"testing"
	"time"

	"drover/sim/measure"
)

func TestGranted(t *testing.T) {
	place := func(s string) Place {
		p, _ := ParsePlace(s)
		return p
	}
	lasting := &Token{Exchange{Read: (&Reading{Statuses: []Span{{200, 201}}}).Reader()}, Granting{place("data.key"), place("data.ttl")}}
	forever := &Token{lasting.Exchange, Granting{Token: place("data.key")}}
	said := &Token{Exchange{Read: (&Reading{Say: place("ok"), Yes: []string{"true"}}).Reader()}, Granting{Token: place("data.key")}}
	for _, test := range []struct {
		t      *Token
		class  measure.Class // of the protocol
		status int
		body   string
		token  string
		lasts  time.Duration
		want   measure.Class
		why    string
	}{
		{lasting, measure.OK, 200, `{"data":{"key":"abc","ttl":1.5}}`, "abc", 1500 * time.Millisecond, measure.OK, ""},
		{lasting, measure.OK, 200, `{"data":{"key":"abc","ttl":"60"}}`, "abc", time.Minute, measure.OK, ""},
		{forever, measure.OK, 201, `{"data":{"key":"a\"b"}}`, `a"b`, 0, measure.OK, ""},
		{lasting, measure.OK, 200, `{"data":{"key":"abc"}}`, "", 0, measure.BadAnswer, "no number of seconds at data.ttl"},
		{lasting, measure.OK, 200, `{"data":{"key":"abc","ttl":-1}}`, "", 0, measure.BadAnswer, "no number of seconds"},
		{forever, measure.OK, 200, `{"data":{"key":7}}`, "", 0, measure.BadAnswer, "no text at data.key"},
		{forever, measure.OK, 200, `{"data":{"key":""}}`, "", 0, measure.BadAnswer, "no text"},
		{forever, measure.OK, 200, `secret`, "", 0, measure.BadAnswer, "no JSON"},
		{forever, measure.OK, 202, `{"data":{"key":"abc"}}`, "", 0, measure.Rejected, "status 202"},
		{forever, measure.Status401, 401, `secret`, "", 0, measure.Status401, "status 401"},
		{forever, measure.BadAnswer, 200, `{"data":`, "", 0, measure.BadAnswer, "too long"},
		{said, measure.OK, 200, `{"ok":false,"data":{"key":"secret"}}`, "", 0, measure.Rejected, "status 200"},
		{said, measure.OK, 200, `{"ok":true,"data":{"key":"abc"}}`, "abc", 0, measure.OK, ""},
	} {
		token, lasts, class, err := test.t.Granted(test.class, test.status, []byte(test.body))
		text := ""
		if err != nil {
			text = err.Error()
		}
		if token != test.token || lasts != test.lasts || class != test.want || !strings.Contains(text, test.why) || (text == "") != (test.why == "") || strings.Contains(text, "secret") {
			t.Errorf("%d %s: %q for %v, %v, %v; want %q for %v, %v, %q", test.status, test.body, token, lasts, class, err, test.token, test.lasts, test.want, test.why)
		}
	}
}
