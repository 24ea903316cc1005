package classify

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"drover/sim/event"
)

func TestExpressions(t *testing.T) {
	for host, want := range map[string][]string{
		"a.b.c.d.e.f.g": {"a.b.c.d.e.f.g", "c.d.e.f.g", "d.e.f.g", "e.f.g", "f.g"}, // Google's own example
		"a.b.c":         {"a.b.c", "b.c"},
		"b.c":           {"b.c"},
		"c":             {"c"},
		"a.b.c.d.e":     {"a.b.c.d.e", "b.c.d.e", "c.d.e", "d.e"},
		"a.b.c.d.e.f":   {"a.b.c.d.e.f", "b.c.d.e.f", "c.d.e.f", "d.e.f", "e.f"},
	} {
		var got []string
		exprs, n := expressions([]byte(host))
		for _, e := range exprs[:n] {
			got = append(got, string(e))
		}
		if !slices.Equal(got, want) {
			t.Errorf("expressions(%q) = %q, want %q", host, got, want)
		}
	}
}

// SHA-256("abc") begins with ba7816bf (FIPS 180-2, B.1); the expression of host "abc" is "abc/".
func TestHashHost(t *testing.T) {
	hash := hashHost([]byte("example.com"))
	if got, want := fmt.Sprintf("%x", hash[:8]), "73d986e009065f18"; got != want {
		t.Errorf("hash of example.com/ = %s, want %s", got, want)
	}
}

// Both look-ups are one set.
func TestMatchPrefixIsMatch(t *testing.T) {
	l := testList(t)
	for _, host := range []string{
		"rivergarden.com", "a.rivergarden.com", "safe.rivergarden.com", "x.safe.rivergarden.com", "quiet.example", "example", "com",
		"a.b.c.d.e.example", "z.y.a.b.c.d.e.example", "c.d.e.example", "garden.com", "",
	} {
		c1, ok1 := l.Match([]byte(host))
		c2, ok2 := l.MatchPrefix([]byte(host))
		if c1 != c2 || ok1 != ok2 {
			t.Errorf("%q: Match = %v %v, MatchPrefix = %v %v", host, c1, ok1, c2, ok2)
		}
	}
	if c, ok := l.MatchPrefix([]byte("z.y.a.b.c.d.e.example")); !ok || c != event.Scam {
		t.Errorf("the entry of the last five labels = %v, %v, want scam", c, ok)
	}
}

// Two hosts that share a prefix are told apart by the whole hash.
func TestMatchPrefixConfirms(t *testing.T) {
	l := testList(t)
	h := []byte("innocent.example")
	other := fullHash{hashHost(h), event.Malware}
	other.hash[31] ^= 1 // the same prefix, another host
	l.prefixes = append(l.prefixes, other)
	slices.SortFunc(l.prefixes, func(a, b fullHash) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	if c, ok := l.MatchPrefix(h); ok {
		t.Errorf("MatchPrefix(%s) = %v for a prefix alone, want none", h, c)
	}
}

func TestPrefixes(t *testing.T) {
	l := testList(t)
	got := slices.Collect(l.Prefixes())
	if len(got) != l.Len() || !slices.IsSortedFunc(got, func(a, b [4]byte) int { return bytes.Compare(a[:], b[:]) }) {
		t.Errorf("Prefixes = %x, want %d ascending", got, l.Len())
	}
	hash := hashHost([]byte("quiet.example"))
	if !slices.Contains(got, [4]byte(hash[:4])) {
		t.Errorf("Prefixes = %x, want %x among them", got, hash[:4])
	}
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
	if n := testing.AllocsPerRun(1000, func() { l.Match(host); l.MatchPrefix(host) }); n != 0 {
		t.Errorf("look-ups allocate %v times, want 0", n)
	}
}

func BenchmarkList(b *testing.B) {
	l, err := NewList(func(yield func(string, event.Category) bool) {
		for i := range 4096 {
			if !yield(fmt.Sprintf("host-%d.example", i), event.Malware) {
				return
			}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	host := []byte("shop.silverharbor.example")
	b.Run("Match", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l.Match(host)
		}
	})
	b.Run("MatchPrefix", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l.MatchPrefix(host)
		}
	})
}
