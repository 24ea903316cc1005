package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTrain(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, from int) string {
		var b strings.Builder
		b.WriteString("url,label,category,source\n")
		for i := from; i < from+60; i++ {
			fmt.Fprintf(&b, "verify-signin-%d.test/x,1,phishing,made\nriver-meadow-%d.example/x,0,benign,made\n", i, i)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	train, dev, weights := file("train.csv", 0), file("dev.csv", 100), filepath.Join(dir, "model.bin")
	if out := want(t, exitPass, "train", "--data", train, "--dev", dev, "--out", weights); !strings.Contains(out, "AUC                    1.0000") {
		t.Errorf("train = %q, want an AUC of 1", out)
	}
	if out := want(t, exitPass, "train", "--data", train, "--dev", dev, "--out", weights, "--hold-out"); !strings.Contains(out, "registrable domains    120 to learn from, 120 in dev") || !strings.Contains(out, "quarter 4") {
		t.Errorf("train --hold-out = %q, want domains and quarters", out)
	}
	if info, err := os.Stat(weights); err != nil || info.Size() < 512<<10 {
		t.Errorf("weights: %v, %v, want a file of more than half a megabyte", info, err)
	}
	if out := want(t, exitPass, "classify", "--eval", dev); !strings.Contains(out, "60 malicious, 60 benign") {
		t.Errorf("classify --eval = %q", out)
	}
	want(t, exitUsage, "classify", "--eval", dev, "a.example")
	bad := filepath.Join(dir, "bad.csv")
	for _, content := range []string{"", "name,label\n", "url,label\na.example,\"2\"\n", "url,label\na.example,1\n"} {
		if err := os.WriteFile(bad, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		want(t, exitUsage, "classify", "--eval", bad)
	}
}
