package behavior

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"drover/sim/classify"
	"drover/sim/event"
)

var mixed = Sites{Zipf: 1.1, Revisits: 0.25, Hard: 0.3, Listed: 0.8, WrongLabel: 0.02, Unknown: 0.05, Mix: []CategoryMix{
	{Value: event.Phishing, Weight: 60}, {Value: event.Malware, Weight: 20}, {Value: event.C2, Weight: 10}, {Value: event.Scam, Weight: 10},
}}

// judged is a web with the verdicts of the reference.
func judged(t testing.TB, seed uint64, w Sites) *Hosts {
	t.Helper()
	h := NewHosts(seed, w, event.Zone{})
	list, err := classify.NewList(h.List())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Judge(classify.New(classify.Options{Zone: event.DefaultZone, List: list, Model: classify.Shipped()}), list, nil); err != nil {
		t.Fatal(err)
	}
	return h
}

// Every site has a host that may be sent, in the longest zone too, and a URL of printable ASCII; no two planted sites share a
// host, and none is on or below a benign site, or above one.
func TestSites(t *testing.T) {
	longest, err := event.ParseZone(strings.Repeat("z", 55) + ".test")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(4) {
		h := NewHosts(seed, mixed, longest)
		hosts := map[string]bool{}
		for rank := range uint64(benignSites) {
			name := []byte(h.benignHost(rank))
			if _, err := h.zone.Host(name); err != nil {
				t.Fatalf("benign site %d: %v", rank, err)
			}
			if strings.Count(string(name), ".") == 0 {
				t.Fatalf("benign site %q has no suffix", name)
			}
			hosts[string(name)] = true
		}
		if len(hosts) < benignSites*8/10 {
			t.Errorf("%d benign sites have %d names", benignSites, len(hosts))
		}
		v := visitor{cfg: &Config{Hosts: h}}
		above := map[string]bool{} // all that a benign site lies below
		for host := range hosts {
			for _, rest, ok := strings.Cut(host, "."); ok; _, rest, ok = strings.Cut(rest, ".") {
				above[rest] = true
			}
		}
		for i := range h.planted {
			s := &h.planted[i]
			v.hostOf(&visit{site: s}) // panics on a name that is none
			url, n := h.url(s)
			host := string(url[:n])
			if hosts[host] || above[host] {
				t.Errorf("planted site %q is a benign one, too, or there is one below it", host)
			}
			hosts[host] = true
			if !strings.HasPrefix(string(url[n:]), "/") || strings.Trim(string(url), "!\"$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~") != "" {
				t.Fatalf("planted URL %q", url)
			}
			if !Fits(s.category, s.pattern) {
				t.Fatalf("%q: a site of %v with pattern %v", url, s.category, s.pattern)
			}
		}
	}
}

// Every brand has a letter with a lookalike, and each name that can be made of it is a label of a host name.
func TestLookalikes(t *testing.T) {
	for _, brand := range brands {
		for start := range brand {
			for _, lure := range append([]string{""}, lures...) {
				if got := lookalike(brand, start, lure); !strings.HasPrefix(got, "xn--") || len(got) > 63 {
					t.Errorf("lookalike(%q, %d, %q) = %q, want a label in punycode", brand, start, lure, got)
				}
			}
		}
	}
}

// The same seed gives the same sites, another one others, and the shape of the web moves no site that it does not concern.
func TestSitesPure(t *testing.T) {
	urls := func(seed uint64, w Sites) (list []string) {
		h := NewHosts(seed, w, event.Zone{})
		for i := range h.planted {
			url, _ := h.url(&h.planted[i])
			list = append(list, string(url))
		}
		return list
	}
	a := urls(7, mixed)
	if !slices.Equal(a, urls(7, mixed)) {
		t.Error("two webs of one seed differ")
	}
	if slices.Equal(a, urls(8, mixed)) {
		t.Error("two seeds give one web")
	}
	if got, want := a[0], "signin-northwind-refund.northwindhost.com/unlock.html"; got != want {
		t.Errorf("first site of seed 7 is %q, want %q; names of old runs must not change unnoticed", got, want)
	}
	other := mixed
	other.Mix, other.Listed, other.Unknown, other.WrongLabel, other.Late, other.LateWithin = nil, 0.1, 0.5, 0.5, 0.5, time.Hour
	same := 0
	for i, url := range urls(7, other) {
		if url == a[i] {
			same++
		}
	}
	if same != len(a) {
		t.Errorf("with other fates only %d of %d sites are the same", same, len(a))
	}
}

// binomial holds a count against its share within five standard deviations.
func binomial(t *testing.T, what string, got, n, p float64) {
	t.Helper()
	if sd := math.Sqrt(n * p * (1 - p)); math.Abs(got-n*p) > 5*sd+1e-9 {
		t.Errorf("%s: %v of %v, want %.1f within %.1f", what, got, n, n*p, 5*sd)
	}
}

// Sites have the fates, patterns and categories that the knobs say.
func TestFates(t *testing.T) {
	w := mixed
	w.Late, w.LateWithin = 0.2, 10*time.Hour
	w.Patterns = []PatternShare{{Value: event.Combosquat, Weight: 30}, {Value: event.Compromised, Weight: 20}, {Value: event.DGALetters, Weight: 10}, {Value: event.Bait, Weight: 40}}
	h := judged(t, 3, w)
	n := float64(len(h.planted))
	var hard, listed, bad, good, unknown, late, early float64
	var patterns [event.NumPatterns]float64
	for i := range h.planted {
		s := &h.planted[i]
		if s.hard {
			hard++
		}
		if s.category == event.Phishing {
			patterns[s.pattern]++
		}
		if s.turns >= 0 {
			late++
			if s.turns < 5*time.Hour {
				early++
			}
			if s.turns > w.LateWithin || s.truth(s.turns-1) != event.Benign || s.verdict(s.turns-1, true).category != event.Benign || s.truth(s.turns) == event.Benign {
				t.Fatalf("late site %d: %+v", i, s)
			}
		}
		at := w.LateWithin
		found := s.verdict(at, false)
		if s.pattern == event.Compromised { // the list has its page, not its host
			if found.score == 1 {
				t.Fatalf("compromised site %d is listed by its host", i)
			}
			found = s.verdict(at, true)
		}
		switch {
		case !s.known:
			unknown++
			if s.truth(at) != event.Unknown {
				t.Fatalf("site %d: truth %v", i, s.truth(at))
			}
		case s.listed == wronglyBad:
			bad++
			if s.truth(at) != event.Benign || found.category != s.category || found.score != 1 {
				t.Fatalf("harmless site %d on the list: truth %v, verdict %v", i, s.truth(at), found)
			}
		case s.listed == wronglyGood:
			good++
			if s.truth(at) != s.category || found.category != event.Benign {
				t.Fatalf("malicious site %d that the list lets through: truth %v, verdict %v", i, s.truth(at), found)
			}
		case s.listed == listedBad:
			listed++
			if s.truth(at) != s.category || found.category != s.category || found.score != 1 {
				t.Fatalf("listed site %d: truth %v, verdict %v", i, s.truth(at), found)
			}
		}
	}
	const share = 20.0 / 50 // of phishing: compromised
	binomial(t, "hard sites", hard, n, w.Hard)
	binomial(t, "unknown", unknown, n, w.Unknown)
	binomial(t, "late", late, n, w.Late*(1-w.WrongLabel/2))
	binomial(t, "late in the first half", early, late, 0.5)
	binomial(t, "harmless on the list", bad, n, w.WrongLabel/2*(1-w.Unknown))
	binomial(t, "malicious let through", good, n, w.WrongLabel/2*(1-w.Unknown))
	binomial(t, "listed", listed, n, w.Listed*(1-w.WrongLabel)*(1-w.Unknown))
	binomial(t, "combosquats among phishing", patterns[event.Combosquat], plantedOfEach, 30.0/50)
	binomial(t, "compromised among phishing", patterns[event.Compromised], plantedOfEach, share)
}

// Visits go to categories by the mix.
func TestVisitMix(t *testing.T) {
	const n = 100_000
	h := NewHosts(3, mixed, event.Zone{})
	d := newDraws(3, drawVisit, 0, 0)
	var got [event.NumCategories]float64
	for range n {
		got[h.maliciousSite(&d).category]++
	}
	for _, m := range mixed.Mix {
		binomial(t, "visits to "+m.Value.String(), got[m.Value], n, m.Weight/100)
	}
	// A mix that names nothing is phishing, and so is one without weight.
	for _, mix := range [][]CategoryMix{nil, {{Value: event.Scam}}, {{Value: event.Benign, Weight: 1}}} {
		if c := NewHosts(3, Sites{Mix: mix}, event.Zone{}).maliciousSite(&d).category; c != event.Phishing {
			t.Errorf("mix %v: a visit to %v, want phishing", mix, c)
		}
	}
}

// Benign visits have their patterns in the shares that are said, whatever the popularity; three in ten or more are hard.
func TestBenignShares(t *testing.T) {
	const n = 100_000
	for _, zipf := range []float64{0, 1.1, 2} {
		w := mixed
		w.Zipf = zipf
		h := NewHosts(5, w, event.Zone{})
		d := newDraws(5, drawVisit, 0, 0)
		var got [event.NumPatterns]float64
		for range n {
			got[h.kinds[h.popularity.rank(&d)]]++
		}
		hard := got[event.CDN] + got[event.UserSite] + got[event.LoginPage]
		if hard < 0.3*n && zipf < 2 {
			t.Errorf("zipf %v: %.1f %% of benign visits are hard, want 30 at least", zipf, 100*hard/n)
		}
		if zipf > 1.5 { // one site has most of the visits
			continue
		}
		for _, s := range benignShares {
			binomial(t, "benign visits to "+s.Value.String(), got[s.Value], n, s.Weight/100)
		}
	}
}

// A user's visits: a quarter go to favourites, which differ from user to user.
func TestRevisits(t *testing.T) {
	h := NewHosts(5, mixed, event.Zone{})
	flat := mixed
	flat.Revisits = 0
	plain := NewHosts(5, flat, event.Zone{})
	distinct := func(h *Hosts, self uint64) map[uint64]int {
		seen := map[uint64]int{}
		for i := range uint64(400) {
			d := newDraws(self, drawVisit, 0, i)
			seen[h.rank(self, &d)]++
		}
		return seen
	}
	more, other := 0, 0
	for self := range uint64(200) {
		a, b := distinct(h, key(9, self)), distinct(plain, key(9, self))
		if len(a) < len(b) {
			more++
		}
		// A favourite off the beaten track: visited often by this user, and hardly by the next one.
		next := distinct(h, key(10, self))
		for rank, n := range a {
			if rank > 100 && n >= 8 && next[rank] <= 1 {
				other++
				break
			}
		}
	}
	if more < 190 || other < 100 {
		t.Errorf("of 200 users %d come back more often with favourites, and %d have a site of their own; want 190 and 100", more, other)
	}
}

func TestSpread(t *testing.T) {
	for _, k := range []float64{0.05, 0.25, 1, 4, 1000} {
		s := NewSpread(k)
		var mean, square float64
		for _, f := range s.factor {
			mean += f / spreadSize
			square += f * f / spreadSize
		}
		if math.Abs(mean-1) > 1e-9 || !slices.IsSorted(s.factor) {
			t.Errorf("shape %v: mean %v", k, mean)
		}
		if variance := square - 1; math.Abs(variance*k-1) > 0.06 { // 1/k, less what the highest quantiles average out
			t.Errorf("shape %v: variance %v, want %v", k, variance, 1/k)
		}
		for _, share := range []float64{0, 1e-5, 0.03, 0.4, 0.9, 1} {
			const users = 60_000
			var sum, squares float64
			for i := range uint64(users) {
				v := s.of(key(1, i), 0, share)
				if v < 0 || v > 1 || math.IsNaN(v) {
					t.Fatalf("shape %v: share %v of %v", k, v, share)
				}
				sum += v
				squares += v * v
			}
			m := sum / users
			if sd := math.Sqrt(max(0, squares/users-m*m) / users); math.Abs(m-share) > 5*sd+1e-9 {
				t.Errorf("shape %v: mean share %v, want %v within %v", k, m, share, 5*sd)
			}
		}
	}
	// Exponential at shape 1: the median is ln 2.
	if f := NewSpread(1).factor[spreadSize/2]; math.Abs(f-math.Ln2) > 0.001 {
		t.Errorf("median at shape 1 is %v, want %v", f, math.Ln2)
	}
	// P(X < x) at shape 1/4, of gamma(1/4) with mean 1: 0.5 at x = 0.1742 (scipy.stats.gamma.ppf(0.5, 0.25, scale=4)).
	if f := NewSpread(0.25).factor[spreadSize/2]; math.Abs(f-0.1749) > 0.002 {
		t.Errorf("median at shape 0.25 is %v, want about 0.175", f)
	}
	if s := (*Spread)(nil); s.of(1, 0, 0.3) != 0.3 || s.Equal(NewSpread(1)) || !NewSpread(1).Equal(NewSpread(1)) || NewSpread(1).Equal(NewSpread(2)) {
		t.Error("no spread does not make all alike, or equality is wrong")
	}
}

// Draws against the exact weights, by chi-square over the first ranks and the rest.
func TestPopularity(t *testing.T) {
	for _, s := range []float64{0, 0.8, 1, 1.1, 2.5} {
		const n, ranks, head = 400_000, 1000, 50
		p := newPopularity(zipf(ranks, s))
		var total float64
		for i := range ranks {
			total += math.Pow(float64(i+1), -s)
		}
		var got [head + 1]float64
		d := newDraws(1, drawVisit, 0, uint64(s*10))
		for range n {
			r := p.rank(&d)
			if r >= ranks {
				t.Fatalf("s = %v: rank %d of %d", s, r, ranks)
			}
			got[min(r, head)]++
		}
		rest := 1.0
		for i := range head + 1 {
			share := rest
			if i < head {
				share = math.Pow(float64(i+1), -s) / total
				rest -= share
			}
			if sigma := math.Sqrt(n * share * (1 - share)); math.Abs(got[i]-n*share) > 5*sigma {
				t.Errorf("s = %v: rank %d drawn %v times, want %.0f +- %.0f", s, i, got[i], n*share, 5*sigma)
			}
		}
	}
}
