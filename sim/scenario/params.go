package scenario

import (
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"drover/sim/target"
)

// paramTypes are the types of params, each with the check of a value as text.
var paramTypes = map[string]func(text string) (mend string, ok bool){
	"string":   func(string) (string, bool) { return "", true },
	"int":      func(s string) (string, bool) { return "want a whole number, e.g. 20", wholeNumber.MatchString(s) },
	"duration": func(s string) (string, bool) { _, mend, ok := parseDuration(s); return mend, ok },
	"rate":     func(s string) (string, bool) { _, mend, ok := parseRate(s); return mend, ok },
	"share":    func(s string) (string, bool) { _, mend, ok := parseShare(s); return mend, ok },
	"url": func(s string) (string, bool) {
		u, err := url.Parse(s)
		p, known := target.ProtocolOf(s)
		return `want "embedded" or e.g. http://127.0.0.1:8080`, s == embedded || known && !p.Host || err == nil && u.Scheme != "" && u.Host != ""
	},
}

// params replaces ${name} everywhere outside spec.params. Values come from --set or from the defaults.
type params struct {
	*report
	values map[string]*yaml.Node // by name; nil: known, but its value is bad or missing
	used   map[string]bool
	doubt  bool         // a reference is wrong, so a param may only seem unused
	fields []*yaml.Node // in which ${a.b} is a field of a template, not a param
	inside bool         // p walks through fields
	grown  int          // bytes of all values with params
}

// withTemplates are the fields of target that templates may be in.
var withTemplates = []string{"adapter", "nats", "mqtt", "kafka"}

// substitute replaces the params of root in place. A scalar whose param is bad is marked, so that it is not reported again.
func substitute(r *report, root *yaml.Node, decls map[string]*rawParam, at func(ptr any) *yaml.Node, set map[string]string) {
	p := params{report: r, values: map[string]*yaml.Node{}, used: map[string]bool{}}
	block := lookup(lookup(root, "spec"), "params")
	names := slices.Sorted(maps.Keys(decls))
	for _, name := range names {
		p.values[name] = p.value(name, decls[name], at, set)
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if decls[name] == nil {
			n := block
			if n == nil {
				n = root
			}
			p.errorf(n, didYouMean(name, names, "declare it under spec.params"), "--set %s: the scenario has no such param", name)
		}
	}
	for _, name := range withTemplates {
		if n := lookup(lookup(lookup(root, "spec"), "target"), name); n != nil {
			p.fields = append(p.fields, n)
		}
	}
	p.walk(root, block)
	for _, name := range names {
		if !p.used[name] && !p.doubt {
			p.errorf(at(decls[name]), "use it as ${"+name+"}, or remove it", "param %q is not used", name)
		}
	}
}

// value is what a param stands for, as a scalar of the type it declares.
func (p *params) value(name string, decl *rawParam, at func(any) *yaml.Node, set map[string]string) *yaml.Node {
	text, given := set[name]
	from := " given by --set"
	if !given {
		if decl.Default == nil {
			p.errorf(at(decl), "give it a default, or run with --set "+name+"=...", "param %q has no value", name)
			return nil
		}
		text, from = decl.Default.text, ""
	}
	check := paramTypes[decl.Type]
	if check == nil { // the type is unknown, and told already
		return nil
	}
	if !utf8.ValidString(text) { // of --set: a file's is held to it by YAML, and the resolved scenario is such a file
		p.errorf(at(decl), "give it as plain UTF-8 text", "param %q: %q%s is not UTF-8", name, clip(text), from)
		return nil
	}
	if mend, ok := check(text); !ok {
		p.errorf(at(decl), mend, "param %q: %q%s is not of type %s", name, clip(text), from, decl.Type)
		return nil
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if decl.Type == "int" {
		n.Tag = "!!int"
	}
	return n
}

func (p *params) walk(n, skip *yaml.Node) {
	if n == nil || n == skip || p.grown > maxBytes {
		return
	}
	if slices.Contains(p.fields, n) {
		p.inside = true
		defer func() { p.inside = false }()
	}
	if n.Kind == yaml.ScalarNode {
		p.scalar(n)
		return
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if strings.Contains(c.Value, "${") {
				p.doubt = true
				p.errorf(c, "write the name out", "%q: a param stands for a value, not for a name", clip(c.Value))
			}
			continue
		}
		p.walk(c, skip)
	}
}

// scalar replaces each ${name} of one value. A value that is nothing but one param takes the param's type.
func (p *params) scalar(n *yaml.Node) {
	rest, whole := n.Value, (*yaml.Node)(nil)
	var out strings.Builder
	if !strings.Contains(rest, "${") {
		return
	}
	for {
		before, after, found := strings.Cut(rest, "${")
		out.WriteString(before)
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if p.inside && (strings.HasSuffix(before, "$") || closed && strings.Contains(name, ".")) {
			out.WriteString("${")
			rest = after
			continue
		}
		if !closed {
			p.doubt = true
			p.errorf(n, "write ${name}", "%s: ${ without }", show(n))
			n.Tag = badTag
			return
		}
		v, known := p.values[name]
		if !known {
			mend := didYouMean(name, slices.Sorted(maps.Keys(p.values)), "declare it under spec.params")
			if strings.HasPrefix(name, "env") {
				mend = "a secret is named where it is used, e.g. secretFrom: {env: NAME}; other values come from --set"
			}
			p.doubt = true
			p.errorf(n, mend, "${%s}: there is no such param", clip(name))
			n.Tag = badTag
			return
		}
		p.used[name] = true
		if v == nil {
			n.Tag = badTag
			return
		}
		if tail == "" && out.Len() == 0 {
			whole = v
		}
		out.WriteString(v.Value)
		rest = tail
		if p.grown += len(before) + len(v.Value); p.grown > maxBytes {
			p.doubt = true
			p.errorf(n, "", "params make the file longer than 1 MiB here")
			n.Tag = badTag
			return
		}
	}
	n.Value, n.Tag = out.String(), "!!str"
	if whole != nil {
		n.Tag = whole.Tag
	}
}

// lookup returns the value of a key of a mapping, or nil.
func lookup(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for k, v := range members(n) {
		if k.Value == key {
			return v
		}
	}
	return nil
}

// members goes through a mapping in file order.
func members(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}
