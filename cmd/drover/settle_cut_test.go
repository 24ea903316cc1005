package main

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drover/report"
	"drover/sim/defect"
)

// What a killed run leaves is settled as far as it goes: what is wrong is told, and nothing is a pass.
func TestSettleAfterACrash(t *testing.T) {
	set := &defect.Set{Seed: 3}
	for _, tt := range []struct {
		lose float64
		code int
	}{{0, exitInconclusive}, {0.02, exitFail}} {
		set.Rules[defect.Lose].Share = tt.lose
		dir, doc, _ := fatesRun(t, "fates.yaml", set)
		path := filepath.Join(dir, ledgerDir, "worker-0.ledger")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b[:len(b)-10], 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, "run.json")); err != nil {
			t.Fatal(err)
		}
		out := want(t, tt.code, "settle", dir)
		for _, words := range []string{"which was cut short", "the ledger was cut short", "result: "} {
			if !strings.Contains(out, words) {
				t.Errorf("settle says nothing of %q:\n%s", words, out)
			}
		}
		if strings.Contains(out, "result: pass") {
			t.Errorf("settle calls half a ledger a pass:\n%s", out)
		}
		var again settledRun
		if err := json.Unmarshal([]byte(want(t, tt.code, "settle", dir, "--format", "json")), &again); err != nil {
			t.Fatal(err)
		}
		// Every upload was in the blocks that were left, for the run ended before its end block was cut off.
		if r := again.Reconcile; r.Lost != doc.Reconcile.Lost || r.Unexpected != 0 {
			t.Errorf("settled: %+v, the run said %+v", r, doc.Reconcile)
		}
	}
}

// What the ledger of a killed run does not have is told apart: due before the cut, which is a gap, and due only after it.
func TestSettleKnowsTheCut(t *testing.T) {
	dir, doc, _ := fatesRun(t, "fates.yaml", nil, "--workers", "2")
	cut := func(name string) { // to its header
		path := filepath.Join(dir, ledgerDir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		const before, head = 8, 9 // the magic, and a block's head
		if err := os.WriteFile(path, b[:before+head+int(binary.LittleEndian.Uint32(b[before:]))], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	settled := func() *report.Reconcile {
		var again settledRun
		if err := json.Unmarshal([]byte(want(t, exitInconclusive, "settle", dir, "--format", "json")), &again); err != nil {
			t.Fatal(err)
		}
		return again.Reconcile
	}
	all := doc.Reconcile.Events
	cut("worker-0.ledger")
	half := settled()
	if half.Unrecorded == 0 || half.Acknowledged == 0 || half.Acknowledged+half.Unrecorded+half.NotDue != half.Events {
		t.Errorf("one of two workers' entries lost: %+v", half)
	}
	cut("worker-1.ledger")
	none := settled()
	if none.NotDue < all-1 || none.NotDue+none.Unrecorded != none.Events || none.Acknowledged != 0 || none.Lost+none.Unexpected != 0 {
		t.Errorf("nothing recorded: %+v, of %d events", none, all)
	}
}
