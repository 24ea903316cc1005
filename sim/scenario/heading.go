package scenario

import (
	"fmt"
	"reflect"

	"gopkg.in/yaml.v3"
)

const (
	apiVersion   = "drover/v1"
	scenarioKind = "Scenario"
	adapterKind  = "Adapter"
	readbackKind = "Readback"
)

// begin begins the reading of a file: what decodes it, and its tree, which is nil where there is none to walk or where its heading is not
// that of kind; "" stands for a file without a heading. Whatever is wrong is in d.
func begin(file string, src []byte, kind string) (d *decoder, root *yaml.Node) {
	d = newDecoder(newReport(file))
	d.src = src
	root = parseYAML(d.report, src)
	if root != nil && kind != "" && !d.heading(root, kind) {
		return d, nil
	}
	return d, root
}

// document reads the tree of a file into what ptr points to, with the defaults of what the file leaves out. path names it in messages.
func (d *decoder) document(root *yaml.Node, ptr any, path string) {
	v := reflect.ValueOf(ptr).Elem()
	d.preset(v, "")
	d.value(root, v, path, "")
}

// heading tells whether the file claims to be of a kind and of this version. When it does not, its fields are another
// language's, and judging them would only make noise.
func (d *decoder) heading(root *yaml.Node, kind string) bool {
	if root.Kind != yaml.MappingNode {
		d.errorf(root, `start with "apiVersion: `+apiVersion+`"`, "%s is a mapping, not %s", map[string]string{scenarioKind: "a scenario", adapterKind: "an adapter", readbackKind: "a read-back"}[kind], describe(root))
		return false
	}
	ok := true
	for _, f := range []struct{ name, want string }{{"apiVersion", apiVersion}, {"kind", kind}} {
		n := lookup(root, f.name)
		switch {
		case n == nil:
			d.errorf(root, fmt.Sprintf("add %s: %s", f.name, f.want), "the file has no %q", f.name)
			ok = false
		case n.Kind != yaml.ScalarNode || n.Value != f.want:
			d.errorf(n, "want "+f.want, "%s: %s is not known", f.name, show(n))
			ok = false
		}
	}
	return ok
}

// describe is show for a whole file.
func describe(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return "the text " + fmt.Sprintf("%q", clip(n.Value))
	}
	return show(n)
}
