package scenario

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

// canonical writes f as YAML: every default written out, no params, variants or extends, one notation for each value.
func canonical(f *rawFile) []byte {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(encode(reflect.ValueOf(f))); err != nil {
		panic("scenario: " + err.Error()) // only a tree that yaml.v3 cannot write
	}
	return out.Bytes()
}

// encode turns a raw value into a node. What is nil or an empty text was left out and has no default.
func encode(v reflect.Value) *yaml.Node {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if c, ok := v.Interface().(interface{ encode() *yaml.Node }); ok {
		return c.encode()
	}
	switch x := v.Interface().(type) {
	case duration:
		return plainNode(x.String())
	case rate:
		return plainNode(x.String())
	case share:
		return plainNode(x.String())
	case instant:
		return textNode(x.String())
	}
	switch v.Kind() {
	case reflect.Bool:
		return plainNode(strconv.FormatBool(v.Bool()))
	case reflect.Int:
		return plainNode(strconv.FormatInt(v.Int(), 10))
	case reflect.Float64:
		return plainNode(number(v.Float()))
	case reflect.String:
		return textNode(v.String())
	case reflect.Slice:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		if v.Len() == 0 {
			list.Style = yaml.FlowStyle
		}
		for i := range v.Len() {
			list.Content = append(list.Content, encode(v.Index(i)))
		}
		return list
	case reflect.Map:
		m := &yaml.Node{Kind: yaml.MappingNode}
		byName := map[string]reflect.Value{}
		for k, e := range v.Seq2() {
			byName[k.String()] = e
		}
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			m.Content = append(m.Content, textNode(name), encode(byName[name]))
		}
		return m
	}
	m := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fieldsOf(v.Type()) {
		fv := v.FieldByIndex(f.index)
		if slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, fv.Kind()) && fv.IsNil() ||
			fv.Kind() == reflect.String && fv.String() == "" {
			continue
		}
		m.Content = append(m.Content, textNode(f.name), encode(fv))
	}
	return m
}

func plainNode(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }

// textNode is a string; yaml.v3 quotes it where it would read as something else.
func textNode(value string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(value)
	return n
}
