package privacy_test

import (
	"fmt"
	"strings"

	"drover/sim/event"
	"drover/sim/privacy"
)

// values gives a field, and each member of an object, other forms and other values. it is nil for the envelope.
func (m *mutator) values(place string, f privacy.Field, it *privacy.Item) {
	k := event.WebThreat
	if it != nil {
		k = home(it)
	}
	doc, e := m.s.fresh(k)
	in, last := parent(doc, e, place)
	was, had := in[last]
	if !had {
		return // of another contract, or the other identifier
	}
	for _, part := range f.Fields {
		m.values(place+"."+part.Name, part, it)
	}
	// What follows from a value that cannot be read any more.
	may := invariants{privacy.P01, privacy.P02, privacy.P05, privacy.P10, privacy.P12, privacy.P15}
	change := func(what string, value any, want privacy.Invariant, may invariants) {
		doc, e := m.s.fresh(k)
		in, last := parent(doc, e, place)
		in[last] = value
		m.try(fmt.Sprintf("%s is %s", place, what), k, nil, doc, invariants{want}, may)
	}
	object := len(f.Fields) > 0
	for what, value := range map[string]any{"null": nil, "a number": 1.5, "a list": []any{[]any{}}, "an object": map[string]any{"x": 1}, "a word": true} {
		same := what == "an object" && object || what == "a word" && f.Form == privacy.Bool || what == "a number" && f.Form == privacy.Number
		if !same {
			change(what, value, privacy.P13, may)
		}
	}
	text, isText := was.(string)
	url := "https://a.sim.test/x?y#z"
	canary := "at canary-010203040506.com"
	switch {
	case f.Form == privacy.Report:
		return // see reports
	case f.Form == privacy.List:
		change("a list with another value", []any{"Safari", "Other"}, privacy.P13, nil)
		change("a list with a URL", []any{url}, privacy.P07, nil)
		change("a list with a canary", []any{canary}, privacy.P06, invariants{privacy.P13})
		return
	case object:
		for field, want := range map[string]privacy.Invariant{"zz": privacy.P13, "url": privacy.P07, "title": privacy.P07} {
			doc, e := m.s.fresh(k)
			in, last := parent(doc, e, place)
			in[last].(map[string]any)[field] = "x"
			m.try(place+" with "+field, k, nil, doc, invariants{want}, nil)
		}
		if it != nil && it.Needs(privacy.DefenderOnly) {
			doc, e := m.s.fresh(k)
			in, last := parent(doc, e, place)
			in[last].(map[string]any)["bundle_id"] = "com.example.other"
			m.try(place+" with another app", k, nil, doc, invariants{privacy.P08}, nil)
		}
		return
	case !isText:
		change("text", "x", privacy.P13, may)
		change("a URL", url, privacy.P07, append(may, privacy.P13))
		return
	}
	if f.Form == privacy.MetricKit {
		may = append(may, privacy.P13) // and no payload
	}
	change("a URL", url, privacy.P07, may)
	change("a canary", canary, privacy.P06, append(may, privacy.P07, privacy.P08, privacy.P11, privacy.P13, privacy.P14))
	switch {
	case f.Form == privacy.MetricKit:
		change("no payload", "else", privacy.P13, nil)
	case len(f.Values) > 0:
		want := privacy.P13
		switch {
		case it == nil:
		case it.Form == privacy.IPS:
			want = privacy.P14
		case it.Needs(privacy.FeedbackGiven):
			want = privacy.P10
		case it.Name == "app.name":
			want = privacy.P08
		}
		change("another value", "other", want, invariants{privacy.P12}) // a risk that is none is missing
	case f.Form == privacy.GUID:
		change("in capitals", strings.ToUpper(text[:35]+"A"), privacy.P13, may)
		change("cut", text[:35], privacy.P13, may)
	case f.Form == privacy.MAC, f.Form == privacy.IP, f.Form == privacy.Email, f.Form == privacy.Timestamp, f.Form == privacy.Action:
		change("something else", "else", privacy.P13, may)
	case f.Form == privacy.Host:
		for _, more := range []string{"/", "/login", "?q=1", "#top", ":8443", " more"} {
			change("a host and "+more, text+more, privacy.P07, nil)
		}
		change("empty", "", privacy.P13, nil)
	}
	if it != nil && f.Form == privacy.Text && len(f.Values) == 0 {
		switch {
		case it.Needs(privacy.ValueGiven):
			change("empty", "", privacy.P10, nil)
		case it.Needs(privacy.Always):
			change("empty", "", privacy.P15, nil)
		}
	}
}
