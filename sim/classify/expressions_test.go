package classify

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"drover/sim/event"
)

// product is every host with every path.
func product(hosts, paths string) (list []string) {
	for h := range strings.FieldsSeq(hosts) {
		for p := range strings.FieldsSeq(paths) {
			list = append(list, h+p)
		}
	}
	return list
}

// The first rows of each version are Google's own examples.
func TestExpressions(t *testing.T) {
	for _, tt := range []struct {
		p    Protocol
		url  string
		want []string
	}{
		{V4, "http://a.b.c/1/2.html?param=1", product("a.b.c b.c", "/1/2.html?param=1 /1/2.html / /1/")},
		{V4, "http://a.b.c.d.e.f.g/1.html", product("a.b.c.d.e.f.g c.d.e.f.g d.e.f.g e.f.g f.g", "/1.html /")},
		{V4, "http://1.2.3.4/1/", product("1.2.3.4", "/1/ /")},
		{V5, "http://a.b.c/1/2.html?param=1", product("a.b.c b.c", "/1/2.html?param=1 /1/2.html / /1/")},
		{V5, "http://a.b.c.d.e.f.g/1.html", product("a.b.c.d.e.f.g c.d.e.f.g d.e.f.g e.f.g f.g", "/1.html /")},
		{V5, "http://1.2.3.4/1/", product("1.2.3.4", "/1/ /")},
		{V5, "http://example.co.uk/1", product("example.co.uk", "/1 /")},

		{V4, "http://example.co.uk/1", product("example.co.uk co.uk", "/1 /")}, // v4 knows no suffixes
		{V4, "http://a.b.c.d.e.f/", product("a.b.c.d.e.f b.c.d.e.f c.d.e.f d.e.f e.f", "/")},
		{V4, "http://c/", product("c", "/")},
		{V4, "http://b.c/x?", product("b.c", "/x? /x /")},
		{V4, "http://b.c/?q=/d/", product("b.c", "/?q=/d/ /")},
		{V4, "http://b.c/1/2/3/4/5/6", product("b.c", "/1/2/3/4/5/6 / /1/ /1/2/ /1/2/3/")},
		{V4, "http://[2001:db8::1]/x", product("[2001:db8::1]", "/x /")},
		{V5, "http://co.uk/", product("co.uk", "/")},                                                                     // a suffix itself
		{V5, "http://x.github.io/", product("x.github.io", "/")},                                                         // what a hoster put on the list
		{V5, "http://1.2.a.b.c.d.co.jp/", product("1.2.a.b.c.d.co.jp a.b.c.d.co.jp b.c.d.co.jp c.d.co.jp d.co.jp", "/")}, // four
	} {
		got := Expressions(nil, Canonicalize(nil, []byte(tt.url)), tt.p)
		if !slices.Equal(got, tt.want) {
			t.Errorf("Expressions(%q, v%d) = %q, want %q", tt.url, tt.p+4, got, tt.want)
		}
	}
	long := "http://" + strings.Repeat("a.", 20) + "example/" + strings.Repeat("b/", 20) + "c?d"
	if got := len(Expressions(nil, []byte(long), V4)); got != 30 {
		t.Errorf("%d expressions of a long URL, want 30", got)
	}
}

// Vectors of FIPS 180-2, which the protocol's page gives: the hash of an expression is that of its text.
func TestHashVectors(t *testing.T) {
	for text, want := range map[string]string{
		"abc": "ba7816bf",
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": "248d6a61d206",
		strings.Repeat("a", 1_000_000):                             "cdc76e5c9914fb9281a1c7e2",
	} {
		if sum := sha256.Sum256([]byte(text)); !strings.HasPrefix(fmt.Sprintf("%x", sum), want) {
			t.Errorf("SHA-256 of %.10q = %x, want %s...", text, sum, want)
		}
	}
	l := hashList(t, V4, map[string]event.Category{"example.com": event.Scam})
	if got := slices.Collect(l.Prefixes()); len(got) != 1 || got[0] != [4]byte{0x73, 0xd9, 0x86, 0xe0} {
		t.Errorf("prefix of example.com/ = %x, want 73d986e0", got)
	}
}

func hashList(t testing.TB, p Protocol, sites map[string]event.Category) *HashList {
	t.Helper()
	l, err := NewHashList(p, maps.All(sites))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestHashListMatch(t *testing.T) {
	sites := map[string]event.Category{
		"rivergarden.com": event.Malware, "safe.rivergarden.com": event.Benign, "HTTPS://Quiet.Example:443/x/": event.C2,
		"quiet.example/x/y.html": event.Benign, "b.c.d.e.example": event.Scam, "co.uk": event.Phishing, "203.0.113.9/a": event.Malware,
	}
	for _, tt := range []struct {
		p    Protocol
		url  string
		want event.Category
		ok   bool
	}{
		{V4, "rivergarden.com", event.Malware, true},
		{V4, "http://a.rivergarden.com:81/x?y", event.Malware, true},
		{V4, "safe.rivergarden.com", event.Benign, true}, // the longer host decides
		{V4, "garden.com", 0, false},
		{V4, "quiet.example/x/z/", event.C2, true},
		{V4, "quiet.example/x/y.html?q", event.Benign, true}, // the longer path decides
		{V4, "quiet.example/", 0, false},
		{V4, "quiet.example/x", 0, false},
		{V4, "z.y.a.b.c.d.e.example", event.Scam, true},
		{V4, "0xcb.0x71.9/a", 0, false},
		{V4, "0xcb.0.113.9/a?b", event.Malware, true},
		{V4, "x.co.uk", event.Phishing, true},
		{V5, "x.co.uk", 0, false}, // nobody can be blamed for a suffix
		{V5, "a.b.rivergarden.com/", event.Malware, true},
	} {
		l := hashList(t, tt.p, sites)
		if got, ok := l.Match(Canonicalize(nil, []byte(tt.url))); got != tt.want || ok != tt.ok {
			t.Errorf("v%d: Match(%q) = %v, %v; want %v, %v", tt.p+4, tt.url, got, ok, tt.want, tt.ok)
		}
	}
}

// A prefix alone is no proof: two sites that share one are told apart by the whole hash.
func TestHashListConfirms(t *testing.T) {
	l := hashList(t, V4, map[string]event.Category{"quiet.example": event.C2})
	url := Canonicalize(nil, []byte("innocent.example"))
	other := fullHash{sha256.Sum256([]byte("innocent.example/")), event.Malware}
	other.hash[31] ^= 1 // the same prefix, another site
	l.entries = append(l.entries, other)
	slices.SortFunc(l.entries, func(a, b fullHash) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	if c, ok := l.Match(url); ok {
		t.Errorf("Match(%s) = %v for a prefix alone, want none", url, c)
	}
	answer := maps.Collect(l.FullHashes([4]byte(other.hash[:4])))
	if len(answer) != 1 || answer[other.hash] != event.Malware {
		t.Errorf("FullHashes = %v, want the one with that prefix", answer)
	}
	prefixes := slices.Collect(l.Prefixes())
	if len(prefixes) != 2 || bytes.Compare(prefixes[0][:], prefixes[1][:]) >= 0 {
		t.Errorf("Prefixes = %x, want 2 ascending", prefixes)
	}
}

func TestNewHashListErrors(t *testing.T) {
	for url, c := range map[string]event.Category{"": event.Scam, "https:///x": event.Scam, "a.example": event.NumCategories} {
		if l, err := NewHashList(V4, maps.All(map[string]event.Category{url: c})); l != nil || err == nil {
			t.Errorf("NewHashList(%q: %d) = %v, %v; want an error", url, c, l, err)
		}
	}
}

func TestHashListAllocatesNothing(t *testing.T) {
	l := hashList(t, V4, map[string]event.Category{"quiet.example": event.C2})
	url := []byte("http://a.b.c.d.e.f.example/1/2.html?q")
	if n := testing.AllocsPerRun(1000, func() { l.Match(url) }); n != 0 {
		t.Errorf("Match allocates %v times, want 0", n)
	}
}

func FuzzExpressions(f *testing.F) {
	f.Add([]byte("http://a.b.c/1/2.html?param=1"), false)
	f.Add([]byte("//.://[?"), true)
	f.Fuzz(func(t *testing.T, url []byte, five bool) {
		p := V4
		if five {
			p = V5
		}
		for _, form := range [][]byte{url, Canonicalize(nil, url)} {
			list := Expressions(nil, form, p)
			sorted := slices.Sorted(slices.Values(list))
			if len(list) == 0 || len(list) > 30 || len(slices.Compact(sorted)) != len(list) {
				t.Errorf("Expressions(%q) = %q, want 1 to 30, all different", form, list)
			}
		}
	})
}

func BenchmarkHashList(b *testing.B) {
	l, err := NewHashList(V4, func(yield func(string, event.Category) bool) {
		for i := range 4096 {
			if !yield(fmt.Sprintf("host-%d.example", i), event.Malware) {
				return
			}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	url := []byte("http://shop.silverharbor.example/a/b.html?c")
	b.ReportAllocs()
	for b.Loop() {
		l.Match(url)
	}
}
