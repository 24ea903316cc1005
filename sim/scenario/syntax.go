package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Bounds of a file. A real scenario has some hundred lines; the bounds are there so that no file costs much time.
const (
	maxBytes = 1 << 20 // of the file
	maxNodes = 50_000  // after the aliases are expanded
	maxDepth = 64
)

// parseYAML reads one document and returns its root with aliases expanded, or nil when there is none to walk.
// Whatever is wrong is in r.
func parseYAML(r *report, src []byte) *yaml.Node {
	if len(src) > maxBytes {
		r.errorf(nil, "a scenario is at most 1 MiB", "the file has %d bytes", len(src))
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	doc, err := nextDocument(dec)
	switch {
	case errors.Is(err, io.EOF):
		r.errorf(nil, `start with "apiVersion: drover/v1"`, "the file is empty")
		return nil
	case err != nil:
		syntaxError(r, src, err)
		return nil
	}
	if second, err := nextDocument(dec); err == nil {
		r.errorf(second, "put each scenario into a file of its own", "a second document starts here")
	} else if !errors.Is(err, io.EOF) {
		syntaxError(r, src, err)
		return nil
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		r.errorf(nil, `start with "apiVersion: drover/v1"`, "the file is empty")
		return nil
	}
	x := expander{report: r, under: map[*yaml.Node]bool{}}
	root = x.expand(root, nil, 0)
	if x.over {
		return nil
	}
	return root
}

// nextDocument never panics: yaml.v3 recovers its own panics only.
func nextDocument(dec *yaml.Decoder) (doc *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: not understood: %v", p)
		}
	}()
	doc = new(yaml.Node)
	if err := dec.Decode(doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, io.EOF
	}
	return doc, nil
}

var (
	yamlLine   = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	yamlAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntaxError turns yaml.v3's "yaml: line N: what" into a position. yaml.v3 gives no column, and no line at all for an
// unknown anchor, which is looked up in the text.
func syntaxError(r *report, src []byte, err error) {
	line, col, what, mend := 1, 1, strings.TrimPrefix(err.Error(), "yaml: "), ""
	if m := yamlLine.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " ")); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
		what = m[2]
	}
	lines := bytes.Split(src, []byte("\n"))
	line = min(max(line, 1), len(lines))
	if m := yamlAnchor.FindStringSubmatch(what); m != nil {
		what, mend = fmt.Sprintf("there is no anchor %q", m[1]), "define it before it is used, with &"+m[1]
		if before, _, ok := bytes.Cut(src, []byte("*"+m[1])); ok {
			line, col = 1+bytes.Count(before, []byte("\n")), len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:])))+1
		}
	} else if near, tab, ok := indentingTab(lines, line); ok && strings.Contains(what, "cannot start any token") {
		line, col, what, mend = near, tab, "a tab indents this line", "indent with spaces"
	} else if at, ok := notText(src); ok {
		line, col = 1+bytes.Count(src[:at], []byte("\n")), utf8.RuneCount(src[bytes.LastIndexByte(src[:at], '\n')+1:at])+1
		mend = "save the file as plain UTF-8 text"
	} else if strings.HasPrefix(what, "did not find expected") {
		line = min(line+1, len(lines)) // yaml.v3 counts these from 0
		mend = "check the indentation of the part that starts here"
		if strings.Contains(what, "',' or") {
			mend = "close the bracket that is opened here"
		}
	}
	r.add(line, col, mend, "%s", what)
}

// notText finds the first byte that no text has.
func notText(src []byte) (at int, ok bool) {
	for at < len(src) {
		c, n := utf8.DecodeRune(src[at:])
		if c == utf8.RuneError && n == 1 || c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return at, true
		}
		at += n
	}
	return 0, false
}

// indentingTab finds the tab behind yaml.v3's complaint, which may name the line before.
func indentingTab(lines [][]byte, line int) (at, col int, ok bool) {
	for _, n := range []int{line, line + 1, line - 1} {
		if n < 1 || n > len(lines) {
			continue
		}
		text := lines[n-1]
		indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
		if i := bytes.IndexByte(indent, '\t'); i >= 0 {
			return n, i + 1, true
		}
	}
	return 0, 0, false
}

// expander copies the tree with each alias replaced by what it stands for, so that a change in one place (a param, a
// variant) stays there. It reports what YAML allows and scenarios do not, and marks it as bad.
type expander struct {
	*report
	nodes int
	under map[*yaml.Node]bool // anchors being expanded
	over  bool                // a bound was passed and told
}

// expand copies n. at is the alias that leads to n, or nil: what cannot be expanded is reported where it is used.
func (x *expander) expand(n, at *yaml.Node, depth int) *yaml.Node {
	if x.nodes++; x.nodes > maxNodes || depth > maxDepth {
		if !x.over {
			x.over = true
			where := n
			if at != nil {
				where = at
			}
			if depth > maxDepth {
				x.errorf(where, "", "more than %d levels deep", maxDepth)
			} else {
				x.errorf(where, "aliases may be used, but not to multiply", "the file grows past %d values here", maxNodes)
			}
		}
		return badNode(n)
	}
	if n.Kind == yaml.AliasNode {
		if x.under[n.Alias] {
			x.errorf(n, "", "alias *%s stands inside its own anchor", n.Value)
			return badNode(n)
		}
		x.under[n.Alias] = true
		defer delete(x.under, n.Alias)
		if at == nil {
			at = n
		}
		return x.expand(n.Alias, at, depth+1)
	}
	if n.Style&yaml.TaggedStyle != 0 {
		x.errorf(n, "leave the tag out; the type follows from the field", "tag %s is not used in scenarios", clip(n.Tag))
		return badNode(n)
	}
	c := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value, Line: n.Line, Column: n.Column}
	if n.Kind == yaml.MappingNode {
		x.mapping(n, c, at, depth)
		return c
	}
	for _, item := range n.Content {
		if x.over {
			return c
		}
		c.Content = append(c.Content, x.expand(item, at, depth+1))
	}
	return c
}

func badNode(n *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: badTag, Line: n.Line, Column: n.Column}
}

func (x *expander) mapping(n, c, at *yaml.Node, depth int) {
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content) && !x.over; i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case k.Kind != yaml.ScalarNode:
			x.errorf(k, "", "a key must be a word, not %s", map[yaml.Kind]string{
				yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.AliasNode: "an alias"}[k.Kind])
			continue
		case k.ShortTag() == "!!merge":
			x.errorf(k, "use an alias for a whole value, or extends for a behaviour", "merge keys (<<) are not used in scenarios")
			continue
		case first[k.Value] != nil:
			x.errorf(k, "keep one of them", "%q is given twice; first in line %d", clip(k.Value), first[k.Value].Line)
			continue
		}
		first[k.Value] = k
		key := &yaml.Node{Kind: k.Kind, Style: k.Style, Tag: k.Tag, Value: k.Value, Line: k.Line, Column: k.Column}
		c.Content = append(c.Content, key, x.expand(v, at, depth+1))
	}
}
