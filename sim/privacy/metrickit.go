package privacy

import (
	"bytes"
	"encoding/json"

	"drover/sim/event"
)

// metricFrame is a frame of a call stack, with those that it was called by.
type metricFrame struct {
	Binary string        `json:"binaryName"`
	Below  []metricFrame `json:"subFrames"`
}

// metricKit looks into a payload of MetricKit. Each crash must be of a process that the item's field "process" may have: some frame
// is in its image, and the bundle, where it is named, is the Defender app's or that of the process. Which of the other images are
// the system's it cannot know. Counts of exits name nobody. Paths of files are no URLs, so only a scheme counts as one.
//
// Source: Apple, documentation of MXDiagnosticPayload and MXCallStackTree.
func (r *Reader) metricKit(n *node, text []byte) {
	if bytes.Contains(text, []byte("://")) {
		r.note(P07, n.path, "has a URL")
	}
	var payload struct {
		Crashes []struct {
			Tree struct {
				Stacks []struct {
					Frames []metricFrame `json:"callStackRootFrames"`
				} `json:"callStacks"`
			} `json:"callStackTree"`
			Meta struct {
				Bundle string `json:"bundleIdentifier"`
			} `json:"diagnosticMetaData"`
		} `json:"crashDiagnostics"`
		Exits *struct{} `json:"applicationExitMetrics"`
	}
	if json.Unmarshal(text, &payload) != nil || len(payload.Crashes) == 0 && payload.Exits == nil {
		r.note(P13, n.path, "is no payload of MetricKit about crashes")
		return
	}
	for i := range payload.Crashes {
		c := &payload.Crashes[i]
		mine := ""
		for _, s := range c.Tree.Stacks {
			if mine == "" {
				mine = r.defenderIn(n.item, s.Frames)
			}
		}
		if mine == "" {
			r.note(P14, n.path, "is of a process that is neither the Defender app nor one of its extensions, or does not say of which")
			return
		}
		if b := c.Meta.Bundle; b != "" && b != event.AppBundle && b != event.AppBundle+"."+mine {
			r.note(P14, n.path, "is of the bundle of another app")
			return
		}
	}
}

// defenderIn returns the first image of Defender in stacks, or nothing.
func (r *Reader) defenderIn(item int, frames []metricFrame) string {
	for i := range frames {
		if f := &frames[i]; r.c.isDefender(item, f.Binary) {
			return f.Binary
		} else if name := r.defenderIn(item, f.Below); name != "" {
			return name
		}
	}
	return ""
}
