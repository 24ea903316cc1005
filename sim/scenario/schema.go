package scenario

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"gopkg.in/yaml.v3"
)

// Schema returns the JSON Schema (draft 2020-12) of the file format, for editors. It is made from the Go types that the
// loader fills. It cannot say everything the loader checks: names that must exist, shares that must add up to 100. Where
// a value may come from a param, it also allows ${name}.
func Schema() []byte {
	s, err := jsonschema.For[rawFile](&jsonschema.ForOptions{TypeSchemas: notations()})
	if err != nil {
		panic("scenario: schema: " + err.Error()) // a type of format.go without a notation; TestSchemaIsStable makes all of it
	}
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "drover scenario, " + apiVersion
	annotate(s, reflect.TypeFor[rawFile]())
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("scenario: schema: " + err.Error()) // it is made of format.go alone, and whole in TestSchemaIsStable
	}
	return append(out, '\n')
}

// aParam is a text with a param in it.
func aParam() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `\$\{[^}]+\}`}
}

// notations are the schemas of the types that read their own notation.
func notations() map[reflect.Type]*jsonschema.Schema {
	pattern := func(p string) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Pattern: p} }
	number := func(high float64) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "number", Minimum: new(float64), Maximum: &high}
	}
	seed := &jsonschema.Schema{Type: "integer", Minimum: new(float64)}
	streams := &jsonschema.Schema{Type: "object", AdditionalProperties: no(), Properties: map[string]*jsonschema.Schema{}, PropertyOrder: streamNames}
	for _, name := range streamNames {
		streams.Properties[name] = seed.CloneSchemas()
	}
	table := &jsonschema.Schema{Type: "object", AdditionalProperties: number(100), MinProperties: jsonschema.Ptr(1)}
	rates := []*jsonschema.Schema{pattern(rateSyntax)}
	for _, t := range []reflect.Type{reflect.TypeFor[rawRamp](), reflect.TypeFor[rawSine](), reflect.TypeFor[rawSteps]()} {
		s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
			reflect.TypeFor[rate](): pattern(rateSyntax), reflect.TypeFor[duration](): pattern(durationSyntax),
		}})
		if err != nil {
			panic("scenario: schema: " + err.Error()) // as in Schema
		}
		annotate(s, t)
		rates = append(rates, s)
	}
	return map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[duration](): pattern(durationSyntax),
		reflect.TypeFor[rate]():     pattern(rateSyntax),
		reflect.TypeFor[share]():    pattern(shareSyntax),
		reflect.TypeFor[word]():     pattern(wordSyntax),
		reflect.TypeFor[instant]():  {Type: "string", Format: "date-time"},
		reflect.TypeFor[version]():  {Types: []string{"string", "number"}},
		reflect.TypeFor[text]():     {Types: []string{"string", "number", "integer", "boolean"}},
		reflect.TypeFor[weights]():  table,
		reflect.TypeFor[toggle]():   table,
		reflect.TypeFor[rawSeed]():  {AnyOf: []*jsonschema.Schema{seed, streams}},
		reflect.TypeFor[rawShape](): {AnyOf: []*jsonschema.Schema{{Type: "string"}, {
			Type: "array", Items: number(1000), MinItems: jsonschema.Ptr(24), MaxItems: jsonschema.Ptr(24)}}},
		reflect.TypeFor[rawAdapter](): {AnyOf: []*jsonschema.Schema{{Type: "string"}, mappingSchema()}},
		reflect.TypeFor[rawRate]():    {AnyOf: rates},
		reflect.TypeFor[rawMoment]():  pattern(momentSyntax),
		reflect.TypeFor[rawUptake](): {AnyOf: []*jsonschema.Schema{{Type: "string", Enum: []any{atOnce}}, {
			Type: "object", AdditionalProperties: number(100), MinProperties: jsonschema.Ptr(1)}}},
	}
}

// mappingSchema is that of an adapter which is written into a scenario.
func mappingSchema() *jsonschema.Schema {
	t := reflect.TypeFor[rawMapping]()
	texts := &jsonschema.Schema{Type: "object", AdditionalProperties: &jsonschema.Schema{Type: "string"}}
	status := &jsonschema.Schema{Types: []string{"integer", "string", "array"}}
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[word](): {Type: "string", Pattern: wordSyntax}, reflect.TypeFor[rawPairs](): texts, reflect.TypeFor[rawSpans](): status,
		reflect.TypeFor[rawWords](): {}, reflect.TypeFor[rawAny](): {}, reflect.TypeFor[duration](): {Type: "string", Pattern: durationSyntax},
	}})
	if err != nil {
		panic("scenario: schema: " + err.Error()) // as in Schema
	}
	annotate(s, t)
	return s
}

func no() *jsonschema.Schema { return &jsonschema.Schema{Not: &jsonschema.Schema{}} }

// annotate adds what the tags say and jsonschema-go does not read: defaults, ranges and words. It takes back the null
// that jsonschema-go allows for pointers and slices: an empty value is a mistake here.
func annotate(s *jsonschema.Schema, t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	notNull(s)
	if reflect.PointerTo(t).Implements(reflect.TypeFor[custom]()) {
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		if s.Properties == nil { // an instant
			return
		}
		s.Required = nil
		for _, f := range fieldsOf(t) {
			p := s.Properties[f.name]
			annotate(p, f.typ)
			describeField(p, f)
			if f.required {
				s.Required = append(s.Required, f.name)
			}
			if f.name != "apiVersion" && f.name != "kind" {
				s.Properties[f.name] = orParam(p)
			}
		}
	case reflect.Slice:
		annotate(s.Items, t.Elem())
	case reflect.Map:
		annotate(s.AdditionalProperties, t.Elem())
		s.PropertyNames = &jsonschema.Schema{Pattern: wordSyntax}
	}
}

func notNull(s *jsonschema.Schema) {
	switch {
	case len(s.Types) == 2 && s.Types[0] == "null":
		s.Type, s.Types = s.Types[1], nil
	case len(s.Types) == 1 && s.Types[0] == "null": // a pointer to a type with several notations
		s.Types = nil
	}
}

// describeField writes the range, the words and the default of one field into its schema.
func describeField(s *jsonschema.Schema, f field) {
	of, t := s, f.typ
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Map {
		if t.Kind() == reflect.Map {
			of = of.AdditionalProperties
		}
		t = t.Elem()
	}
	if low, high, ok := strings.Cut(f.tag.Get("range"), ".."); ok && (t.Kind() == reflect.Int || t == reflect.TypeFor[float64]()) {
		of.Minimum, of.Maximum = jsonschema.Ptr(boundOf(t, low)), jsonschema.Ptr(boundOf(t, high))
	} else if ok {
		s.Description += " (" + low + " to " + high + ")"
	}
	for word := range strings.SplitSeq(f.tag.Get("enum"), "|") {
		if word != "" {
			of.Enum = append(of.Enum, word)
		}
		if n, err := strconv.ParseFloat(word, 64); err == nil && t == reflect.TypeFor[version]() {
			of.Enum = append(of.Enum, n) // as YAML reads it without quotes
		}
	}
	if keys := f.tag.Get("keys"); keys != "" {
		of.PropertyNames = &jsonschema.Schema{}
		for key := range strings.SplitSeq(keys, "|") {
			of.PropertyNames.Enum = append(of.PropertyNames.Enum, key)
		}
	}
	if text, ok := f.tag.Lookup("default"); ok {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			panic("scenario: default " + text + ": " + err.Error()) // a tag of format.go, nothing that a user wrote
		}
		if f.typ == reflect.TypeFor[instant]() {
			v = text
		}
		v = jsonable(v)
		s.Default, _ = json.Marshal(v)
	}
}

// jsonable turns the maps of yaml.v3, whose keys may be booleans, into those of JSON.
func jsonable(v any) any {
	if m, ok := v.(map[any]any); ok {
		out := map[string]any{}
		for k, x := range m {
			if b, isBool := k.(bool); isBool {
				k = strconv.FormatBool(b)
			}
			if name, isText := k.(string); isText {
				out[name] = jsonable(x)
			}
		}
		return out
	}
	return v
}

// orParam allows ${name} in place of a plain value that has a notation of its own.
func orParam(s *jsonschema.Schema) *jsonschema.Schema {
	plain := s.Type == "integer" || s.Type == "number" || s.Type == "boolean" || s.Type == "string" && (s.Pattern != "" || s.Enum != nil || s.Format != "")
	switch {
	case plain:
		out := &jsonschema.Schema{Description: s.Description, Default: s.Default}
		s.Description, s.Default = "", nil
		out.AnyOf = []*jsonschema.Schema{s, aParam()}
		return out
	case s.AnyOf != nil && s.Type == "":
		s.AnyOf = append(s.AnyOf, aParam())
	}
	return s
}
