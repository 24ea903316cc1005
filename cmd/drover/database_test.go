package main

import (
	"database/sql"
	"os"
	"strings"
	"testing"
)

// rows asks a database a question and counts the answers.
func rows(t *testing.T, file, query string) (n int) {
	t.Helper()
	pool, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	r, err := pool.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer r.Close()
	for r.Next() {
		n++
	}
	if err := r.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// TestRunDatabase: what the report says was stored is in the file, the queries of the help work, and a second run is refused.
func TestRunDatabase(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	want(t, exitPass, "run", file, "--set", "day=200ms", "--db", "run.db", "--out", "out")
	if _, err := os.Stat("run.db-wal"); err == nil {
		t.Error("a clean end leaves more than one file")
	}
	var stored int64
	for _, k := range readRun(t, "out").Kinds {
		stored += *k.Stored
	}
	if n := rows(t, "run.db", "SELECT no FROM events"); int64(n) != stored || n == 0 {
		t.Errorf("%d events in the file, %d in the report", n, stored)
	}
	_, list, _ := strings.Cut(databaseTopic().Long, "Queries:\n\n")
	list, _, _ = strings.Cut(list, "\n\n")
	tested := 0
	for line := range strings.Lines(list) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "SELECT ") {
			rows(t, "run.db", line)
			tested++
		}
	}
	if tested < 7 {
		t.Errorf("%d queries in the help, want 7", tested)
	}
	code, _, stderr := drover(t, testEnv(), "run", file, "--db", "run.db", "--out", "out")
	if code != exitUsage || !strings.Contains(stderr, "--db run.db: it has the events of run quick-20260504T080000Z-") {
		t.Errorf("a second run on the same file: %d %s", code, stderr)
	}
	for _, args := range [][]string{{"run", file}, {"serve", "--addr", "127.0.0.1:0"}} {
		code, _, stderr := drover(t, testEnv(), append(args, "--db", file)...)
		if code != exitUsage || !strings.Contains(stderr, "it is not an SQLite database") {
			t.Errorf("%s --db on a scenario: %d %s", args[0], code, stderr)
		}
	}
	code, _, stderr = drover(t, testEnv(), "run", file, "--set", "target=http://127.0.0.1:1", "--db", "other.db")
	if code != exitUsage || !strings.Contains(stderr, "only the embedded backend has a database") {
		t.Errorf("--db for another target: %d %s", code, stderr)
	}
	if _, err := os.Stat("other.db"); err == nil {
		t.Error("the file was made all the same")
	}
}

// TestServeDatabase: a backend that is started on the file of another one has what that one had, and its runs.
func TestServeDatabase(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	t.Setenv("DROVER_TEST_SECRET", "swordfish")
	args := []string{"--secret-env", "SECRET", "--db", "serve.db"}
	for n := 1; n <= 2; n++ {
		serve(t, args, func(target string) {
			want(t, exitPass, "run", file, "--set", "target="+target, "--set", "day=200ms", "--out", "out")
		})
		if got := rows(t, "serve.db", "SELECT DISTINCT run FROM events"); got != n {
			t.Errorf("%d runs in the file after %d", got, n)
		}
	}
	held := rows(t, "serve.db", "SELECT no FROM events")
	code, _, stderr := drover(t, testEnv(), "serve", "--addr", "127.0.0.1:0", "--db", "serve.db", "--max-events", "10")
	if code != exitBroke || !strings.Contains(stderr, "more than the 10 that the backend keeps") || held < 11 {
		t.Errorf("fewer than are in the file: %d %s", code, stderr)
	}
}
