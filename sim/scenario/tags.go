package scenario

import (
	"reflect"
	"strings"
)

// field is a field of a raw struct as its tags describe it.
type field struct {
	name     string
	index    []int
	typ      reflect.Type
	tag      reflect.StructTag
	required bool
}

// fieldsOf lists the fields of a raw struct in order, those of embedded structs among them.
func fieldsOf(t reflect.Type) []field {
	var fs []field
	for _, f := range reflect.VisibleFields(t) {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		fs = append(fs, field{name, f.Index, f.Type, f.Tag, rest != "omitempty"})
	}
	return fs
}

// laterOf lists the fields that are understood but not supported yet.
func laterOf(t reflect.Type) []string {
	if f, ok := t.FieldByName("_"); ok {
		return strings.Split(f.Tag.Get("later"), "|")
	}
	return nil
}

// kindOf names a type for people.
func kindOf(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch reflect.New(t).Interface().(type) {
	case *duration:
		return "a duration"
	case *rate:
		return "a rate"
	case *share:
		return "a share"
	case *instant:
		return "a time"
	case *word:
		return "a name"
	case *version:
		return "a version"
	case *weights:
		return "a table of shares"
	case *toggle:
		return "a table of shares"
	case *rawSeed:
		return "a seed"
	case *rawShape:
		return "a name or 24 numbers"
	case *rawMoment:
		return "a time within the run"
	case *rawAdapter:
		return "a name, a file or a mapping"
	case *rawPairs:
		return "a mapping of texts"
	case *rawAny:
		return "any value"
	case *rawSpans:
		return "a status or a list of them"
	case *rawWords:
		return "a value or a list of them"
	case *rawUptake:
		return "a curve or at-once"
	case *rawRate:
		return "a rate or a mapping"
	case *text:
		return "a plain value"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "a boolean"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.String:
		return "a text"
	}
	return "a mapping"
}
