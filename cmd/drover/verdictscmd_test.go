package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drover/report"
)

func TestVerdictsCommand(t *testing.T) {
	const stalled = "../../report/testdata/stalled.json"
	text := want(t, exitPass, "verdicts", stalled)
	if !strings.Contains(text, "By response time, the fastest tenth first") || !strings.Contains(text, "19 others") {
		t.Errorf("verdicts = %s", text)
	}
	if md := want(t, exitPass, "verdicts", stalled, "--format", "markdown"); !strings.Contains(md, "\n| 19 others | 503 | 490 |") {
		t.Errorf("in markdown: %s", md)
	}
	run, _, err := openRun(stalled)
	if err != nil {
		t.Fatal(err)
	}
	var v report.Verdicts
	if err := json.Unmarshal([]byte(want(t, exitPass, "verdicts", stalled, "--format", "json")), &v); err != nil || v.Matrix != run.Verdicts.Matrix || len(v.ByPhase) != 2 {
		t.Errorf("in JSON: %+v, %v", v, err)
	}
	// The document of a drover that did not know of splits, and one without detections.
	dir := t.TempDir()
	for name, change := range map[string]func(*report.Run){
		"The backend's verdicts":    func(r *report.Run) { r.Verdicts.ByPhase, r.Verdicts.ByTenant, r.Verdicts.ByResponse = nil, nil, nil },
		"No detection was made, so": func(r *report.Run) { r.Verdicts = nil },
	} {
		old := *run
		old.Verdicts = new(report.Verdicts)
		*old.Verdicts = *run.Verdicts
		change(&old)
		f, err := os.Create(filepath.Join(dir, "run.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := report.JSON(f, &old); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if text := want(t, exitPass, "verdicts", dir); !strings.Contains(text, name) || strings.Contains(text, "By phase") {
			t.Errorf("verdicts = %s", text)
		}
	}
	want(t, exitUsage, "verdicts")
	want(t, exitUsage, "verdicts", dir+"/none")
}
