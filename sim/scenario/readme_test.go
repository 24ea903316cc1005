package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The README carries the reference that the types generate; -update writes it there.
func TestREADMEHasTheReference(t *testing.T) {
	const begin, end = "<!-- reference: begin; made by `make golden` -->\n", "<!-- reference: end -->"
	file := filepath.Join("..", "..", "README.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the reference: %q ... %q", file, begin, end)
	}
	want := "\n" + strings.TrimSpace(Reference()) + "\n\n"
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("%s has another scenario reference than the types; run make golden", file)
	}
	if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
