package target

import (
	"math"
	"net/http"
	"testing"
	"time"

	"drover/sim/measure"
)

func TestDelay(t *testing.T) {
	const s = time.Second
	usual := Retry{MaxAttempts: 6, Base: s, Cap: 10 * s, HonorRetryAfter: true}
	stubborn := Retry{MaxAttempts: math.MaxInt, Base: s}
	for _, tt := range []struct {
		r       Retry
		attempt int
		after   time.Duration
		u       float64
		want    time.Duration
		ok      bool
	}{
		{Retry{}, 1, 0, 0.5, 0, false},               // the zero value never tries again
		{Retry{MaxAttempts: 1}, 1, 0, 0.5, 0, false}, // nor does a single attempt
		{Retry{MaxAttempts: 2}, 1, 0, 0.5, 0, true},  // no base: at once
		{usual, 1, 0, 0.5, s / 2, true},
		{usual, 2, 0, 0.5, s, true}, // doubles
		{usual, 3, 0, 0.5, 2 * s, true},
		{usual, 4, 0, 0.5, 4 * s, true},
		{usual, 5, 0, 0.5, 5 * s, true}, // capped: 10 s instead of 16 s
		{usual, 6, 0, 0.5, 0, false},
		{usual, 1, 0, 0, 0, true},                                     // full jitter begins at zero
		{usual, 1, 3 * s, 0.5, 3 * s, true},                           // the backend asks for more
		{usual, 3, s, 0.5, 2 * s, true},                               // or for less
		{usual, 1, 60 * s, 0.5, 60 * s, true},                         // beyond the cap too
		{usual, 6, 60 * s, 0.5, 0, false},                             // but it gives no further attempt
		{Retry{MaxAttempts: 2, Base: s}, 1, 60 * s, 0.5, s / 2, true}, // not obeyed when not asked to
		{stubborn, 1000, 0, 0.5, 1 << 61, true},
		{Retry{MaxAttempts: 5, Base: math.MaxInt64}, 3, 0, 0.25, 1 << 61, true},
		{Retry{MaxAttempts: 5, Base: -s}, 3, 0, 0.5, 0, true},
	} {
		got, ok := tt.r.Delay(tt.attempt, tt.after, tt.u)
		if tt.want > 1<<60 { // not exact: doubling a second does not meet 2^62
			if ok != tt.ok || got < 1<<59 {
				t.Errorf("%+v.Delay(%d, %v, %v) = %v, %t, want about %v", tt.r, tt.attempt, tt.after, tt.u, got, ok, tt.want)
			}
		} else if got != tt.want || ok != tt.ok {
			t.Errorf("%+v.Delay(%d, %v, %v) = %v, %t, want %v, %t", tt.r, tt.attempt, tt.after, tt.u, got, ok, tt.want, tt.ok)
		}
	}
}

func TestRetryable(t *testing.T) {
	want := map[measure.Class]bool{measure.Status429: true, measure.Status5xx: true, measure.ConnectRefused: true,
		measure.ConnectFailed: true, measure.Reset: true, measure.Timeout: true}
	for c := range measure.NumClasses {
		if got := Retryable(c); got != want[c] {
			t.Errorf("Retryable(%v) = %t, want %t", c, got, want[c])
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"7", "", 7 * time.Second},
		{" 120 ", "", 2 * time.Minute},
		{"0", "", 0},
		{"-5", "", 0},
		{"soon", "", 0},
		{"1.5", "", 0},
		{"7s", "", 0},
		{"99999999999999999999999", "", 24 * time.Hour},
		{"9223372036854775807", "", 24 * time.Hour},
		{"Mon, 04 May 2026 12:00:30 GMT", "", 30 * time.Second},
		{"Mon, 04 May 2026 11:59:30 GMT", "", 0},                                             // past
		{"Mon, 04 May 2026 12:00:30 GMT", "Mon, 04 May 2026 12:00:20 GMT", 10 * time.Second}, // by the backend's own clock
		{"Mon, 04 May 2026 12:00:30 GMT", "yesterday", 30 * time.Second},
		{"Tue, 04 May 2066 12:00:30 GMT", "", 24 * time.Hour},
	} {
		h := http.Header{"Retry-After": {tt.value}, "Date": {tt.date}}
		if got := retryAfter(h, now); got != tt.want {
			t.Errorf("retryAfter(%q, Date %q) = %v, want %v", tt.value, tt.date, got, tt.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120", "Mon, 04 May 2026 12:00:20 GMT")
	f.Add("Mon, 04 May 2026 12:00:20 GMT", "")
	f.Fuzz(func(t *testing.T, value, date string) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		if got := retryAfter(h, time.Unix(0, 0)); got < 0 || got > maxRetryAfter {
			t.Errorf("retryAfter(%q, Date %q) = %v, want 0 to %v", value, date, got, maxRetryAfter)
		}
	})
}
