package scenario

import (
	"reflect"

	"gopkg.in/yaml.v3"
)

// version is one of the words of its enum. Without quotes YAML takes it for a number, which nobody should need to know.
type version string

func (v *version) decode(d *decoder, n *yaml.Node, path string, tag reflect.StructTag) bool {
	if n.Kind != yaml.ScalarNode || !isNumber(n) && n.ShortTag() != "!!str" {
		d.errorf(n, plainMend(tag), "%s: want a version, not %s", path, show(n))
		return false
	}
	*v = version(n.Value)
	return d.oneOf(n, path, tag)
}

func (v version) encode() *yaml.Node { return textNode(string(v)) }

func (rawTLS) hint(name string) string {
	switch name {
	case "insecureSkipVerify", "insecure", "verify", "skipVerify":
		return "drover checks certificates always: name the authority that issued the backend's by caFrom"
	}
	return ""
}
