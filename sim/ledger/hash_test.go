package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

func TestParseHash(t *testing.T) {
	for n := range 50 {
		sum := sha256.Sum256([]byte{byte(n)})
		for _, text := range []string{
			hex.EncodeToString(sum[:]), strings.ToUpper(hex.EncodeToString(sum[:])), base64.StdEncoding.EncodeToString(sum[:]), base64.RawStdEncoding.EncodeToString(sum[:]),
			base64.URLEncoding.EncodeToString(sum[:]), base64.RawURLEncoding.EncodeToString(sum[:]),
		} {
			for _, prefix := range []string{"", "sha256:", "SHA256:", "sha256-"} {
				if got, ok := ParseHash(prefix + text); !ok || got != sum {
					t.Errorf("ParseHash(%q) = %x, %v; want %x", prefix+text, got, ok, sum)
				}
			}
		}
	}
	good := strings.Repeat("0", 64)
	for _, text := range []string{"", "sha256:", good[:63], good + "0", "md5:" + good, "sha1:" + good[:40], good[:63] + "g", " " + good, good[:32], strings.Repeat("A", 42) + "B", strings.Repeat("A", 43) + "=="} {
		if got, ok := ParseHash(text); ok {
			t.Errorf("ParseHash(%q) = %x, want none", text, got)
		}
	}
}

// What is read is one of the forms in which it would be written.
func FuzzParseHash(f *testing.F) {
	sum := sha256.Sum256(nil)
	for _, text := range []string{hex.EncodeToString(sum[:]), "sha256:" + base64.StdEncoding.EncodeToString(sum[:]), "sha256-" + base64.RawURLEncoding.EncodeToString(sum[:]), "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sum, ok := ParseHash(text)
		if !ok {
			return
		}
		rest := strings.ToLower(text)
		for _, form := range []string{hex.EncodeToString(sum[:]), base64.RawStdEncoding.EncodeToString(sum[:]), base64.RawURLEncoding.EncodeToString(sum[:])} {
			if strings.Contains(rest, strings.ToLower(form)) {
				return
			}
		}
		if rest = strings.NewReplacer("-", "+", "_", "/").Replace(rest); !strings.Contains(rest, strings.ToLower(base64.RawStdEncoding.EncodeToString(sum[:]))) {
			t.Errorf("ParseHash(%q) = %x", text, sum)
		}
	})
}
