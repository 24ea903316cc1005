package sim

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/wire"
)

var (
	reserved      = regexp.MustCompile(`(?:^|\.)(?:test|example|invalid)$`)
	documentation = regexp.MustCompile(`^(?:192\.0\.2|198\.51\.100|203\.0\.113)\.[0-9]+$`)
	address       = regexp.MustCompile(`^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$`)
	number        = regexp.MustCompile(`^[0-9.-]+$`)
)

// notHosts have dots and are no hosts: keys of attributes and the address of their schema, bundles and types of CloudEvents, in reverse order, versions and clock times, files, members of Swift
// types.
var notHosts = regexp.MustCompile(`^(?:com\.(?:apple|microsoft)|test\.sim)\.|^opentelemetry\.io$|^.?(?:app|defender|device|drover|exception|host|log|network|os|process|server|service|url|user)\.[a-z_.]+.?$|\.(?:dylib|framework|appex|app|plist|ips|swift|mm?)$|^[0-9]+(?:\.[0-9]+)*[A-Za-z]?$|^[0-9T.-]+Z$|^[A-Z][A-Za-z]*\.[a-z][A-Za-z]*$`)

// lookout looks for hosts. It keeps the words that it found to be none that are real, for they come again and again.
type lookout map[string]bool

// stray returns, but for the user names of mail addresses, what looks like a host or an address in text and is not reserved for tests or documentation.
func (fine lookout) stray(text []byte) (found []string) {
	in := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	for at := 0; ; {
		dot := bytes.IndexByte(text[at:], '.')
		if dot < 0 {
			return found
		}
		from := at + dot
		to := from
		for from > at && in(text[from-1]) {
			from--
		}
		for to < len(text) && in(text[to]) {
			to++
		}
		at = to
		word := bytes.Trim(text[from:to], ".")
		if fine[string(word)] || bytes.IndexByte(word, '.') < 0 || to < len(text) && text[to] == '@' {
			continue
		}
		s := string(word)
		_, kind := event.ParseKind(s)
		switch {
		case address.MatchString(s):
			fine[s] = documentation.MatchString(s)
		default:
			fine[s] = kind || reserved.MatchString(s) || notHosts.MatchString(s) || number.MatchString(s)
		}
		if !fine[s] {
			found = append(found, s)
		}
	}
}

// writer is a way to put uploads on the wire.
type writer struct {
	*wire.Adapter
	text  []byte // of the last request: all that it says
	hosts int    // that were seen in texts
}

// writers are all ways in which a run can put uploads on the wire: drover's own requests in every format, and those of every
// adapter. parsed keeps what was parsed for that, by its text.
func writers(t *testing.T, m *Model, parsed map[string]*scenario.Scenario) map[string]*writer {
	t.Helper()
	list := map[string]*writer{}
	c := wire.Constants{Run: "r", Send: m.Behavior.Sends.All}
	for name, format := range wire.Formats {
		list["format "+name] = &writer{Adapter: writing(format(&c))}
	}
	for _, name := range scenario.Adapters() {
		url := "http://127.0.0.1:1"
		if name == "otlp-grpc" {
			url = "grpc://127.0.0.1:1"
		}
		text := strings.NewReplacer("url: embedded", "url: "+url+", adapter: "+name, "WEB", "{}", "SETTINGS", "{}", "VISITS", "1").Replace(surfing) +
			"  privacy: {contract: " + m.Scenario.Contract.Name + "}\n"
		if parsed[text] == nil {
			parsed[text] = parseText(t, text)
		}
		list["adapter "+name] = &writer{Adapter: parsed[text].Target.Adapter.Adapter(c)}
	}
	// In protobuf a tag may follow a name without a gap; format otlp-json has the same names.
	maps.DeleteFunc(list, func(_ string, w *writer) bool { return w.Ops[measure.Upload].Binary })
	if len(list) < 3+6 {
		t.Fatalf("there are only %d ways to write an upload", len(list))
	}
	return list
}

// Nothing that any shipped scenario sends, whatever the kind of event, in every format and through every adapter, names a host or an
// address that could be real: in the body, the place or the headers. And what is visited is in the scenario's zone.
func TestOutputStaysReserved(t *testing.T) {
	seen := 0
	look, parsed := lookout{}, map[string]*scenario.Scenario{}
	for _, name := range scenario.Shipped() {
		t.Run(name, func(t *testing.T) {
			sc, err := scenario.Load(name, scenario.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for i := range sc.Plans {
				sc.Plans[i].Crashes.Form = event.BothForms
			}
			m := model(t, sc)
			all := writers(t, m, parsed)
			filler := behavior.NewFiller(&m.Behavior)
			visited := 0
			s := NewSchedule(m, partitions(m))
			var kinds [event.NumKinds]int
			var a Arrival
			for n := 0; n < 60_000 && s.Next(&a); n++ {
				fresh := false
				crashes := 0
				for _, it := range a.Upload.Items {
					if it.Kind == event.Crash {
						crashes = kinds[it.Kind]
					}
					kinds[it.Kind]++
					fresh = fresh || kinds[it.Kind] <= 20 || it.Kind == event.WebThreat && kinds[it.Kind] <= 200
				}
				if !fresh {
					continue
				}
				some := all
				if crashes > 3 { // tens of kilobytes of the same text
					some = map[string]*writer{"format native": all["format native"]}
				}
				names := write(some, filler, &a, m)
				for _, host := range names {
					if !strings.HasSuffix(host, "."+sc.Zone.String()) {
						t.Fatalf("%s is not in the zone", host)
					}
				}
				for name, w := range some {
					if found := look.stray(w.text); len(found) > 0 {
						slices.Sort(found)
						t.Fatalf("%s: an upload with %v names %q", name, a.Upload.Items, slices.Compact(found))
					}
					for _, host := range names {
						visited++
						if bytes.Contains(w.text, []byte(host)) {
							w.hosts++
						}
					}
				}
			}
			for name, w := range all {
				seen += w.hosts
				if w.hosts < visited/len(all) || w.hosts == 0 {
					t.Errorf("%s: only %d hosts to look at, of %d visited", name, w.hosts, visited/len(all))
				}
			}
		})
	}
	if least := 10_000; seen < least {
		t.Errorf("only %d hosts to look at, want %d", seen, least)
	}
}

// write has the writers make the request, and returns the hosts that its events are about. Each event is made once, for all.
func write(all map[string]*writer, f *behavior.Filler, a *Arrival, m *Model) (hosts []string) {
	key := []byte("00000000-0000-8000-8000-000000000000")
	d := f.Begin(&a.Upload)
	for _, w := range all {
		w.text = w.Ops[a.Op].Begin(w.text[:0], d, m.Behavior.Sends.All)
	}
	var e event.Event
	for i := range a.Upload.Items {
		then := f.Fill(&e, i)
		for _, w := range all {
			w.text = w.Ops[a.Op].Event(w.text, i, then, &e)
		}
		if e.Has&(1<<event.WebDomain) != 0 {
			hosts = append(hosts, e.Web.Host.String())
		}
	}
	for _, w := range all {
		x := &w.Ops[a.Op]
		w.text = x.End(w.text, 0)
		for _, more := range []wire.Text{x.Place, x.Header} {
			if more != nil {
				w.text = more(append(w.text, '\n'), d, &e, key)
			}
		}
		w.text = append(append(w.text, '\n'), x.Path...)
	}
	return hosts
}

func TestStray(t *testing.T) {
	for text, want := range map[string]int{
		`"domain":"a.top.sim.test","remote_ip":"192.0.2.7","upn":"a@contoso.example"`: 0,
		`"domain":"a.top"`: 1, `"upn":"a@contoso.com"`: 1, `"upn":"ann.lee@contoso.example"`: 0, `{"x":"https://evil.test.com/a"}`: 1, `"ip":"10.0.0.1"`: 1,
		`"192.0.2.7.sim.test"`: 0, "A sentence. And a.name.": 1, "a.sim.test b.net": 1, "x.org": 1, `"kind":"web.threat"`: 0,
	} {
		if got := (lookout{}).stray([]byte(text)); len(got) != want {
			t.Errorf("stray(%s) = %q, want %d", text, got, want)
		}
	}
}
