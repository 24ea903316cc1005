package behavior

import (
	"math"
	"slices"
	"testing"
	"time"

	"drover/sim/classify"
	"drover/sim/event"
)

// What a device finds is what the classifier says of what it sees: the domain only, or the whole URL.
func TestJudge(t *testing.T) {
	h := judged(t, 5, mixed)
	list, err := classify.NewList(h.List())
	if err != nil {
		t.Fatal(err)
	}
	c := classify.New(classify.Options{Zone: event.DefaultZone, List: list, Model: classify.Shipped()})
	var found, byURL [event.NumPatterns]float64
	var sites [event.NumPatterns]float64
	for i := range h.planted {
		s := &h.planted[i]
		url, n := h.url(s)
		host := string(url[:n]) + ".sim.test"
		for k, text := range [2]string{host, host + string(url[n:])} {
			want := c.Classify([]byte(text))
			if got := s.verdict(0, k == 1); got.category != want.Category || got.score != want.Score {
				t.Fatalf("%s: %v, the classifier says %v", text, got, want)
			}
		}
		sites[s.pattern]++
		if s.verdicts[byHostOnly].category != event.Benign {
			found[s.pattern]++
		}
		if s.verdicts[byWholeURL].category != event.Benign {
			byURL[s.pattern]++
		}
	}
	if p := event.Compromised; found[p] > 0.05*sites[p] || byURL[p] < 0.1*sites[p] {
		t.Errorf("compromised sites: %v found by host, %v by URL, of %v; want hardly any, and many", found[p], byURL[p], sites[p])
	}
	host, url := h.Detected()
	if host < 0.75 || host >= url || url > 0.99 {
		t.Errorf("Detected = %v, %v", host, url)
	}
	// A benign site that the list does not let through is refused.
	empty, _ := classify.NewList(func(func(string, event.Category) bool) {})
	if err := NewHosts(5, mixed, event.Zone{}).Judge(c, empty, nil); err == nil {
		t.Error("Judge takes a list without the benign sites")
	}
	if err := NewHosts(5, mixed, event.Zone{}).Judge(c, list, NewCanaries(1, 3, 3)); err == nil {
		t.Error("Judge takes a list without the canaries")
	}
}

func TestVisitAllocatesNothing(t *testing.T) {
	cfg := &Config{Seed: 1, Plans: []Plan{{Web: Web{MaliciousShare: 0.5, Dispersion: NewSpread(0.25)}}}, Hosts: judged(t, 1, mixed)}
	v := visitor{cfg: cfg}
	at := time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() {
		at += time.Minute
		out := v.visit(key(1, uint64(at)), 0, false, at, 0.5)
		if out.detected() {
			v.hostOf(&out)
		}
	}); n != 0 {
		t.Errorf("a visit allocates %v times, want 0", n)
	}
}

// BenchmarkVisit is what a page view costs a device.
func BenchmarkVisit(b *testing.B) {
	cfg := &Config{Seed: 1, Plans: []Plan{{Web: Web{Dispersion: NewSpread(0.25)}}}, Hosts: judged(b, 1, mixed)}
	v := visitor{cfg: cfg}
	for name, share := range map[string]float64{"benign": 0.004, "malicious": 1} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			at := time.Duration(0)
			for b.Loop() {
				at += time.Minute
				v.visit(key(1, uint64(at)%1000), 0, false, at, share)
			}
		})
	}
}

// BenchmarkHosts is what the web of a scenario costs to make: names, list, verdicts.
func BenchmarkHosts(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		judged(b, 1, mixed)
	}
}

// What the program publishes of its own model: easy sites are easier than hard ones, and what only a path tells no host tells.
func TestExpect(t *testing.T) {
	c := classify.New(classify.Options{Model: classify.Shipped()})
	list := Expect(c)
	if !slices.Equal(list, Expect(c)) {
		t.Error("two samples differ")
	}
	easy := map[event.Pattern]Expectation{}
	for _, e := range list {
		if e.ByHost.Malicious > e.ByHost.Suspicious || e.ByURL.Malicious > e.ByURL.Suspicious || e.ByURL.Suspicious > 1 {
			t.Errorf("%+v: less is suspicious than malicious", e)
		}
		switch {
		case !e.Pattern.Malicious():
			if e.ByHost.Malicious > 0.02 {
				t.Errorf("%v: %.3f of benign hosts are found malicious", e.Pattern, e.ByHost.Malicious)
			}
		case !e.Hard:
			easy[e.Pattern] = e
		case e.ByURL.Malicious > easy[e.Pattern].ByURL.Malicious+0.01:
			t.Errorf("%v: of hard sites %.3f are found, of easy ones %.3f", e.Pattern, e.ByURL.Malicious, easy[e.Pattern].ByURL.Malicious)
		}
	}
	if want := 5 + 2*10; len(list) != want {
		t.Errorf("%d sorts of sites, want %d", len(list), want)
	}
	if e := easy[event.Compromised]; e.ByHost.Malicious > 0.01 || e.ByURL.Malicious < 0.2 {
		t.Errorf("compromised sites: %+v", e)
	}
}

// What Expect publishes is what a web has whose sites are on no list: of each pattern and difficulty, over the categories that it fits
// alike.
func TestExpectIsTrueOfWebs(t *testing.T) {
	type tally struct{ sites, byHost, byURL float64 }
	got := map[Expectation]*[plantedCategory + 1]tally{} // by pattern and difficulty alone
	for seed := range uint64(2) {
		for _, hard := range []float64{0, 1} {
			h := judged(t, seed, Sites{Zipf: 1, Hard: hard, Mix: mixed.Mix})
			for i := range h.planted {
				s := &h.planted[i]
				key := Expectation{Pattern: s.pattern, Hard: s.hard}
				if got[key] == nil {
					got[key] = new([plantedCategory + 1]tally)
				}
				n := &got[key][s.category]
				n.sites++
				if s.verdicts[byHostOnly].category != event.Benign {
					n.byHost++
				}
				if s.verdicts[byWholeURL].category != event.Benign {
					n.byURL++
				}
			}
		}
	}
	checked := 0
	for _, e := range Expect(classify.New(classify.Options{Model: classify.Shipped()})) {
		n := got[Expectation{Pattern: e.Pattern, Hard: e.Hard}]
		if n == nil {
			continue // a benign one
		}
		checked++
		var host, url, fits, variance float64
		for _, n := range n {
			if n.sites > 0 {
				host, url, fits, variance = host+n.byHost/n.sites, url+n.byURL/n.sites, fits+1, variance+0.25/n.sites
			}
		}
		host, url = host/fits, url/fits
		if sigma := math.Sqrt(variance/fits/fits + 0.25/Samples); math.Abs(host-e.ByHost.Malicious) > 5*sigma || math.Abs(url-e.ByURL.Malicious) > 5*sigma {
			t.Errorf("%v, hard %v: %.3f by host and %.3f by URL are found, published are %.3f and %.3f; 5 sigma are %.3f", e.Pattern, e.Hard, host, url, e.ByHost.Malicious, e.ByURL.Malicious, 5*sigma)
		}
	}
	if checked != 20 {
		t.Errorf("%d sorts of sites in the webs, want 20", checked)
	}
}
