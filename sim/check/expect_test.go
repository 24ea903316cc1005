package check

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseExpectation(t *testing.T) {
	for _, tt := range []struct {
		metric, text string
		want         Expectation
		written      string // by String, when it differs from text
	}{
		{"response_time", "p99 <= 250ms", Expectation{"p99", 0.99, Bound{Op: "<=", Unit: Time, Time: 250 * time.Millisecond}}, ""},
		{"response_time", "p99.9 < 1s", Expectation{"p99.9", 0.999, Bound{Op: "<", Unit: Time, Time: time.Second}}, ""},
		{"service_time", "p99.90<1m", Expectation{"p99.9", 0.999, Bound{Op: "<", Unit: Time, Time: time.Minute}}, "p99.9 < 1m"},
		{"send_lag", "  max  <=  2h  ", Expectation{"max", 0, Bound{Op: "<=", Unit: Time, Time: 2 * time.Hour}}, "max <= 2h"},
		{"response_time", "mean > 1.5ms", Expectation{"mean", 0, Bound{Op: ">", Unit: Time, Time: 1500 * time.Microsecond}}, ""},
		{"response_time", "min >= 0s", Expectation{"min", 0, Bound{Op: ">=", Unit: Time}}, ""},
		{"failed", "rate <= 0.1%", Expectation{"rate", 0, Bound{Op: "<=", Unit: Share, Value: 0.001}}, ""},
		{"failed", "rate == 0%", Expectation{"rate", 0, Bound{Op: "==", Unit: Share}}, ""},
		{"retries", "rate <= 150%", Expectation{"rate", 0, Bound{Op: "<=", Unit: Share, Value: 1.5}}, ""},
		{"refused", "rate <= 0.7 %", Expectation{"rate", 0, Bound{Op: "<=", Unit: Share, Value: 0.007}}, "rate <= 0.7%"}, // 0.7/100 is another float
		{"dropped", "count == 0", Expectation{"count", 0, Bound{Op: "=="}}, ""},
		{"accepted", "count >= 1000000", Expectation{"count", 0, Bound{Op: ">=", Value: 1e6}}, ""},
		{"throughput", "per_second >= 950.5", Expectation{"per_second", 0, Bound{Op: ">=", Value: 950.5}}, ""},
	} {
		got, err := ParseExpectation(tt.metric, tt.text)
		if err != nil || got != tt.want {
			t.Errorf("ParseExpectation(%q, %q) = %+v, %v; want %+v", tt.metric, tt.text, got, err, tt.want)
		}
		written := tt.written
		if written == "" {
			written = tt.text
		}
		if got.String() != written {
			t.Errorf("String of %q = %q, want %q", tt.text, got.String(), written)
		}
	}
}

func TestParseExpectationErrors(t *testing.T) {
	for _, tt := range []struct{ metric, text, want string }{
		{"latency", "p99 <= 1s", `metric "latency" is unknown; want one of response_time, service_time, send_lag, failed, refused, dropped, accepted, retries, throughput`},
		{"response_time", "p99 250ms", `"p99 250ms" has no comparison; want e.g. "p99 <= 250ms"`},
		{"response_time", "", `"" has no comparison; want e.g. "p99 <= 250ms"`},
		{"response_time", "p99 <=", `"p99 <=" has no limit; want e.g. "p99 <= 250ms"`},
		{"response_time", "p99 = 1s", `"p99 = 1s": "=" is not a comparison; write "=="`},
		{"response_time", "p99 <= 250", `"p99 <= 250": p99 needs a duration with a unit; want e.g. "p99 <= 250ms"`},
		{"response_time", "p99 <= 1%", `"p99 <= 1%": p99 needs a duration with a unit; want e.g. "p99 <= 250ms"`},
		{"response_time", "p99 <= -1s", `"p99 <= -1s": "-1s" is not a limit; want e.g. "p99 <= 250ms"`},
		{"response_time", "p99 <= +1s", `"p99 <= +1s": "+1s" is not a limit; want e.g. "p99 <= 250ms"`},
		{"response_time", "p99 <= 1parsec", `"p99 <= 1parsec": "1parsec" is not a limit; want e.g. "p99 <= 250ms"`},
		{"response_time", "p99 == 1s", `"p99 == 1s": a measured p99 is never exactly equal; want <=, <, >= or >`},
		{"response_time", "p100 <= 1s", `"p100" is not a percentile between p0 and p100; want e.g. "p99" or "p99.9"; for p100 write "max"`},
		{"response_time", "p0 <= 1s", `"p0" is not a percentile between p0 and p100; want e.g. "p99" or "p99.9"; for p100 write "max"`},
		{"response_time", "p1e1 <= 1s", `"p1e1" is not a percentile between p0 and p100; want e.g. "p99" or "p99.9"; for p100 write "max"`},
		{"response_time", "rate <= 1%", `statistic "rate" does not fit metric "response_time"; want p50 to p99.999, mean, min, max`},
		{"failed", "p99 <= 1s", `statistic "p99" does not fit metric "failed"; want rate, count`},
		{"failed", "rate <= 0.1", `"rate <= 0.1": rate needs a percentage; want e.g. "rate <= 0.1%"`},
		{"failed", "rate <= NaN%", `"rate <= NaN%": "NaN%" is not a limit; want e.g. "rate <= 0.1%"`},
		{"failed", "count <= 1.5", `"count <= 1.5": a count is never 1.5; want a whole number`},
		{"failed", "count <= 017", `"count <= 017": "017" is not a limit; want e.g. "rate <= 0.1%"`},
		{"failed", "count <= 1e9", `"count <= 1e9": "1e9" is not a limit; want e.g. "rate <= 0.1%"`},
		{"failed", "count <= 10000000000000000", `"count <= 10000000000000000": 10000000000000000 is out of range; want at most 1e15, written out`},
		{"throughput", "rate >= 1%", `statistic "rate" does not fit metric "throughput"; want per_second, count`},
		{"throughput", "per_second >= 1s", `"per_second >= 1s": per_second needs a plain number; want e.g. "per_second >= 950"`},
		{"throughput", "per_second == 950", `"per_second == 950": a measured per_second is never exactly equal; want <=, <, >= or >`},
	} {
		_, err := ParseExpectation(tt.metric, tt.text)
		var mistake *SyntaxError
		if !errors.As(err, &mistake) || err.Error() != tt.want {
			t.Errorf("ParseExpectation(%q, %q):\n got %v\nwant %s", tt.metric, tt.text, err, tt.want)
		}
	}
}

func TestParseBound(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Bound
		err  string // part of the message
	}{
		{">= 99.5%", Bound{Op: ">=", Unit: Share, Value: 0.995}, ""},
		{"<=0.2%", Bound{Op: "<=", Unit: Share, Value: 0.002}, ""},
		{">= 500", Bound{Op: ">=", Value: 500}, ""},
		{"== 100%", Bound{Op: "==", Unit: Share, Value: 1}, ""},
		{"99.5%", Bound{}, "has no comparison"},
		{">= 5s", Bound{}, "is a duration"},
		{"=> 5", Bound{}, `"=" is not a comparison`},
		{">=", Bound{}, "has no limit"},
		{"", Bound{}, "has no comparison"},
		{">= .5%", Bound{}, "is not a limit"},
		{">= 5.%", Bound{}, "is not a limit"},
	} {
		got, err := ParseBound(tt.text)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("ParseBound(%q) = %+v, %v; want an error with %q", tt.text, got, err, tt.err)
			}
			continue
		}
		if err != nil || got != tt.want {
			t.Errorf("ParseBound(%q) = %+v, %v; want %+v", tt.text, got, err, tt.want)
		}
	}
}

// What is read can be written, and is then read as the same.
func FuzzParseExpectation(f *testing.F) {
	for _, m := range Metrics {
		for _, text := range []string{"p99 <= 250ms", "p99.95 < 1h2m3s", "max<=2us", "rate <= 0.7%", "count == 3", "per_second >= 950.25", "p <= 1s", "rate <= 1e-9%"} {
			f.Add(m.Name, text)
		}
	}
	f.Fuzz(func(t *testing.T, metric, text string) {
		e, err := ParseExpectation(metric, text)
		if err != nil {
			var mistake *SyntaxError
			if !errors.As(err, &mistake) || mistake.What == "" || mistake.Mend == "" {
				t.Errorf("ParseExpectation(%q, %q): error %v does not say what and how to mend", metric, text, err)
			}
			return
		}
		again, err := ParseExpectation(metric, e.String())
		if err != nil || again != e {
			t.Errorf("%q is %+v, written %q, which is %+v, %v", text, e, e.String(), again, err)
		}
	})
}

func FuzzParseBound(f *testing.F) {
	for _, text := range []string{">= 99.5%", "<= 0.2%", ">= 500", "== 0", "> 0.000000000000001%"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ParseBound(text)
		if err != nil {
			return
		}
		if again, err := ParseBound(b.String()); err != nil || again != b {
			t.Errorf("%q is %+v, written %q, which is %+v, %v", text, b, b.String(), again, err)
		}
	})
}

func TestFormatDuration(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"}, {7, "7ns"}, {999, "999ns"}, {84_249, "84.2µs"}, {999_950, "1ms"}, {999_400, "999µs"}, {2 * time.Millisecond, "2ms"},
		{231_700 * time.Microsecond, "232ms"}, {999_600 * time.Microsecond, "1s"}, {1_236 * time.Millisecond, "1.24s"}, {59_960 * time.Millisecond, "1m"},
		{72_300 * time.Millisecond, "1m12s"}, {time.Hour, "1h"}, {time.Hour + time.Second, "1h0m1s"}, {90 * time.Minute, "1h30m"}, {-84_249, "-84.2µs"},
		{math.MinInt64, "-2562047h47m16.854775807s"},
	} {
		if got := FormatDuration(tt.d); got != tt.want {
			t.Errorf("FormatDuration(%d) = %q, want %q", tt.d, got, tt.want)
		}
	}
}

func TestFormatShare(t *testing.T) {
	for _, tt := range []struct {
		v    float64
		want string
	}{
		{0, "0%"}, {1, "100%"}, {0.5, "50%"}, {1.0 / 3, "33.3%"}, {0.001, "0.1%"}, {0.00174, "0.174%"}, {0.9998, "99.98%"}, {0.999999, "99.9999%"},
		{1e-6, "0.0001%"}, {1.25, "125%"}, {1e-15, "0.000000000%"},
	} {
		if got := FormatShare(tt.v); got != tt.want {
			t.Errorf("FormatShare(%v) = %q, want %q", tt.v, got, tt.want)
		}
	}
}

func TestFormatCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1204311: "1,204,311", -1000: "-1,000", -999: "-999", 100000: "100,000"} {
		if got := FormatCount(n); got != want {
			t.Errorf("FormatCount(%d) = %q, want %q", n, got, want)
		}
	}
}
