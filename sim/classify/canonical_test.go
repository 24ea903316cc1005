package classify

import (
	"bytes"
	"testing"
)

// The list of examples that Safe Browsing publishes with its rules ("URLs and Hashing", v4, 2025).
func TestCanonicalize(t *testing.T) {
	tests := []struct{ url, want string }{
		{"http://host/%25%32%35", "http://host/%25"},
		{"http://host/%25%32%35%25%32%35", "http://host/%25%25"},
		{"http://host/%2525252525252525", "http://host/%25"},
		{"http://host/asdf%25%32%35asd", "http://host/asdf%25asd"},
		{"http://host/%%%25%32%35asd%%", "http://host/%25%25%25asd%25%25"},
		{"http://www.google.com/", "http://www.google.com/"},
		{"http://%31%36%38%2e%31%38%38%2e%39%39%2e%32%36/%2E%73%65%63%75%72%65/%77%77%77%2E%65%62%61%79%2E%63%6F%6D/", "http://168.188.99.26/.secure/www.ebay.com/"},
		{"http://195.127.0.11/uploads/%20%20%20%20/.verify/.eBaysecure=updateuserdataxplimnbqmn-xplmvalidateinfoswqpcmlx=hgplmcx/", "http://195.127.0.11/uploads/%20%20%20%20/.verify/.eBaysecure=updateuserdataxplimnbqmn-xplmvalidateinfoswqpcmlx=hgplmcx/"},
		{"http://host%23.com/%257Ea%2521b%2540c%2523d%2524e%25f%255E00%252611%252A22%252833%252944_55%252B", "http://host%23.com/~a!b@c%23d$e%25f^00&11*22(33)44_55+"},
		{"http://3279880203/blah", "http://195.127.0.11/blah"},
		{"http://www.google.com/blah/..", "http://www.google.com/"},
		{"www.google.com/", "http://www.google.com/"},
		{"www.google.com", "http://www.google.com/"},
		{"http://www.evil.com/blah#frag", "http://www.evil.com/blah"},
		{"http://www.GOOgle.com/", "http://www.google.com/"},
		{"http://www.google.com.../", "http://www.google.com/"},
		{"http://www.google.com/foo\tbar\rbaz\n2", "http://www.google.com/foobarbaz2"},
		{"http://www.google.com/q?", "http://www.google.com/q?"},
		{"http://www.google.com/q?r?", "http://www.google.com/q?r?"},
		{"http://www.google.com/q?r?s", "http://www.google.com/q?r?s"},
		{"http://evil.com/foo#bar#baz", "http://evil.com/foo"},
		{"http://evil.com/foo;", "http://evil.com/foo;"},
		{"http://evil.com/foo?bar;", "http://evil.com/foo?bar;"},
		{"http://\x01\x80.com/", "http://%01%80.com/"},
		{"http://notrailingslash.com", "http://notrailingslash.com/"},
		{"http://www.gotaport.com:1234/", "http://www.gotaport.com/"},
		{"  http://www.google.com/  ", "http://www.google.com/"},
		{"http:// leadingspace.com/", "http://%20leadingspace.com/"},
		{"http://%20leadingspace.com/", "http://%20leadingspace.com/"},
		{"%20leadingspace.com/", "http://%20leadingspace.com/"},
		{"https://www.securesite.com/", "https://www.securesite.com/"},
		{"http://host.com/ab%23cd", "http://host.com/ab%23cd"},
		{"http://host.com//twoslashes?more//slashes", "http://host.com/twoslashes?more//slashes"},

		// Beyond the list.
		{"HTTP://user:secret@Example.test:8080/A%2fb?C", "http://example.test/A/b?C"},
		{"http://B\u00fccher.example/", "http://xn--bcher-kva.example/"},
		{"http://b%C3%BCcher.example/", "http://xn--bcher-kva.example/"},
		{"http://a\uff0fb.example/", "http://a%EF%BC%8Fb.example/"}, // a letter that would become a slash
		{"http://\uff11\uff12\uff17\u3002\uff11/", "http://127.0.0.1/"},
		{"http://0xcb.0.0x71.011/", "http://203.0.113.9/"},
		{"http://203.0.28937/", "http://203.0.113.9/"},
		{"http://0xcb007109/", "http://203.0.113.9/"},
		{"http://1.2.3.256/", "http://1.2.3.256/"}, // no address
		{"http://08.1.1.1/", "http://08.1.1.1/"},   // no octal number
		{"http://[2001:DB8:0:0::1]:443/", "http://[2001:db8::1]/"},
		{"http://[::ffff:203.0.113.9]/", "http://203.0.113.9/"},
		{"http://[64:ff9b::cb00:7109]/", "http://203.0.113.9/"},
		{"http://[1::2::3]/", "http://[1::2::3]/"},
		{"a.example/b/./c/../../d//e/..", "http://a.example/d/"},
		{"a.example/../..?x=/../y//z", "http://a.example/?x=/../y//z"},
	}
	for _, tt := range tests {
		if got := Canonicalize(nil, []byte(tt.url)); string(got) != tt.want {
			t.Errorf("Canonicalize(%q) = %q, want %q", tt.url, got, tt.want)
		}
	}
}

// The classifier's own form, which keeps the port and drops what says nothing.
func TestOwnForm(t *testing.T) {
	for url, want := range map[string]string{
		"https://www.Example.test:8443/A?b#c":  "example.test:8443/A?b",
		"http://user@www.www.example.test:80/": "example.test",
		"shop.example.sim.test/?q":             "shop.example/?q",
		"shop.example.sim.test?q":              "shop.example/?q",
		"a.example\\b\\..\\c":                  "a.example/c",
		"a.example:080":                        "a.example",
		"https://a.example:443/?x":             "a.example/?x",
		"a.example:99999":                      "a.example",
		"a.example:0081/%2541":                 "a.example:81/A",
		"[2001:db8::0:1]:81/x":                 "[2001:db8::1]:81/x",
		"0xcb.113.9":                           "203.113.0.9",
	} {
		var buf [maxURL]byte
		if got := parse(&buf, []byte(url), ".sim.test").url; string(got) != want {
			t.Errorf("parse(%q).url = %q, want %q", url, got, want)
		}
	}
}

func TestCanonicalizeAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, maxURL)
	for _, url := range []string{"https://a.b.example:81/%2541/../x?y", "http://0xcb.1/", "http://[::ffff:1.2.3.4]/", "http://[2001:db8::1]/"} {
		if n := testing.AllocsPerRun(1000, func() { Canonicalize(dst, []byte(url)) }); n > 0 {
			t.Errorf("Canonicalize(%q) allocates %v times, want 0", url, n)
		}
	}
}

// The short way for clean URLs and the long way for all give the same.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a", "http://a.b", "https://a-b.c/", "www.a.b.sim.test/c", "a.b/c?d", "a..b", "a.b/./c", "a.b//c", "a.b/c.d/", "1.2", "a.0x1", "http:/x", "http",
		"1.2.3.4.sim.test", "www.1.sim.test/x", "a.b.", "a_b.c/%41", "a.b/\\", "http://http://a", "sim.test", "www.sim.test.sim.test/a"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, url []byte) {
		if fast, slow := Canonicalize(nil, url), canonicalize(nil, url); !bytes.Equal(fast, slow) {
			t.Errorf("Canonicalize(%q) = %q, the long way %q", url, fast, slow)
		}
		var first, second [maxURL]byte
		a, b := parse(&first, url, ".sim.test"), dissect(&second, url, ".sim.test")
		if !bytes.Equal(a.url, b.url) || !bytes.Equal(a.host, b.host) || !bytes.Equal(a.path, b.path) || a.odd != b.odd || a.userinfo != b.userinfo || a.brackets != b.brackets {
			t.Errorf("parse(%q) = %q %q %q, the long way %q %q %q", url, a.url, a.host, a.path, b.url, b.host, b.path)
		}
		if literal, _ := b.literal(); a.name && literal {
			t.Errorf("parse(%q) takes the address %q for a name", url, b.host)
		}
	})
}

func FuzzCanonicalize(f *testing.F) {
	for _, s := range []string{"", "http://", "%%25%32%35", "http://a%2Fb@c:1//../.?/..", "[::1", ".[a", "www.[a.b", "\xff.\u00fc", "0x.0X1.", "a\\b%5c", "1.2.3.4:81",
		"http://host/" + string(bytes.Repeat([]byte("%ff/..a"), 200))} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, url []byte) {
		once := Canonicalize(nil, url)
		if twice := Canonicalize(nil, once); !bytes.Equal(once, twice) {
			t.Errorf("Canonicalize(%q) = %q, and of that %q", url, once, twice)
		}
		var first, second [maxURL]byte
		a := parse(&first, url, ".sim.test")
		if b := parse(&second, a.url, ".sim.test"); !bytes.Equal(a.url, b.url) {
			t.Errorf("parse(%q) = %q, and of that %q", url, a.url, b.url)
		}
		for _, c := range append(once, a.url...) {
			if c <= ' ' || c >= 0x7f || c == '#' {
				t.Errorf("forms of %q: %q and %q hold byte %#x", url, once, a.url, c)
			}
		}
		if len(once) > maxURL || len(a.url) > maxURL {
			t.Errorf("forms of %q have %d and %d bytes, want at most %d", url, len(once), len(a.url), maxURL)
		}
	})
}
