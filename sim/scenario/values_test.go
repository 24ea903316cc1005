package scenario

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
		back string
	}{
		{"90s", 90 * time.Second, "90s"},
		{"1h30m", 90 * time.Minute, "90m"},
		{"1.5h", 90 * time.Minute, "90m"},
		{"2d", 48 * time.Hour, "2d"},
		{"250ms", 250 * time.Millisecond, "250ms"},
		{"1us1ns", 1001, "1001ns"},
		{"0s", 0, "0s"},
	} {
		got, _, ok := parseDuration(c.text)
		if !ok || time.Duration(got) != c.want || got.String() != c.back {
			t.Errorf("parseDuration(%q) = %v (%s), %v, want %v (%s)", c.text, time.Duration(got), got, ok, c.want, c.back)
		}
	}
	for _, bad := range []string{"", "1", "s", "1 s", "-1s", "1sec", "1,5h", "1h 30m", "1e3s", ".5s", "1µs"} {
		if got, mend, ok := parseDuration(bad); ok || mend == "" {
			t.Errorf("parseDuration(%q) = %v, %q, want a way to mend it", bad, got, mend)
		}
	}
}

// TestNotationsRoundTrip: what the resolved file says is read back to the very same number.
func TestNotationsRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		x := math.Exp(r.Float64()*40 - 20)
		if got, _, ok := parseRate(rate(x).String()); !ok || got != rate(x) {
			t.Fatalf("parseRate(%q) = %v, %v, want %v", rate(x).String(), float64(got), ok, x)
		}
		d := duration(r.Int64N(int64(30 * day)))
		if got, _, ok := parseDuration(d.String()); !ok || got != d {
			t.Fatalf("parseDuration(%q) = %v, %v, want %v", d.String(), int64(got), ok, int64(d))
		}
		// Shares come from text, so only those that a text gives must survive.
		s, _, ok := parseShare(number(r.Float64()*100) + "%")
		if got, _, again := parseShare(s.String()); !ok || !again || got != s {
			t.Fatalf("parseShare(%q) = %v, %v, want %v", s.String(), float64(got), again, float64(s))
		}
	}
	for _, text := range []string{"0.4%", "0.005%", "10%", "33.3%", "100%", "0%", "7%", "0.07%"} {
		if s, _, _ := parseShare(text); s.String() != text {
			t.Errorf("parseShare(%q).String() = %q, want it back", text, s)
		}
	}
}

// TestDidYouMean: a slip of the finger is mended, another word is not guessed at.
func TestDidYouMean(t *testing.T) {
	names := []string{"heartbeat", "memory", "perDay"}
	for name, want := range map[string]string{
		"hartbeat": `did you mean "heartbeat"?`, "perday": `did you mean "perDay"?`, "memori": `did you mean "memory"?`, "colour": "no", "": "no",
	} {
		if got := didYouMean(name, names, "no"); got != want {
			t.Errorf("didYouMean(%q) = %q, want %q", name, got, want)
		}
	}
}
