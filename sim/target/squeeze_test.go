package target

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// In steady state a body is packed without an allocation.
func TestSqueezeAllocatesNothing(t *testing.T) {
	body := bytes.Repeat([]byte(`{"kind":"heartbeat","seq":17}`), 100)
	for _, encoding := range []string{"gzip", "zstd"} {
		s := squeezers{encoding: encoding}
		var packed int
		if n := testing.AllocsPerRun(100, func() {
			out, z, err := s.squeeze(body)
			if err != nil {
				t.Fatal(err)
			}
			packed = len(out)
			s.put(z)
		}); n > 0 && !racing {
			t.Errorf("%s: %v allocations for a body, want none", encoding, n)
		}
		if packed == 0 || packed > len(body)/5 {
			t.Errorf("%s: %d bytes of %d", encoding, packed, len(body))
		}
	}
	if _, err := NewHTTP(HTTPOptions{URL: "http://localhost", Client: Client{Compression: "br"}}); err == nil {
		t.Error("NewHTTP with compression br = nil, want an error")
	}
}

// What comes out of a squeezer that was used before is the same body and nothing of the former.
func TestZstdRoundTrip(t *testing.T) {
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, r := squeezers{encoding: "zstd"}, rand.New(rand.NewPCG(1, 2))
	for range 50 {
		body := make([]byte, r.IntN(300<<10))
		for i := range body {
			body[i] = "abcdefgh"[r.IntN(8)]
		}
		out, z, err := s.squeeze(body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.DecodeAll(out, nil); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("%d bytes: unpacked %d, %v", len(body), len(got), err)
		}
		s.put(z)
	}
}

func BenchmarkSqueeze(b *testing.B) {
	body := bytes.Repeat([]byte(`{"kind":"heartbeat","seq":17,"at":"2026-05-04T09:00:00Z"}`), 14)
	for _, encoding := range []string{"gzip", "zstd"} {
		b.Run(encoding, func(b *testing.B) {
			s := squeezers{encoding: encoding}
			b.ReportAllocs()
			for b.Loop() {
				_, z, err := s.squeeze(body)
				if err != nil {
					b.Fatal(err)
				}
				s.put(z)
			}
		})
	}
}
