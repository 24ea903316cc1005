package event

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestParseZone(t *testing.T) {
	for _, name := range []string{"sim.test", ".sim.test", "test", "a-b.c1.example", "x.invalid"} {
		z, err := ParseZone(name)
		if err != nil || z.String() != strings.TrimPrefix(name, ".") {
			t.Errorf("ParseZone(%q) = %v, %v", name, z, err)
		}
	}
	for _, name := range []string{"", ".", "sim.test.", "..test", "sim.com", "test.com", "example.com", "simtest", "mytest", "SIM.test", "a_b.test", "-a.test", "a-.test",
		"a b.test", "b\u00fccher.test", "test/x", "sim.test:80", "localhost", strings.Repeat("a", 56) + ".test", strings.Repeat("a", 64) + ".test"} {
		if z, err := ParseZone(name); err == nil {
			t.Errorf("ParseZone(%q) = %v, want an error", name, z)
		}
	}
	if got := (Zone{}).String(); got != DefaultZone {
		t.Errorf("the zero Zone is %q, want %q", got, DefaultZone)
	}
}

func TestZoneHost(t *testing.T) {
	z, _ := ParseZone("lab.example")
	name := []byte("contoso.com.verify-x7")
	h, err := z.Host(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range name {
		name[i] = 'x' // the host is a value
	}
	if got, want := h.String(), "contoso.com.verify-x7.lab.example"; got != want || string(h.Append([]byte("at "))) != "at "+want || h.Empty() {
		t.Errorf("Host = %q, want %q", got, want)
	}
	for _, bad := range []string{"", ".", "a..b", "a.", ".a", "-a", "a-", "a-.b", "A.com", "a b", "a/b", "a:80", "a\n.b", "b\u00fc", strings.Repeat("a", 64),
		strings.Repeat("a.", 121) + "a"} {
		if h, err := z.Host([]byte(bad)); err == nil || !h.Empty() {
			t.Errorf("Host(%q) = %q, %v; want an error and no host", bad, h.String(), err)
		}
	}
	if h, err := z.Host([]byte(strings.Repeat("a.", 120) + "a")); err != nil || len(h.String()) != maxHostName {
		t.Errorf("the longest host has %d bytes (%v), want %d", len(h.String()), err, maxHostName)
	}
}

// Whatever name a host is asked for, what comes out is nothing or a reserved name.
func FuzzZoneHost(f *testing.F) {
	f.Add("sim.test", "a.b-c")
	f.Add("test", "-")
	f.Add("evil.com", "x.test")
	f.Fuzz(func(t *testing.T, zone, name string) {
		z, err := ParseZone(zone)
		if err != nil {
			z = Zone{}
		}
		h, err := z.Host([]byte(name))
		if err != nil {
			if !h.Empty() {
				t.Fatalf("Host(%q) = %q beside an error", name, h.String())
			}
			return
		}
		labels := strings.Split(h.String(), ".")
		switch labels[len(labels)-1] {
		case "test", "example", "invalid":
		default:
			t.Fatalf("Host(%q) in %q = %q, which is not reserved", name, zone, h.String())
		}
		for _, l := range labels {
			if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || l[0] == '-' || l[len(l)-1] == '-' {
				t.Fatalf("Host(%q) = %q with label %q", name, h.String(), l)
			}
		}
	})
}

func TestAddress(t *testing.T) {
	nets := map[[3]byte]float64{}
	const hosts = 30_000
	for i := range hosts {
		h, err := Zone{}.Host(fmt.Appendf(nil, "host-%d.com", i))
		if err != nil {
			t.Fatal(err)
		}
		a := h.Address()
		same, _ := Zone{}.Host(fmt.Appendf(nil, "host-%d.com", i))
		ip, ok := a.IPv4()
		if a != same.Address() || !ok || ip[3] == 0 || ip[3] == 255 {
			t.Fatalf("address of %s is %v", h.String(), ip)
		}
		nets[[3]byte(ip[:3])]++
	}
	sigma := math.Sqrt(hosts * 2.0 / 9)
	for _, want := range [][3]byte{{192, 0, 2}, {198, 51, 100}, {203, 0, 113}} {
		if math.Abs(nets[want]-hosts/3) > 5*sigma {
			t.Errorf("network %v has %v of %d hosts, want %d +- %.0f", want, nets[want], hosts, hosts/3, 5*sigma)
		}
	}
	if len(nets) != 3 {
		t.Errorf("networks = %v, want the three for documentation", nets)
	}
	if ip, ok := (DocAddress{}).IPv4(); ok {
		t.Errorf("no address is %v", ip)
	}
	if none := new(ZoneHost); none.Address() != (DocAddress{}) {
		t.Errorf("without a host there is an address")
	}
}

func TestZoneHostAllocatesNothing(t *testing.T) {
	name, buf := []byte("contoso-login.top"), make([]byte, 0, 300)
	if n := testing.AllocsPerRun(100, func() {
		h, _ := Zone{}.Host(name)
		a := h.Address()
		if _, ok := a.IPv4(); ok {
			buf = h.Append(buf[:0])
		}
	}); n != 0 {
		t.Errorf("a host costs %v allocations, want 0", n)
	}
}
