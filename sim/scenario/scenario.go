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
	"drover/sim/defect"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/pace"
	"drover/sim/privacy"
	"drover/sim/target"
	"drover/sim/wire"
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
	Zone              event.Zone        // that all visited hosts are in
	Sends             event.Sends       // what devices send: the contract in their terms
	Skew              behavior.Skew     // of the devices' clocks
	Canaries          int               // benign hosts that one device each visits, to be looked for
	Sites             behavior.Sites    // that devices visit
	Catalogue         *fleet.Catalogue  // shared between scenarios: read only
	Fleets            []fleet.Spec      // in file order
	Plans             []behavior.Plan   // one per cohort, over all fleets in file order
	Batch             behavior.Batch
	Spool             behavior.Spool
	Load              Workload
	Timeline          []Entry       // in file order
	Checks            []check.Check // in file order
	Resolved          []byte        // canonical YAML; parsing it again gives the same Scenario
	ContractFile      []byte        // the file of the user's own contract, which Resolved calls ResolvedContract; nil for a shipped one
	Digest            string        // SHA-256 of Resolved and ContractFile, in lower-case hex
	Work              string        // the same without name, description, target and checks: equal for runs that can be compared
}

// Seeds are the four independent streams of randomness of a run.
type Seeds struct{ Fleet, Behavior, Arrivals, Faults uint64 }

// Target says where uploads go and how they are sent.
type Target struct {
	URL        string // "embedded", or http(s)://host[:port][/path] without a slash at the end, or another protocol's
	Protocol   *target.Protocol
	Place      *wire.Template  // of messages that have one: a topic, a subject; nil: they have none
	Existing   target.Existing // of url: file:PATH
	Syslog     Syslog          // of url: syslog://host
	JetStream  bool            // of url: nats://host
	MQTT       MQTT            // of url: mqtt://host
	Kafka      Kafka           // of url: kafka://host
	Adapter    *wire.Mapping   // how events map to requests
	AllowHosts []string        // lower-case hosts beside the loopback ones that may be contacted; from the file only
	TLS        target.TLS
	Secure     bool           // over TLS; the embedded backend has to be told
	Faults     *target.Faults // nil: none
	Identity   *Identity      // nil: devices show no certificate
	Auth       target.Auth
	Sign       *Sign // nil: requests are not signed
	Client     target.Client
	Readback   target.Readback
	Defects    *defect.Set // what the embedded backend does wrong; nil: nothing
}

// Syslog is what the headers of messages have in common; see wire.SyslogHeader.
type Syslog struct {
	Facility int
	App      string
}

// MQTT is how sessions are had; see target.MQTTOptions.
type MQTT struct {
	Version   int
	QoS       byte
	ClientID  *wire.Template
	Keep      time.Duration
	KeepAlive time.Duration
	InFlight  int
}

// Kafka is how messages are produced; see target.KafkaOptions.
type Kafka struct {
	Acks, SASL string
	Key        *wire.Template
}

// Sign is how requests are signed; the Signature's key is read from KeyFrom.
type Sign struct {
	KeyFrom   target.SecretRef
	Signature target.Signature
}

// Identity is who issues the certificates of devices. Both are empty where the embedded backend trusts an authority that is
// made for the run.
type Identity struct{ CAFrom, KeyFrom target.SecretRef }

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
