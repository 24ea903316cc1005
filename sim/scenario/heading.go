package scenario

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

const (
	apiVersion   = "drover/v1"
	scenarioKind = "Scenario"
)

// heading tells whether the file claims to be a scenario of this version. When it does not, its fields are another
// language's, and judging them would only make noise.
func (d *decoder) heading(root *yaml.Node) bool { return d.headingOf(root, scenarioKind) }

func (d *decoder) headingOf(root *yaml.Node, kind string) bool {
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

const readbackKind = "Readback"
