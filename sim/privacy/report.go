package privacy

import (
	"bytes"
	"encoding/json"
	"slices"
)

// report looks into a crash report file: a line with a JSON object, then a JSON object. It holds the process that crashed, or
// that was killed for want of memory, to the names that the item's field "process" may have. Which of the other processes in
// a report about memory are the system's it cannot know. Paths of files are no URLs, so only a scheme counts as one.
//
// Source: Apple, "Interpreting the JSON format of a crash report" and "Identifying high-memory use with jetsam event reports".
func (r *Reader) report(n *node, text []byte) {
	if bytes.Contains(text, []byte("://")) {
		r.note(P07, n.path, "has a URL")
	}
	var header struct {
		App  string `json:"app_name"`
		Name string `json:"name"`
	}
	var body struct {
		Process   string `json:"procName"`
		Processes []struct {
			Name   string `json:"name"`
			Reason string `json:"reason"` // why it was killed
		} `json:"processes"`
	}
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	if json.Unmarshal(first, &header) != nil || json.Unmarshal(rest, &body) != nil {
		r.note(P13, n.path, "is no crash report of iOS")
		return
	}
	names := []string{header.App, header.Name, body.Process}
	for _, p := range body.Processes {
		if p.Reason != "" {
			names = append(names, p.Name)
		}
	}
	known := 0
	for _, name := range names {
		switch {
		case name == "":
		case r.c.isDefender(n.item, name):
			known++
		default:
			r.note(P14, n.path, "is about a process that is neither the Defender app nor one of its extensions")
			return
		}
	}
	if known == 0 {
		r.note(P14, n.path, "does not say which process it is about")
	}
}

// isDefender reports whether the item's field "process" may have a value.
func (c *Contract) isDefender(item int, name string) bool {
	for _, f := range c.items[item].Fields {
		if f.Name == "process" {
			return slices.Contains(f.Values, name)
		}
	}
	return false
}
