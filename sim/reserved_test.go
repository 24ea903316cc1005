package sim

import (
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

// stray returns, but for the user names of mail addresses, what looks like a host or an address in text and is not reserved for tests or documentation.
func stray(text string) (found []string) {
	in := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	for i := 0; i < len(text); i++ {
		from := i
		for i < len(text) && in(text[i]) {
			i++
		}
		s := strings.Trim(text[from:i], ".")
		if !strings.Contains(s, ".") || i < len(text) && text[i] == '@' {
			continue
		}
		_, kind := event.ParseKind(s)
		switch {
		case address.MatchString(s):
			if !documentation.MatchString(s) {
				found = append(found, s)
			}
		case !kind && !reserved.MatchString(s) && !notHosts.MatchString(s) && !number.MatchString(s):
			found = append(found, s)
		}
	}
	return found
}

// writers are all ways in which a run can put uploads on the wire: drover's own requests in every format, and those of every
// adapter.
func writers(t *testing.T, m *Model) map[string]*wire.Adapter {
	t.Helper()
	list := map[string]*wire.Adapter{}
	c := wire.Constants{Run: "r", Send: m.Behavior.Sends.All}
	for name, format := range wire.Formats {
		list["format "+name] = writing(format(&c))
	}
	for _, name := range scenario.Adapters() {
		url := "http://127.0.0.1:1"
		if name == "otlp-grpc" {
			url = "grpc://127.0.0.1:1"
		}
		sc := parseText(t, strings.NewReplacer("url: embedded", "url: "+url+", adapter: "+name, "WEB", "{}", "SETTINGS", "{}", "VISITS", "1").Replace(surfing)+
			"  privacy: {contract: "+m.Scenario.Contract.Name+"}\n")
		list["adapter "+name] = sc.Target.Adapter.Adapter(c)
	}
	// In protobuf a tag may follow a name without a gap; format otlp-json has the same names.
	maps.DeleteFunc(list, func(_ string, a *wire.Adapter) bool { return a.Ops[measure.Upload].Binary })
	if len(list) < 3+6 {
		t.Fatalf("there are only %d ways to write an upload", len(list))
	}
	return list
}

// Nothing that any shipped scenario sends, whatever the kind of event, in every format and through every adapter, names a host or an
// address that could be real: in the body, the place or the headers. And what is visited is in the scenario's zone.
func TestOutputStaysReserved(t *testing.T) {
	seen := 0
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
			all := writers(t, m)
			filler := behavior.NewFiller(&m.Behavior)
			hosts := map[string]int{} // that were seen, by writer
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
				for writer, x := range all {
					if crashes > 3 && writer != "format native" {
						continue // tens of kilobytes of the same text
					}
					text, names := written(&x.Ops[a.Op], filler, &a, m)
					if found := stray(text); len(found) > 0 {
						slices.Sort(found)
						t.Fatalf("%s: an upload with %v names %q", writer, a.Upload.Items, slices.Compact(found))
					}
					for _, host := range names {
						if !strings.HasSuffix(host, "."+sc.Zone.String()) {
							t.Fatalf("%s is not in the zone", host)
						}
						visited++
						if strings.Contains(text, host) {
							hosts[writer]++
						}
					}
				}
			}
			for writer := range all {
				seen += hosts[writer]
				if hosts[writer] < visited/len(all) || hosts[writer] == 0 {
					t.Errorf("%s: only %d hosts to look at, of %d visited", writer, hosts[writer], visited/len(all))
				}
			}
		})
	}
	if least := 10_000; seen < least {
		t.Errorf("only %d hosts to look at, want %d", seen, least)
	}
}

// written is all that a request says, and the hosts that its events are about.
func written(x *wire.Exchange, f *behavior.Filler, a *Arrival, m *Model) (text string, hosts []string) {
	key := []byte("00000000-0000-8000-8000-000000000000")
	d := f.Begin(&a.Upload)
	body := x.Begin(nil, d, m.Behavior.Sends.All)
	var e event.Event
	for i := range a.Upload.Items {
		then := f.Fill(&e, i)
		body = x.Event(body, i, then, &e)
		if e.Has&(1<<event.WebDomain) != 0 {
			hosts = append(hosts, e.Web.Host.String())
		}
	}
	body = x.End(body, 0)
	for _, more := range []wire.Text{x.Place, x.Header} {
		if more != nil {
			body = more(append(body, '\n'), d, &e, key)
		}
	}
	return string(body) + "\n" + x.Path, hosts
}

func TestStray(t *testing.T) {
	for text, want := range map[string]int{
		`"domain":"a.top.sim.test","remote_ip":"192.0.2.7","upn":"a@contoso.example"`: 0,
		`"domain":"a.top"`: 1, `"upn":"a@contoso.com"`: 1, `"upn":"ann.lee@contoso.example"`: 0, `{"x":"https://evil.test.com/a"}`: 1, `"ip":"10.0.0.1"`: 1,
		`"192.0.2.7.sim.test"`: 0, "A sentence. And a.name.": 1, "a.sim.test b.net": 1, "x.org": 1, `"kind":"web.threat"`: 0,
	} {
		if got := stray(text); len(got) != want {
			t.Errorf("stray(%s) = %q, want %d", text, got, want)
		}
	}
}
