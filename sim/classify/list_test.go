package classify

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"drover/sim/event"
)

func testList(t testing.TB) *List {
	t.Helper()
	l, err := NewList(maps.All(map[string]event.Category{
		"rivergarden.com": event.Malware, "safe.rivergarden.com": event.Benign, "HTTPS://www.Quiet.Example:443/": event.C2,
		"b.c.d.e.example": event.Scam, "shared.meadow.org/login/": event.Phishing, "shared.meadow.org/login/help": event.Benign,
		"shared.meadow.org/get?id=7": event.Malware,
	}))
	if err != nil {
		t.Fatal(err)
	}
	if l.Len() != 7 {
		t.Errorf("Len = %d, want 7", l.Len())
	}
	return l
}

func TestListMatch(t *testing.T) {
	l := testList(t)
	for host, want := range map[string]event.Category{
		"rivergarden.com": event.Malware, "a.rivergarden.com": event.Malware, "safe.rivergarden.com": event.Benign,
		"x.safe.rivergarden.com": event.Benign, "quiet.example": event.C2, "z.y.a.b.c.d.e.example": event.Scam,
	} {
		if c, listed := l.Match([]byte(host)); c != want || !listed {
			t.Errorf("Match(%q) = %v, %v; want %v", host, c, listed, want)
		}
	}
	for _, host := range []string{"example", "com", "c.d.e.example", "garden.com", "shared.meadow.org", ""} {
		if c, listed := l.Match([]byte(host)); listed {
			t.Errorf("Match(%q) = %v, want none", host, c)
		}
	}
}

func TestClassifyListed(t *testing.T) {
	r := New(Options{Zone: ".sim.test", List: testList(t)})
	for url, want := range map[string]event.Category{
		"rivergarden.com.sim.test": event.Malware, "login.rivergarden.com/a/b?c": event.Malware, "safe.rivergarden.com": event.Benign,
		"a.safe.rivergarden.com": event.Benign, "otherrivergarden.com": event.Benign, "quiet.example": event.C2, "com": event.Benign,

		"shared.meadow.org": event.Benign, "shared.meadow.org/login": event.Benign, "shared.meadow.org/login/": event.Phishing,
		"shared.meadow.org/login/x/y.php?z": event.Phishing, "a.shared.meadow.org.sim.test:81/login/x": event.Phishing,
		"shared.meadow.org/login/help": event.Benign, "shared.meadow.org/login/help?x": event.Benign, // the longer path decides
		"shared.meadow.org/Login/":   event.Benign,
		"shared.meadow.org/get?id=7": event.Malware, "shared.meadow.org/get?id=8": event.Benign, "shared.meadow.org/get": event.Benign,
	} {
		v := r.Classify([]byte(url))
		if v.Category != want || v.Malicious() && v.Reasons.At(0) != (Reason{"listed", 1}) {
			t.Errorf("Classify(%q) = %v (%v), want %v", url, v.Category, v.Reasons, want)
		}
	}
	if v := r.Classify([]byte("safe.rivergarden.com")); v.Score != 0 || v.Reasons.String() != "allowed" {
		t.Errorf("a harmless listed host = %+v, want score 0 because it is listed", v)
	}
}

// An entry with a query and no path is one of the path "/".
func TestListQueryAlone(t *testing.T) {
	l, err := NewList(maps.All(map[string]event.Category{"shared.meadow.org?id=7": event.Malware}))
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{List: l})
	for url, want := range map[string]event.Category{
		"shared.meadow.org?id=7": event.Malware, "https://shared.meadow.org/?id=7": event.Malware, "shared.meadow.org": event.Benign,
		"shared.meadow.org/?id=8": event.Benign,
	} {
		if v := r.Classify([]byte(url)); v.Category != want {
			t.Errorf("Classify(%q) = %v, want %v", url, v.Category, want)
		}
	}
}

func FuzzNewList(f *testing.F) {
	f.Add("a.b?c", "a.b/?c")
	f.Add("a.b:81/c/", "x.a.b:82/c/d")
	f.Fuzz(func(t *testing.T, entry, url string) {
		l, err := NewList(maps.All(map[string]event.Category{entry: event.Scam}))
		if err != nil {
			return
		}
		r := New(Options{List: l})
		r.Classify([]byte(url))
		if v := r.Classify([]byte(entry)); v.Category != event.Scam {
			t.Errorf("%q is on a list, but Classify says %+v", entry, v)
		}
	})
}

func TestNewListErrors(t *testing.T) {
	for host, want := range map[string]string{
		"":                       "not a host name",
		"https:///x":             "not a host name",
		"192.0.2.1":              "no address",
		strings.Repeat("a", 254): "not a host name",
	} {
		if l, err := NewList(maps.All(map[string]event.Category{host: event.Scam})); l != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewList(%q) = %v, %v, want an error with %q", host, l, err, want)
		}
	}
	if _, err := NewList(maps.All(map[string]event.Category{"a.example": event.NumCategories})); err == nil {
		t.Errorf("NewList with category %d: want an error", event.NumCategories)
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	l := testList(t)
	host := []byte("z.y.a.b.c.d.e.example")
	if n := testing.AllocsPerRun(1000, func() { l.Match(host) }); n != 0 {
		t.Errorf("Match allocates %v times, want 0", n)
	}
}

func BenchmarkList(b *testing.B) {
	l := manyHosts(b)
	host := []byte("shop.silverharbor.example")
	b.ReportAllocs()
	for b.Loop() {
		l.Match(host)
	}
}

// manyHosts is a list of 4,096 malicious hosts.
func manyHosts(tb testing.TB) *List {
	l, err := NewList(func(yield func(string, event.Category) bool) {
		for i := range 4096 {
			if !yield(fmt.Sprintf("host-%d.example", i), event.Malware) {
				return
			}
		}
	})
	if err != nil {
		tb.Fatal(err)
	}
	return l
}
