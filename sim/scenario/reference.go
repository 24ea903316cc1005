package scenario

import (
	"fmt"
	"reflect"
	"strings"
)

// Reference returns the scenario reference in Markdown: a table for each part of the file, made from the same Go types
// and tags as the loader and the schema.
func Reference() string {
	var out strings.Builder
	for _, part := range []struct {
		title, path string
		t           reflect.Type
	}{
		{"The file", "", reflect.TypeFor[rawFile]()},
		{"Seed, clock and params", "spec:seed clock params", reflect.TypeFor[rawSpec]()},
		{"Target", "spec:target", reflect.TypeFor[rawSpec]()},
		{"Privacy and the web", "spec:privacy web", reflect.TypeFor[rawSpec]()},
		{"Fleets", "spec:fleets", reflect.TypeFor[rawSpec]()},
		{"Behaviours", "spec:behaviors", reflect.TypeFor[rawSpec]()},
		{"Load", "spec:load", reflect.TypeFor[rawSpec]()},
		{"Timeline", "spec:timeline", reflect.TypeFor[rawSpec]()},
		{"Checks", "spec:checks", reflect.TypeFor[rawSpec]()},
		{"Variants", "spec:variants", reflect.TypeFor[rawSpec]()},
	} {
		fmt.Fprintf(&out, "### %s\n\n| field | type | default | meaning |\n| --- | --- | --- | --- |\n", part.title)
		prefix, only, _ := strings.Cut(part.path, ":")
		for _, f := range fieldsOf(part.t) {
			switch {
			case part.path == "" && f.name == "spec":
			case only != "" && !containsWord(only, f.name):
			default:
				rows(&out, join(prefix, f.name), f)
			}
		}
		out.WriteString("\n")
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func containsWord(words, w string) bool { return strings.Contains(" "+words+" ", " "+w+" ") }

// rows writes the row of a field and those of the fields inside it.
func rows(out *strings.Builder, path string, f field) {
	t, kind := f.typ, ""
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch inner := t; {
	case reflect.PointerTo(t).Implements(reflect.TypeFor[custom]()):
		kind = words(t, f.tag)
	case t.Kind() == reflect.Slice:
		t, path, kind = t.Elem(), path+"[]", "list"
		if t.Kind() != reflect.Struct {
			kind = "list of texts"
		}
	case t.Kind() == reflect.Map:
		for t = inner.Elem(); t.Kind() == reflect.Pointer; t = t.Elem() {
		}
		path, kind = path+".*", "by name"
		if t.Kind() != reflect.Struct {
			kind += ": " + words(t, f.tag)
		}
	default:
		kind = words(t, f.tag)
	}
	def, has := f.tag.Lookup("default")
	switch {
	case has:
		def = "`" + def + "`"
	case f.required:
		def = "required"
	case t.Kind() == reflect.Struct && f.typ.Kind() == reflect.Struct:
		def = "the defaults below"
	default:
		def = "–"
	}
	fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", path, kind, def, strings.ReplaceAll(f.tag.Get("jsonschema"), "|", `\|`))
	if reflect.PointerTo(t).Implements(reflect.TypeFor[custom]()) {
		if t == reflect.TypeFor[rawRate]() && strings.HasPrefix(path, "load.") {
			for _, shape := range []reflect.Type{reflect.TypeFor[rawRamp](), reflect.TypeFor[rawSine](), reflect.TypeFor[rawSteps]()} {
				children(out, path, shape)
			}
		}
		if t == reflect.TypeFor[rawAdapter]() {
			children(out, path, reflect.TypeFor[rawMapping]())
		}
		return
	}
	if t == reflect.TypeFor[rawOp]() && strings.HasSuffix(path, ".enrol") {
		return // as those of upload
	}
	if t.Kind() == reflect.Struct && t != reflect.TypeFor[instant]() {
		children(out, path, t)
	}
}

func children(out *strings.Builder, path string, t reflect.Type) {
	for _, f := range fieldsOf(t) {
		rows(out, join(path, f.name), f)
	}
}

// words says what a value looks like, with its range or its words.
func words(t reflect.Type, tag reflect.StructTag) string {
	kind := strings.TrimPrefix(strings.TrimPrefix(kindOf(t), "a "), "an ")
	for _, of := range []string{"enum", "keys"} {
		if list := tag.Get(of); list != "" {
			list = "`" + strings.ReplaceAll(list, "|", "`, `") + "`"
			if of == "enum" {
				return list
			}
			return kind + ": " + list
		}
	}
	if low, high, ok := strings.Cut(tag.Get("range"), ".."); ok {
		return fmt.Sprintf("%s, %s to %s", kind, low, high)
	}
	return kind
}
