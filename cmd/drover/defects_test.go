package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file of defects that cannot be meant ends serve before it listens, and says where the mistake is.
func TestServeDefects(t *testing.T) {
	file := filepath.Join(t.TempDir(), "defects.yaml")
	if err := os.WriteFile(file, []byte("loose: {count: 3}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]string{
		file:                 `defects.yaml:1:1: defects has no field "loose"; did you mean "lose"?`,
		"no/such/place.yaml": "read defects: open no/such/place.yaml",
	} {
		code, stdout, stderr := drover(t, testEnv(), "serve", "--addr", "127.0.0.1:0", "--defects", arg)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("serve --defects %s: code %d, %q, %q, want %d and %q", arg, code, stdout, stderr, exitUsage, want)
		}
	}
}
