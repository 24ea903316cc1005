package scenario

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// options reads what a case wants from the command line: "# set: name=value" and "# variant: name" in its first lines.
func options(src []byte) Options {
	opt := Options{Set: map[string]string{}}
	for line := range strings.Lines(string(src)) {
		line = strings.TrimSpace(line)
		if set, ok := strings.CutPrefix(line, "# set: "); ok {
			name, value, _ := strings.Cut(set, "=")
			opt.Set[name] = value
		} else if variant, ok := strings.CutPrefix(line, "# variant: "); ok {
			opt.Variant = variant
		} else {
			break
		}
	}
	return opt
}

// TestMistakes holds the whole report on each broken file against testdata/err/*.out. A message that changes is reviewed
// there; the position, the mistake and the way to mend it all count.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/err/*.yaml")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d cases (%v), want 50 or more", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sc, err := Parse(name+".yaml", src, options(src))
			if sc != nil || err == nil {
				t.Fatalf("Parse = %v, %v, want mistakes only", sc, err)
			}
			if errs := (Errors)(nil); !errors.As(err, &errs) {
				t.Fatalf("Parse: error is a %T, want Errors", err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".out", []byte(err.Error()+"\n"))
		})
	}
}

// golden holds got against a file, or writes the file with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

// TestTooLarge: the one mistake whose file is not worth keeping.
func TestTooLarge(t *testing.T) {
	src := bytes.Repeat([]byte("# ten bytes\n"), 10<<20/12)
	_, err := Parse("big.yaml", src, Options{})
	if want := "big.yaml:1:1: the file has 10485756 bytes; a scenario is at most 1 MiB"; err == nil || err.Error() != want {
		t.Errorf("Parse of 10 MB = %v, want %v", err, want)
	}
}

// TestSetNotText: what is not UTF-8 stays out of the resolved scenario, which could not be read with it. No file in testdata can have it.
func TestSetNotText(t *testing.T) {
	for _, c := range []struct{ typ, value, old, new string }{
		{"string", "night \xff", "name: minimal", `name: minimal, description: "${p}"`},
		{"url", "http://127.0.0.1/\xff", "url: embedded", `url: "${p}"`},
	} {
		src := strings.NewReplacer("spec:\n", "spec:\n  params: {p: {type: "+c.typ+"}}\n", c.old, c.new).Replace(minimal)
		_, err := Parse("test.yaml", []byte(src), Options{Set: map[string]string{"p": c.value}})
		want := fmt.Sprintf(`test.yaml:5:12: param "p": %q given by --set is not UTF-8; give it as plain UTF-8 text`, c.value)
		if err == nil || err.Error() != want {
			t.Errorf("Parse with a %s of %q = %v, want %s", c.typ, c.value, err, want)
		}
	}
}
