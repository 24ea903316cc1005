package privacy

import (
	"fmt"
	"slices"
	"strings"
)

// node is one place of a native document, and the fields below it: the contract in the form that documents are walked by.
type node struct {
	name     string
	path     string // e.g. "events[].web.domain"
	form     Form   // of a leaf; Object where there are children
	values   []string
	list     bool // an array of objects: events
	item     int  // that it belongs to; noItem: of the envelope, or above an item
	mark     mark // what the auditor learns from it
	children []*node
}

const noItem = -1

// mark is what the auditor remembers of a text.
type mark uint8

const (
	markDevice mark = iota + 1
	markTenant
	markIdentity
	markID
	markKind
	markTime
	markVerdict
	markBypassed
	markRisk
	markOrg
	markUser
	markUPN
)

var marks = map[string]mark{
	"account.device_id":           markDevice,
	"account.tenant_id":           markTenant,
	"device.id.guid":              markIdentity,
	"device.id.wifi_mac":          markIdentity,
	"events[].id":                 markID,
	"events[].kind":               markKind,
	"events[].time":               markTime,
	"events[].detection.category": markVerdict,
	"events[].detection.bypassed": markBypassed,
	"events[].detection.risk":     markRisk,
	"account.org_id":              markOrg,
	"account.user_id":             markUser,
	"account.upn":                 markUPN,
}

func newRoot() *node { return &node{form: Object, item: noItem} }

// add puts a field at a place with dots; "[]" after a name is an array.
func (n *node) add(path string, f *Field, item int) error {
	for path != "" {
		var name string
		name, path, _ = strings.Cut(path, ".")
		name, list := strings.CutSuffix(name, "[]")
		if name == "" {
			return fmt.Errorf("field %q: a name is empty", f.Name)
		}
		next := n.child(name)
		if next == nil {
			next = &node{name: name, form: Object, list: list, item: noItem, path: name}
			if list {
				next.path += "[]"
			}
			if n.path != "" {
				next.path = n.path + "." + next.path
			}
			if len(n.children) == maxItems {
				return fmt.Errorf("field %q: more than %d fields in one object", f.Name, maxItems)
			}
			n.children = append(n.children, next)
		} else if path == "" || len(next.children) == 0 {
			return fmt.Errorf("field %q: %s is taken by another field", f.Name, next.path)
		}
		n = next
	}
	if !slices.Contains(forms, f.Form) {
		return fmt.Errorf("field %q: there is no type %q", f.Name, f.Form)
	}
	if object := f.Form == Object || f.Form == IPS; object != (len(f.Fields) > 0) && f.Form != Map {
		return fmt.Errorf("field %q: fields and the types object and ips go together", f.Name)
	}
	n.form, n.values, n.item = f.Form, f.Values, item
	n.mark = marks[n.path]
	for i := range f.Fields {
		if err := n.add(f.Fields[i].Name, &f.Fields[i], item); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// find returns the index of the child with a name, or -1; it looks first at guess, since fields mostly come in order.
func (n *node) find(name []byte, guess int) int {
	if guess < len(n.children) && n.children[guess].name == string(name) {
		return guess
	}
	for i, c := range n.children {
		if c.name == string(name) {
			return i
		}
	}
	return -1
}
