package classify

import (
	"bytes"
	"strings"
	"testing"

	"drover/sim/event"
)

func TestRules(t *testing.T) {
	tests := []struct {
		url     string
		want    event.Category
		reasons string
	}{
		{"203.0.113.9/setup.EXE?x", event.Malware, "ip-literal +0.35, program-in-path +0.25"},
		{"0xcb.0x0.0x71.9/", event.Malware, "ip-literal +0.35, ip-obfuscated +0.25"},
		{"3405803785", event.Malware, "ip-literal +0.35, ip-obfuscated +0.25"},
		{"0313.0161.9/", event.Malware, "ip-literal +0.35, ip-obfuscated +0.25"},
		{"[::ffff:203.0.113.9]/", event.Malware, "ip-literal +0.35, ip-obfuscated +0.25"},
		{"user@198.51.100.7", event.Phishing, "ip-literal +0.35, userinfo +0.30"},
		{"user@0xcb007109/a.apk", event.Malware, "ip-literal +0.35, userinfo +0.30, ip-obfuscated +0.25, program-in-path +0.25"},
		{"[2001:db8::1]/a.exe", event.Malware, "ip-literal +0.35, program-in-path +0.25"},
		{"198.51.100.7/login", event.Benign, "ip-literal +0.35"}, // an address alone is no proof
		{"1.2.3.256", event.Benign, "ip-literal +0.35"},          // no address, but no name either

		{"10.1.2.3/login/verify/setup.exe", event.Benign, "private-address"},
		{"0177.1/a.exe", event.Benign, "private-address"},
		{"172.31.0.1", event.Benign, "private-address"},
		{"192.168.1.1:8080", event.Benign, "private-address"},
		{"169.254.1.1", event.Benign, "private-address"},
		{"100.64.0.1", event.Benign, "private-address"},
		{"0", event.Benign, "private-address"},
		{"[::1]:8080/", event.Benign, "private-address"},
		{"[::]", event.Benign, "private-address"},
		{"[fd00::1]", event.Benign, "private-address"},
		{"[fe80::1]/a.exe", event.Benign, "private-address"},
		{"[::ffff:10.0.0.1]", event.Benign, "private-address"},
		{"100.128.0.1", event.Benign, "ip-literal +0.35"},
		{"172.32.0.1", event.Benign, "ip-literal +0.35"},
		{"[fc0::1]", event.Benign, "ip-literal +0.35"}, // 0fc0, not fc00
		{"[::2]", event.Benign, "ip-literal +0.35"},

		{"localhost", event.Benign, "reserved-name"},
		{"a.b.localhost:3000/x", event.Benign, "reserved-name"},
		{"printer.local", event.Benign, "reserved-name"},
		{"verify-signin.test", event.Benign, "reserved-name"},
		{"shop.example.com", event.Benign, "reserved-name"},
		{"example.net/x", event.Benign, "reserved-name"},
		{"router.home.arpa", event.Benign, "reserved-name"},
		{"wiki.corp.internal", event.Benign, "reserved-name"},
		{"myexample.com", event.Benign, ""},
		{"example.de", event.Benign, ""},
		{"com", event.Benign, ""},
		{"1.in-addr.arpa", event.Benign, ""},
		{"", event.Benign, ""},
		{"...", event.Benign, ""},
	}
	r := New(Options{})
	for _, tt := range tests {
		v := r.Classify([]byte(tt.url))
		if v.Category != tt.want || v.Reasons.String() != tt.reasons {
			t.Errorf("Classify(%q) = %v %.2f (%v), want %v (%s)", tt.url, v.Category, v.Score, v.Reasons, tt.want, tt.reasons)
		}
	}
}

// A name that the model finds suspicious is malicious when something is put before it.
func TestUserInfo(t *testing.T) {
	r := New(Options{Model: Shipped()})
	m := Shipped()
	found := 0
	for _, name := range []string{"account-verify", "login-secure", "wallet-claim", "parcel-update", "bank-alert", "signin-help", "webmail-unlock"} {
		for _, tld := range []string{"top", "xyz", "info", "com", "net", "shop"} {
			url := name + "." + tld
			s := m.scoreOf(url)
			if s < m.head.Suspicious || s >= m.head.Block {
				continue
			}
			found++
			if v := r.Classify([]byte(url)); v.Malicious() || !v.Suspicious {
				t.Errorf("Classify(%q) = %+v, want suspicious", url, v)
			}
			if v := r.Classify([]byte("rivergarden.com@" + url)); !v.Malicious() || v.Suspicious || !strings.Contains(v.Reasons.String(), "userinfo") {
				t.Errorf("Classify with userinfo of %q = %+v, want malicious", url, v)
			}
		}
	}
	if found == 0 {
		t.Error("none of the names is suspicious; the test proves nothing")
	}
	if v := r.Classify([]byte("anna@rivergarden.com")); v.Malicious() {
		t.Errorf("a user name alone is %+v, want benign", v)
	}
}

// All ways of writing one host have one verdict.
func TestForms(t *testing.T) {
	r := New(Options{Zone: ".sim.test", Model: Shipped()})
	want := r.Classify([]byte("contoso-login-verify.top"))
	if want.Probability < 0.9 {
		t.Errorf("Classify = %+v, want a high probability", want)
	}
	for _, url := range []string{
		"CONTOSO-Login-verify.TOP", "contoso-login-verify.top.sim.test", "https://www.contoso-login-verify.top.SIM.test.:443",
		"contoso-login-verify.top:80", "//contoso-login-verify.top#frag", " contoso-login\t-verify.top\r\n",
		"contoso-login-verify..top", "https:\\\\contoso-login-verify.top", ".contoso-login-verify.top.", "https://contoso-login-verify.top.sim.test/",
		"http://www.contoso-login-verify.top",
	} {
		if v := r.Classify([]byte(url)); v != want {
			t.Errorf("Classify(%q) = %v, want %v", url, v, want)
		}
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
	r := New(Options{List: testList(t)})
	long := append([]byte("shared.meadow.org/login/"), bytes.Repeat([]byte("a/"), 4000)...)
	if v := r.Classify(long); v.Category != event.Phishing {
		t.Errorf("Classify of %d bytes = %v, want phishing", len(long), v)
	}
}

func TestReasons(t *testing.T) {
	var r Reasons
	for i, w := range []float32{.1, .4, 0, .4} {
		r.add(rule(i), w)
	}
	want := []Reason{{"private-address", .4}, {"ip-literal", .4}, {"listed", .1}, {"reserved-name", 0}}
	if r.Len() != len(want) {
		t.Fatalf("Len = %d, want %d", r.Len(), len(want))
	}
	for i, got := range r.All() {
		if got != want[i] || r.At(i) != got {
			t.Errorf("reason %d = %v, want %v", i, got, want[i])
		}
	}
	if got, want := r.String(), "private-address +0.40, ip-literal +0.40, listed +0.10, reserved-name"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func TestClassifyAllocatesNothing(t *testing.T) {
	r := New(Options{Zone: ".sim.test", List: testList(t), Model: Shipped()})
	for _, url := range []string{"contoso-login-verify.top.sim.test/a/b.php?c", "a.rivergarden.com", "cdn.meadow.org", "0xcb.1/setup.exe",
		"shared.meadow.org:81/x/y?z", "shared.meadow.org/login/x"} {
		text := []byte(url)
		if n := testing.AllocsPerRun(1000, func() { r.Classify(text) }); n != 0 {
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
		if !(v.Score >= 0 && v.Score <= 1) || v.Malicious() && v.Reasons.Len() == 0 || v.Category >= event.NumCategories || v.Malicious() && v.Suspicious {
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
