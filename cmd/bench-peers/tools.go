//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// The peers, in the versions that the figures in the commit messages were measured with.
const (
	vegetaModule = "github.com/tsenart/vegeta/v12@v12.13.0"
	k6Module     = "go.k6.io/k6@v1.8.1"
)

// tools are the programs; "" is one that is not there.
type tools struct{ drover, wrk, vegeta, k6 string }

// findTools builds drover from the working directory, and those of the peers into cache that are not there.
func findTools(ctx context.Context, cache string, peers []string) (t tools, err error) {
	for _, tool := range []string{"go", "make", "taskset"} {
		if _, err := exec.LookPath(tool); err != nil {
			return t, fmt.Errorf("%s is needed: %w", tool, err)
		}
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return t, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return t, err
	}
	t.drover = filepath.Join(cache, "drover")
	build := exec.CommandContext(ctx, "make", "--no-print-directory", "--silent", "build", "BIN="+t.drover) // what users have
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return t, fmt.Errorf("build drover, from the top of its repository: %w", err)
	}
	if slices.Contains(peers, "wrk") {
		if t.wrk, err = exec.LookPath("wrk"); err != nil {
			missing("wrk", "apt-get install wrk")
		}
	}
	if slices.Contains(peers, "vegeta") {
		t.vegeta = install(ctx, cache, "vegeta", vegetaModule)
	}
	if slices.Contains(peers, "k6") {
		t.k6 = install(ctx, cache, "k6", k6Module)
	}
	return t, nil
}

func missing(tool, how string) {
	fmt.Fprintf(os.Stderr, "*** %s is missing and left out; %s ***\n", tool, how)
}

// install returns the path of a peer; "" when it cannot be had.
func install(ctx context.Context, cache, name, module string) string {
	dir := filepath.Join(cache, module) // a version has its own directory
	bin := filepath.Join(dir, name)
	if _, err := os.Stat(bin); err == nil {
		return bin
	}
	fmt.Fprintf(os.Stderr, "building %s, once; k6 takes minutes\n", module)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		missing(name, err.Error())
		return ""
	}
	cmd := exec.CommandContext(ctx, "go", "install", module)
	cmd.Dir = dir // outside of any module
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		missing(name, fmt.Sprintf("go install %s: %v: %.200s", module, err, out))
		return ""
	}
	return bin
}
