package scenario

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"drover/scenarios"
)

// FuzzParse: whatever the file, Parse neither panics nor hangs; each mistake has a place and says something; and a file
// that is accepted resolves to one that means the same.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/err/*.yaml", "testdata/ok/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	for _, name := range Shipped() {
		src, err := fs.ReadFile(scenarios.Files, name+".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		sc, err := Parse("f.yaml", src, options(src))
		if err != nil {
			errs := (Errors)(nil)
			if !errors.As(err, &errs) || len(errs) == 0 || len(errs) > maxErrors {
				t.Fatalf("Parse: error is a %T with %d mistakes, want Errors with 1 to %d", err, len(errs), maxErrors)
			}
			lines := strings.Count(string(src), "\n") + strings.Count(string(src), "\r") + strings.Count(string(src), "\u0085") +
				strings.Count(string(src), "\u2028") + strings.Count(string(src), "\u2029") + 1 // all that YAML 1.1 ends a line with
			for i, e := range errs {
				if e.Line < 1 || e.Line > lines && e.File == "f.yaml" || e.Col < 1 || e.What == "" || strings.Contains(e.Error(), "\n") {
					t.Errorf("mistake %+v of a file of %d lines", e, lines)
				}
				if i > 0 && e.Line < errs[i-1].Line && e.File == errs[i-1].File {
					t.Errorf("mistake in line %d comes after one in line %d", e.Line, errs[i-1].Line)
				}
			}
			return
		}
		if sc.ContractFile != nil {
			return // the resolved file looks for it beside itself
		}
		again, err := Parse("f.yaml", sc.Resolved, Options{})
		if err != nil {
			t.Fatalf("Parse(Resolved) = %v of\n%s", err, sc.Resolved)
		}
		if diff := same(sc, again); diff != "" {
			t.Errorf("Parse(Resolved) differs:\n%s", diff)
		}
	})
}

// BenchmarkParse is the cost of the largest shipped scenario, the facts being read already.
func BenchmarkParse(b *testing.B) {
	src, err := fs.ReadFile(scenarios.Files, "workday.yaml")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("workday.yaml", src, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
