package target

import (
	"context"
	"errors"
	"net"
	"net/url"
	"testing"

	"drover/sim/measure"
)

func TestNewHTTPRefuses(t *testing.T) {
	for _, tt := range []struct {
		opt  HTTPOptions
		want string
	}{
		{HTTPOptions{}, `target url "": want http://host:port or https://host:port`},
		{HTTPOptions{URL: "localhost:8080"}, `target url "localhost:8080": want http://host:port or https://host:port`},
		{HTTPOptions{URL: "ftp://localhost"}, `target url "ftp://localhost": want http://host:port or https://host:port`},
		{HTTPOptions{URL: "http://:8080"}, `target url "http://:8080": want http://host:port or https://host:port`},
		{HTTPOptions{URL: "http://u:secret@localhost"}, `target url "http://u:xxxxx@localhost": want no user, query or fragment`},
		{HTTPOptions{URL: "http://localhost?a=b"}, `target url "http://localhost?a=b": want no user, query or fragment`},
		{HTTPOptions{URL: "http://localhost", Run: "a\nb"}, `header value "a\nb": want visible ASCII`},
		{HTTPOptions{URL: "http://192.0.2.1:80"}, "target url http://192.0.2.1:80: host 192.0.2.1 is not on this machine; name it in target.allowHosts if you may load it"},
		{HTTPOptions{URL: "http://[2001:db8::1]"}, "target url http://[2001:db8::1]: host 2001:db8::1 is not on this machine; name it in target.allowHosts if you may load it"},
		{HTTPOptions{URL: "http://0.0.0.0:80"}, "target url http://0.0.0.0:80: host 0.0.0.0 is not on this machine; name it in target.allowHosts if you may load it"},
		{HTTPOptions{URL: "http://192.0.2.1", AllowHosts: []string{"192.0.2.2", "192.0.2.1:81"}}, "target url http://192.0.2.1: host 192.0.2.1 is not on this machine; name it in target.allowHosts if you may load it"},
	} {
		if _, err := NewHTTP(tt.opt); err == nil || err.Error() != tt.want {
			t.Errorf("NewHTTP(%+v) = %v, want %v", tt.opt, err, tt.want)
		}
	}
	for _, tt := range []struct{ url, proxy, want string }{
		{"http://127.0.0.1", "http://192.0.2.1:3128", "proxy http://192.0.2.1:3128: host 192.0.2.1 is not on this machine; name it in target.allowHosts if you may load it"},
		{"http://127.0.0.1", "https://127.0.0.1:3128", "proxy https://127.0.0.1:3128: want http://host:port"},
		{"http://127.0.0.1", "http://u:secret@127.0.0.1:3128", "proxy http://u:xxxxx@127.0.0.1:3128: want http://host:port"},
		// A proxy looks the name up, so that nobody here can see that it is this machine.
		{"http://a.example", "http://127.0.0.1:3128", "target url http://a.example: host a.example is not on this machine; name it in target.allowHosts if you may load it"},
	} {
		proxy, err := url.Parse(tt.proxy)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewHTTP(HTTPOptions{URL: tt.url, Client: Client{Proxy: proxy}}); err == nil || err.Error() != tt.want {
			t.Errorf("NewHTTP of %s behind %s = %v, want %v", tt.url, tt.proxy, err, tt.want)
		}
	}
	for _, opt := range []HTTPOptions{
		{URL: "http://127.9.8.7"}, {URL: "http://[::1]:80"}, {URL: "http://[::ffff:127.0.0.1]"}, {URL: "https://localhost"}, {URL: "http://a.example"},
		{URL: "http://192.0.2.1:80", AllowHosts: []string{"192.0.2.1"}}, {URL: "http://192.0.2.1:80", AllowHosts: []string{"192.0.2.1:80"}},
		{URL: "http://[2001:db8::1]:80", AllowHosts: []string{"2001:db8::1"}}, {URL: "http://[2001:db8::1]:80", AllowHosts: []string{"[2001:db8::1]"}},
	} {
		if _, err := NewHTTP(opt); err != nil {
			t.Errorf("NewHTTP(%+v) = %v, want nil", opt, err)
		}
	}
}

// The guard sees each address after resolution, just before the first packet.
func TestLoopbackOnly(t *testing.T) {
	d := dialer{host: "backend.example"}
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.255.255.254:1": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true,
		"10.0.0.1:80": false, "192.0.2.1:80": false, "0.0.0.0:80": false, "[::]:80": false, "[2001:db8::1]:80": false, "[fe80::1%eth0]:80": false,
		"[::ffff:192.0.2.1]:80": false, "128.0.0.1:80": false, "nonsense": false,
	} {
		err := d.loopbackOnly(context.Background(), "tcp", address, nil)
		if f := (*ForbiddenHostError)(nil); (err == nil) != want || err != nil && (!errors.As(err, &f) || f.Host != "backend.example" || f.Address != address) {
			t.Errorf("loopbackOnly(%s) = %v, want allowed %t", address, err, want)
		}
	}
}

// The whole way: a dial to a documentation address (RFC 5737) ends at the guard, at once, with a message that says how to allow it.
func TestForbiddenAddressGetsNoPacket(t *testing.T) {
	h := newHTTP(t, HTTPOptions{URL: "http://backend.example"})
	for _, dial := range []func(context.Context, string, string) (net.Conn, error){h.dialer.dial, h.dialer.dialTLS} {
		_, err := dial(context.Background(), "tcp", "192.0.2.1:80")
		if f := (*ForbiddenHostError)(nil); !errors.As(err, &f) || classOfError(err, context.Background(), context.Background()) != measure.ConnectFailed {
			t.Errorf("dial = %v, want a ForbiddenHostError that counts as connect failed", err)
		}
	}
	if _, opened := h.Conns(); opened != 0 {
		t.Errorf("%d connections opened, want 0", opened)
	}
	err := &UnreachableError{Err: &attemptError{"GET", "http://backend.example/healthz", measure.ConnectFailed, 0, &ForbiddenHostError{"backend.example", "192.0.2.1:80"}}}
	const want = "get http://backend.example/healthz: host backend.example is 192.0.2.1:80, not on this machine; name it in target.allowHosts if you may load it"
	if err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}
