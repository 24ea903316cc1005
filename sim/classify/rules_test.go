package classify

import (
	"bytes"
	"maps"
	"math"
	"testing"

	"drover/sim/event"
)

func TestRules(t *testing.T) {
	tests := []struct {
		url  string
		want event.Category
		rule string // the strongest reason
	}{
		{"contoso-login-verify.top", event.Phishing, "lure"},
		{"contoso.com.secure-update.xyz", event.Phishing, "brand-as-subdomain"},
		{"c0ntoso-login.com", event.Phishing, "brand-look-alike"}, // zero for o
		{"fabirkam.com", event.Phishing, "brand-look-alike"},      // neighbours exchanged
		{"fabrikamm.com", event.Phishing, "brand-look-alike"},     // doubled
		{"northwnd.com", event.Phishing, "brand-look-alike"},      // left out
		{"securelogin-account.info", event.Phishing, "lure"},      // two words in one part
		{"codec-player-setup.click", event.Malware, "download-word"},
		{"airdrop-claim.live", event.Scam, "scam-word"},
		{"xk7qvz2pjw8c1.biz", event.C2, "random-label"},
		{"203.0.113.9/setup.exe", event.Malware, "ip-literal"}, // an address and a program
		{"0xcb.0x0.0x71.9/", event.Malware, "ip-literal"},      // an address in disguise
		{"user@198.51.100.7", event.Malware, "ip-literal"},
		{"quietmeadow.top/wallet/contoso/login", event.Phishing, "lure-in-path"},

		{"contoso.com", event.Benign, ""},
		{"login.account.secure.contoso.com", event.Benign, ""}, // its own site
		{"contoso.co.uk", event.Benign, ""},
		{"login.rivergarden.com", event.Benign, ""},
		{"rivergarden.top", event.Benign, ""}, // a suffix alone is no proof
		{"cdn-7f3a9c.rivergarden.net", event.Benign, ""},
		{"xn--mnchen-3ya.de", event.Benign, ""},
		{"10.1.2.3/login/verify/setup.exe", event.Benign, ""}, // private
		{"172.31.0.1", event.Benign, ""},
		{"[::1]:8080/", event.Benign, ""},
		{"198.51.100.7", event.Benign, ""}, // an address alone is no proof
		{"localhost", event.Benign, ""},
		{"", event.Benign, ""},
		{"...", event.Benign, ""},
	}
	r := New(Options{})
	for _, tt := range tests {
		v := r.Classify([]byte(tt.url))
		rule := ""
		if v.Reasons.Len() > 0 {
			rule = v.Reasons.At(0).Rule
		}
		if v.Category != tt.want || tt.rule != rule {
			t.Errorf("Classify(%q) = %v %.2f (%v), want %v for %q", tt.url, v.Category, v.Score, v.Reasons, tt.want, tt.rule)
		}
		if v.Malicious() != (v.Score >= 0.5) {
			t.Errorf("Classify(%q): malicious %v with score %v", tt.url, v.Malicious(), v.Score)
		}
	}
}

// All ways of writing one host have one verdict.
func TestForms(t *testing.T) {
	r := New(Options{Zone: ".sim.test"})
	want := r.Classify([]byte("contoso-login-verify.top"))
	for _, url := range []string{
		"CONTOSO-Login-verify.TOP", "contoso-login-verify.top.sim.test", "https://www.contoso-login-verify.top.SIM.test.:443",
		"contoso-login-verify.top:8443", "//contoso-login-verify.top#frag", " contoso-login\t-verify.top\r\n",
		"contoso-login-verify..top", "https:\\\\contoso-login-verify.top", ".contoso-login-verify.top.",
	} {
		if v := r.Classify([]byte(url)); v != want {
			t.Errorf("Classify(%q) = %v, want %v", url, v, want)
		}
	}
	if v := r.Classify([]byte("https://rivergarden.com@contoso-login-verify.top")); v.Category != event.Phishing || v.Score <= want.Score && want.Score < 1 {
		t.Errorf("with userinfo: %v, want more than %v", v, want)
	}
	// The zone itself and a name that only ends like it stay.
	for url, host := range map[string]string{"sim.test": "sim.test", "a.xsim.test": "a.xsim.test", "www.com": "www.com", "www.a.com": "a.com"} {
		var buf [maxURL]byte
		if a := parse(&buf, []byte(url), ".sim.test"); string(a.host) != host {
			t.Errorf("parse(%q).host = %q, want %q", url, a.host, host)
		}
	}
}

func TestLongURL(t *testing.T) {
	r := New(Options{})
	long := append([]byte("contoso-login-verify.top/"), bytes.Repeat([]byte("a/"), 4000)...)
	if v := r.Classify(long); v.Category != event.Phishing {
		t.Errorf("Classify of %d bytes = %v, want phishing", len(long), v)
	}
}

func TestReasons(t *testing.T) {
	var r Reasons
	for _, w := range []float32{.1, .4, .2, .3, .5, .05} {
		r.add(Reason{"r", w})
	}
	want := []float32{.5, .4, .3, .2}
	if r.Len() != len(want) {
		t.Fatalf("Len = %d, want %d", r.Len(), len(want))
	}
	for i, got := range r.All() {
		if got.Weight != want[i] || r.At(i) != got {
			t.Errorf("reason %d = %v, want %v", i, got, want[i])
		}
	}
	if got, want := r.String(), "r +0.50, r +0.40, r +0.30, r +0.20"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

// The verdict of a malicious URL lists what made it so: the reasons never outweigh the score.
func TestScoreIsSum(t *testing.T) {
	v := New(Options{}).Classify([]byte("codec-player.site"))
	var sum float64
	for _, r := range v.Reasons.All() {
		sum += float64(r.Weight)
	}
	if math.Abs(sum-float64(v.Score)) > 1e-6 {
		t.Errorf("score = %v, reasons %v add up to %v", v.Score, v.Reasons, sum)
	}
}

func testList(t testing.TB) *List {
	t.Helper()
	l, err := NewList(maps.All(map[string]event.Category{
		"rivergarden.com": event.Malware, "safe.rivergarden.com": event.Benign, "HTTPS://www.Quiet.Example:443/x": event.C2,
		"b.c.d.e.example": event.Scam,
	}))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestClassifyListed(t *testing.T) {
	r := New(Options{Zone: ".sim.test", List: testList(t)})
	for url, want := range map[string]event.Category{
		"rivergarden.com.sim.test": event.Malware, "login.rivergarden.com": event.Malware, "safe.rivergarden.com": event.Benign,
		"a.safe.rivergarden.com": event.Benign, "otherrivergarden.com": event.Benign, "quiet.example": event.C2, "com": event.Benign,
	} {
		if v := r.Classify([]byte(url)); v.Category != want || v.Malicious() && v.Reasons.At(0) != (Reason{"listed", 1}) {
			t.Errorf("Classify(%q) = %v (%v), want %v", url, v.Category, v.Reasons, want)
		}
	}
}

func TestClassifyAllocatesNothing(t *testing.T) {
	r := New(Options{Zone: ".sim.test", List: testList(t), Model: Shipped()})
	for _, url := range []string{"contoso-login-verify.top.sim.test/a/b.php?c", "a.rivergarden.com", "cdn.meadow.org", "0xcb.1/setup.exe"} {
		if n := testing.AllocsPerRun(1000, func() { r.Classify([]byte(url)) }); n != 0 {
			t.Errorf("Classify(%q) allocates %v times, want 0", url, n)
		}
	}
}

func FuzzClassify(f *testing.F) {
	for _, s := range []string{"", "http://", "[", "[::1", "@", "a@b:c/d", "1.2.3.4.", "0x", "xn--", "-.-", "a..b", "contoso.com.x-y.top/a.exe", "\x80\xff."} {
		f.Add([]byte(s))
	}
	r := New(Options{Zone: ".sim.test", List: testList(f), Model: Shipped()})
	f.Fuzz(func(t *testing.T, url []byte) {
		before := bytes.Clone(url)
		v := r.Classify(url)
		if !bytes.Equal(url, before) {
			t.Fatalf("Classify(%q) changed its argument", before)
		}
		if v != r.Classify(url) {
			t.Errorf("Classify(%q) is not a function", url)
		}
		upper := bytes.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				return r - 'a' + 'A'
			}
			return r
		}, url)
		if len(upper) == len(url) && !bytes.ContainsAny(url, "/?\\%") && r.Classify(upper) != v { // a path has its case
			t.Errorf("Classify(%q) = %v, in upper case %v", url, v, r.Classify(upper))
		}
		if !(v.Score >= 0 && v.Score <= 1) || v.Malicious() != (v.Reasons.Len() > 0) || v.Category >= event.NumCategories {
			t.Errorf("Classify(%q) = %+v", url, v)
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	r := New(Options{Zone: ".sim.test", List: testList(b), Model: Shipped()})
	for name, url := range map[string]string{
		"benign":   "shop.silverharbor.co.uk.sim.test",
		"phishing": "contoso.com.account-verify-x7q2.top.sim.test",
		"url":      "news.silverharbor.co.uk.sim.test/2026/05/a-walk-along-the-river?page=2",
		"listed":   "a.b.rivergarden.com.sim.test",
	} {
		b.Run(name, func(b *testing.B) {
			host := []byte(url)
			b.ReportAllocs()
			for b.Loop() {
				r.Classify(host)
			}
		})
	}
}
