// Package scenario is the YAML language of drover/v1: its fields, defaults, units and ranges, and every mistake with its
// file:line:column. It turns a file into plain values of the domain packages, which never see YAML. It knows neither the
// clock nor the network.
//
// The format is written down once, as the raw* types in format.go: their tags give each field's name, meaning, default and range.
// The walker (decode.go), the JSON Schema (schema.go), the reference (reference.go) and the resolved file (resolve.go) all
// read the same tags, so they cannot disagree.
package scenario

import (
	"fmt"
	"time"

	"drover/sim/behavior"
	"drover/sim/check"
	"drover/sim/fleet"
	"drover/sim/pace"
	"drover/sim/privacy"
	"drover/sim/target"
)

// Scenario is one run, fully resolved: params replaced, variant applied, defaults filled in. It is not changed after Parse.
type Scenario struct {
	Name, Description string
	File              string // as the user named it
	Seeds             Seeds
	Start             time.Time // device time at the start of the run, UTC
	Speed             float64   // device seconds per wall second in phases without a rate
	Target            Target
	Contract          *privacy.Contract // what devices keep; shared between scenarios
	Catalogue         *fleet.Catalogue  // shared between scenarios: read only
	Fleets            []fleet.Spec      // in file order
	Plans             []behavior.Plan   // one per cohort, over all fleets in file order
	Batch             behavior.Batch
	Spool             behavior.Spool
	Load              Workload
	Checks            []check.Check // in file order
	Resolved          []byte        // canonical YAML; parsing it again gives the same Scenario
	Digest            string        // SHA-256 of Resolved, in lower-case hex
}

// Seeds are the four independent streams of randomness of a run.
type Seeds struct{ Fleet, Behavior, Arrivals, Faults uint64 }

// Target says where uploads go and how they are sent.
type Target struct {
	URL        string   // "embedded", or http(s)://host[:port][/path] without a slash at the end
	Adapter    string   // how events map to requests: "drover"
	AllowHosts []string // lower-case hosts beside the loopback ones that may be contacted; from the file only
	Auth       target.Auth
	Client     target.Client
}

// Workload is when uploads are made. (Its natural name is taken by the function Load.)
type Workload struct {
	Closed      bool          // the next upload waits for an answer; else they come on schedule
	Concurrency int           // closed model: uploads under way at once; 0 in the open model
	Arrivals    pace.Arrivals // in phases with a Shape; behaviour decides in the others
	Phases      []Phase       // in order, at least one of them drives
}

// Phase is one stretch of the run.
type Phase struct {
	Name    string
	Do      Do
	For     time.Duration // wall time
	Measure bool          // whether its samples count where a check names no phase
	Speed   float64       // device seconds per wall second; 0 when Shape is set
	Shape   pace.Shape    // arrival rate over the phase; nil: Speed decides
}

// Do is what happens in a phase.
type Do uint8

const (
	Drive  Do = iota // devices live and upload
	Enroll           // every device registers once, spread over the phase
	Drain            // nothing new falls due; what is under way may end
)

var doNames = [...]string{"drive", "enroll", "drain"}

// String returns the word used in scenario files, e.g. "drive".
func (d Do) String() string {
	if int(d) < len(doNames) {
		return doNames[d]
	}
	return fmt.Sprintf("Do(%d)", d)
}

// Options are what the command line adds to a file.
type Options struct {
	Set     map[string]string // values of params by name
	Variant string            // name of the variant to apply; empty: none
}
