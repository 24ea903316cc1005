package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// calibrate finds both ceilings with a process of its own behind the port, and places each phase below them.
func TestCalibrate(t *testing.T) {
	t.Setenv("DROVER_BE_DROVER", "1") // the process that discards is this test binary
	code, out, errs := drover(t, testEnv(), "calibrate", "smoke", "--for", "200ms", "--format", "json")
	var c calibration
	if err := json.Unmarshal([]byte(out), &c); code != exitPass || err != nil {
		t.Fatalf("exit %d, %v\n%s%s", code, err, out, errs)
	}
	for name, got := range map[string]ceiling{"alone": c.Alone, "over loopback": c.Loopback} {
		if got.PerSec <= 0 || got.Uploads <= 0 || got.Bytes/got.Uploads < 500 || got.CPUShare <= 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if len(c.Phases) != 3 || c.Phases[1].Phase != "day" || c.Phases[1].PerSec < 50 || c.Phases[1].Share != c.Phases[1].PerSec/c.Loopback.PerSec {
		t.Errorf("phases %+v", c.Phases)
	}
	var text strings.Builder
	c.Phases[0].Share, c.Phases[2].PerSec = 0.6, 0
	c.Lacking, c.Alone.CPUShare = []string{"TLS"}, 0.4
	if err := c.text(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"over loopback", "too near for this machine alone", "as fast as the backend answers", "Left out, and on top of it: TLS.", "Alone, drover had 40% of the CPU;"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text has no %q:\n%s", want, &text)
		}
	}
}

func TestCalibrateRefuses(t *testing.T) {
	for _, args := range [][]string{{"calibrate", "--for", "1ms"}, {"calibrate", "smoke", "burst"}, {"calibrate", "no-such"}, {"serve", "--discard", "--verbose"},
		{"serve", "--discard", "--tls"}, {"serve", "--discard", "--addr", "x"}} {
		if code, _, errs := drover(t, testEnv(), args...); code != exitUsage || errs == "" {
			t.Errorf("%v: exit %d, %q; want %d and why", args, code, errs, exitUsage)
		}
	}
}
