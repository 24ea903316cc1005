package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestVisits(t *testing.T) {
	var reported, malicious, lines int
	for _, device := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"} { // users are hit very unequally
		last := time.Time{}
		for line := range strings.Lines(want(t, exitPass, "visits", "smoke", "--device", device, "--limit", "0", "--format", "ndjson")) {
			var v visitDoc
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Fatal(err)
			}
			if v.Time.Before(last) || !strings.Contains(v.URL, ".sim.test/") || v.Reported != (v.Verdict != "benign") {
				t.Fatalf("line %s", line)
			}
			last = v.Time
			lines++
			if v.Reported {
				reported++
			}
			if v.Difficulty != "" {
				malicious++
			}
		}
	}
	if lines < 1000 || malicious == 0 || reported == 0 || reported > malicious {
		t.Errorf("%d visits, %d of them to planted sites, %d reported", lines, malicious, reported)
	}
	table := want(t, exitPass, "visits", "smoke", "--device", "26", "--limit", "7", "--for", "3h")
	if n := strings.Count(table, "\n"); n != 8 || !strings.HasPrefix(table, "DEVICE TIME") {
		t.Errorf("%d lines:\n%s", n, table)
	}
	for _, args := range [][]string{{"visits", "smoke", "--device", "50"}, {"visits", "smoke", "--device", "-1"}, {"visits", "smoke", "--for", "0s"}, {"visits", "smoke", "--limit", "-1"}} {
		if code, _, stderr := drover(t, testEnv(), args...); code != exitUsage || !strings.Contains(stderr, args[2]) {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
}

func TestPatterns(t *testing.T) {
	out := want(t, exitPass, "classify", "--patterns")
	for _, want := range []string{"combosquat     easy", "compromised    hard", "loginPage      benign"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	lines := 0
	for line := range strings.Lines(want(t, exitPass, "classify", "--patterns", "--format", "json")) {
		var p patternDoc
		if err := json.Unmarshal([]byte(line), &p); err != nil || p.Samples == 0 || p.Malicious != (len(p.Categories) > 0) {
			t.Errorf("%s: %v", line, err)
		}
		lines++
	}
	if lines != 25 {
		t.Errorf("%d lines, want 25", lines)
	}
	for _, args := range [][]string{{"classify", "--patterns", "a.test"}, {"classify", "--patterns", "--scenario", "smoke"}} {
		if code, _, _ := drover(t, testEnv(), args...); code != exitUsage {
			t.Errorf("%v: exit %d, want %d", args, code, exitUsage)
		}
	}
}
