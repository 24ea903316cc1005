package wire

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// TestNativeFields holds the list to what documents with every field have.
func TestNativeFields(t *testing.T) {
	seen := map[string]bool{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				field := name
				if path != "" {
					field = path + "." + name
				}
				seen[field] = true
				walk(field, member)
			}
		case []any:
			for _, member := range v {
				walk(path+"[]", member)
			}
		}
	}
	for _, file := range []string{"testdata/native.json", "testdata/native-mac.json"} {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(src, &doc); err != nil {
			t.Fatal(err)
		}
		walk("", doc)
	}
	fields := NativeFields()
	for _, f := range fields {
		if !seen[f] {
			t.Errorf("NativeFields has %s, but no document does", f)
		}
		delete(seen, f)
	}
	for f := range seen {
		t.Errorf("documents have %s, but NativeFields does not", f)
	}
	if !slices.Contains(fields, "events[].web.domain") {
		t.Errorf("NativeFields() = %q, want events[].web.domain among them", fields)
	}
}
