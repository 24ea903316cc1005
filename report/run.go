// Package report knows how a finished run reads: its document run.json, and the terminal summary, Markdown, JUnit and HTML
// made from it, and how a run under way shows its progress. It does not know how a run is driven, and reads no clock.
package report

import (
	"time"

	"drover/sim/check"
)

// Schema names the document's format. The number is its major version: readers refuse another one. Within a major version
// fields are only added.
const Schema = "drover.run/v1"

// Run is run.json: everything the reports show. Durations are whole nanoseconds in fields that end in _ns, offsets count
// from Started, and shares are fractions of 1.
type Run struct {
	Schema   string   `json:"schema"` // Schema; set by JSON and WriteDir
	ID       string   `json:"run_id"` // tells runs apart at the backend too
	Drover   Build    `json:"drover"`
	Scenario Scenario `json:"scenario"`
	Target   Target   `json:"target"`
	Load     Load     `json:"load"`

	Started     time.Time    `json:"started"`
	Ended       time.Time    `json:"ended"`
	DurationNS  int64        `json:"duration_ns"`
	Interrupted bool         `json:"interrupted"` // ended from outside before its time
	Result      check.Result `json:"result"`      // the worst of Checks
	Exit        Exit         `json:"exit"`

	Checks   []Check  `json:"checks"`
	Warnings []string `json:"warnings"` // worth knowing, not fatal; a sentence each

	Measurements

	Changes []Change `json:"changes"` // what the scenario's timeline did, in order of time

	// By hand, while the run went on, in order of time; offsets of all kinds are the wall's and have them in it.
	Pauses []Pause `json:"pauses,omitempty"`
	Speeds []Speed `json:"speeds,omitempty"`

	Kinds       []Kind       `json:"kinds"`       // by kind of event, in event.Kinds order
	Versions    []Version    `json:"os_versions"` // of iOS that devices ran, oldest first
	Reconcile   *Reconcile   `json:"reconcile"`   // null: nothing was read back
	Sampled     *Sampled     `json:"sampled"`     // how long events took to be visible, of some that were looked for while the run went on; null: nobody asked
	Verdicts    *Verdicts    `json:"verdicts"`    // null: no detection was made
	Generator   Generator    `json:"generator"`
	Connections *Connections `json:"connections,omitempty"` // absent when the target does not tell
	Faults      []Fault      `json:"faults,omitempty"`      // drover's own, over all phases; those that struck
	Files       []File       `json:"files"`                 // what lies beside run.json
}

// Measurements is the part of Run that FromTotals fills from the recorders. Unless a field says otherwise it covers the
// measured phases only.
type Measurements struct {
	Phases     []Phase `json:"phases"`     // all, in the order they ran
	Totals     Counts  `json:"totals"`     // of uploads in the measured phases
	AllPhases  Counts  `json:"all_phases"` // the same with warm-up, enrolment and drain
	Operations []Row   `json:"operations"`
	Cohorts    []Row   `json:"cohorts"` // named "fleet/cohort"
	Tenants    []Row   `json:"tenants"` // the TopTenants with most uploads, then one row for all others
	Classes    []Class `json:"classes"` // those that occurred
	Latency    Latency `json:"latency"`
	Timeline   []Point `json:"timeline"` // all phases
}

// Change is one entry of the scenario's timeline: what changed while the run went on.
type Change struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`    // "change", "release" or "fault"
	What    string `json:"what"`    // in the words of the scenario, e.g. "webVisit.maliciousShare: 8%"
	Who     string `json:"who"`     // the same, e.g. "fleet: contoso, percent: 20"
	Devices int    `json:"devices"` // of the whole fleet that it selected
	FromNS  int64  `json:"from_ns"`
	ToNS    *int64 `json:"to_ns"` // null: it stayed
}

// Pause is a stretch of a run in which its clock was held: nothing fell due, and what was under way went on.
type Pause struct {
	AtNS  int64 `json:"at_ns"`
	ForNS int64 `json:"for_ns"`
}

// Speed is a stretch of a run in which the devices' time went faster or slower than the scenario has it.
type Speed struct {
	AtNS  int64   `json:"at_ns"`
	ForNS int64   `json:"for_ns"`
	Times float64 `json:"times"` // of the scenario's speed
}

// Build is the drover that ran, and on what.
type Build struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	CPUs    int    `json:"cpus"` // that the Go scheduler used
}

// Scenario says which scenario ran and how to run it again.
type Scenario struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	File        string   `json:"file"`    // as the user named it
	Digest      string   `json:"digest"`  // sha256, hex, of the resolved scenario
	Work        string   `json:"work"`    // the same without name, description, target and checks: what the devices do, wherever it goes
	Seeds       Seeds    `json:"seeds"`   // strings, because JavaScript numbers lose the last digits of 64 bits
	Variant     string   `json:"variant"` // "" for none
	Params      []string `json:"params"`  // "name=value" as set on the command line
	Command     string   `json:"command"` // runs it again, e.g. "drover run smoke --set target=..."
}

// Seeds are the four independent streams of chance.
type Seeds struct {
	Fleet    uint64 `json:"fleet,string"`
	Behavior uint64 `json:"behavior,string"`
	Arrivals uint64 `json:"arrivals,string"`
	Faults   uint64 `json:"faults,string"`
}

// Target is the backend that was driven.
type Target struct {
	URL      string `json:"url"` // never with a credential
	Embedded bool   `json:"embedded"`
	Adapter  string `json:"adapter"`
}

// Load is how the backend was driven.
type Load struct {
	Model       string  `json:"model"`       // "open" or "closed"
	Arrivals    string  `json:"arrivals"`    // "poisson" or "even"
	Concurrency int     `json:"concurrency"` // closed model: uploads under way at once; else 0
	Speed       float64 `json:"speed"`       // device seconds per second of the scenario's clock
	Devices     int     `json:"devices"`     // of the whole fleet
	Tenants     int     `json:"tenants"`
	Shard       string  `json:"shard"` // "2/4"; "1/1" is the whole fleet
	Workers     int     `json:"workers"`

	Gathered *Gathered `json:"gathered,omitempty"` // absent where each upload is a request of its own
}

// Gathered is how uploads of several devices came together in requests, over all phases. Each attempt counts, and look-ups do not.
type Gathered struct {
	Requests int64 `json:"requests"`
	Uploads  int64 `json:"uploads"` // in them
}

// Exit is the process's exit code and what it stands for.
type Exit struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"` // e.g. "a check failed"
}

// Check is one promise of the scenario and what became of it.
type Check struct {
	Name     string       `json:"name"`
	Result   check.Result `json:"result"`
	Want     string       `json:"want"`
	Got      string       `json:"got"`
	Evidence string       `json:"evidence"`
	Samples  int64        `json:"samples"`
}

// FromOutcomes writes the outcomes of check.Evaluate as they stand in the document.
func FromOutcomes(outcomes []check.Outcome) []Check {
	checks := make([]Check, len(outcomes))
	for i, o := range outcomes {
		checks[i] = Check(o)
	}
	return checks
}

// Phase is one phase of the load. FromTotals fills Counts; the caller the rest.
type Phase struct {
	Name    string `json:"name"`
	Do      string `json:"do"`      // "drive", "enroll" or "drain"
	Measure bool   `json:"measure"` // false: not counted in the figures outside this table
	FromNS  int64  `json:"from_ns"`
	ToNS    int64  `json:"to_ns"`
	Counts
}

// Counts is what became of a set of uploads: due = sent + dropped, sent = accepted + refused + failed.
type Counts struct {
	Due      int64 `json:"due"`
	Sent     int64 `json:"sent"`
	Accepted int64 `json:"accepted"`
	Refused  int64 `json:"refused"`
	Failed   int64 `json:"failed"`
	Dropped  int64 `json:"dropped"`
	Attempts int64 `json:"attempts"`
	Retries  int64 `json:"retries"`
	Events   int64 `json:"events"` // in accepted uploads
	Bytes    int64 `json:"bytes"`  // of the bodies of accepted uploads, before compression
}

// Row is one operation, cohort or tenant.
type Row struct {
	Name string `json:"name"`
	Counts
	Response Quantiles `json:"response"`
	Service  Quantiles `json:"service"`
}

// Version is one version of iOS. Devices are of this shard of the fleet; all else is of the measured phases and of what devices ran
// when their uploads fell due, which a release can change. Due are the uploads that were made: one that was dropped before that is in
// no version.
type Version struct {
	Name    string `json:"name"`
	Devices int64  `json:"devices"` // that ran it at the run's start
	Counts
	Kinds    map[string]int64 `json:"events_by_kind"` // Events, by kind
	Response Quantiles        `json:"response"`
}

// Quantiles sums up durations; all 0 when Count is 0.
type Quantiles struct {
	Count  int64 `json:"count"`
	MeanNS int64 `json:"mean_ns"`
	P50NS  int64 `json:"p50_ns"`
	P75NS  int64 `json:"p75_ns"`
	P90NS  int64 `json:"p90_ns"`
	P95NS  int64 `json:"p95_ns"`
	P99NS  int64 `json:"p99_ns"`
	P999NS int64 `json:"p99.9_ns"`
	MaxNS  int64 `json:"max_ns"`
}

// Class is one way in which an upload or an attempt ended.
type Class struct {
	Class    string `json:"class"`    // as measure.Class
	Final    int64  `json:"final"`    // uploads whose last attempt ended so, or that were dropped so
	Attempts int64  `json:"attempts"` // attempts that ended so, also those retried
}

// Latency is the three named differences of an upload's times.
type Latency struct {
	Response Distribution `json:"response"` // done - intended: what a device waited
	Service  Distribution `json:"service"`  // done - sent
	SendLag  Distribution `json:"send_lag"` // first sent - intended, less what it waited for others of its request: the harness's own lateness
}

// Distribution is Quantiles and the curve behind them.
type Distribution struct {
	Quantiles
	Curve []CurvePoint `json:"curve"` // ascending, about 60 points, ever closer to 1
}

// CurvePoint says that a share Q of all durations do not exceed NS.
type CurvePoint struct {
	Q  float64 `json:"q"`
	NS int64   `json:"ns"`
}

// Point is one interval of the run, From <= offset < From + Width. Due, Dropped, Response, Service and SendLag are of the
// uploads intended in it, Sent of the first attempts sent in it, Classes of all attempts sent in it, and the others of fates that
// became known in it.
type Point struct {
	FromNS   int64 `json:"from_ns"`
	WidthNS  int64 `json:"width_ns"`
	Due      int64 `json:"due"`
	Sent     int64 `json:"sent"`
	Done     int64 `json:"done"`
	Accepted int64 `json:"accepted"`
	Refused  int64 `json:"refused"`
	Failed   int64 `json:"failed"`
	Dropped  int64 `json:"dropped"`
	Events   int64 `json:"events"`
	Response Short `json:"response"`
	Service  Short `json:"service"`
	SendLag  Short `json:"send_lag"`
	Heat     Cells `json:"response_cells"` // the histogram behind Response

	Classes map[string]int64 `json:"classes,omitempty"` // attempts that did not end in "ok", by class; and Dropped, by why
	Kinds   map[string]int64 `json:"kinds,omitempty"`   // Events, by kind
}

// Short is the few quantiles kept for each Point; at most 0.8 % too large, and Max exact.
type Short struct {
	Count int64 `json:"count"`
	P50NS int64 `json:"p50_ns"`
	P90NS int64 `json:"p90_ns"`
	P99NS int64 `json:"p99_ns"`
	MaxNS int64 `json:"max_ns"`
}

// Kind is the events of one kind on both sides.
type Kind struct {
	Kind       string `json:"kind"`
	Made       int64  `json:"made"`       // by the devices
	Accepted   int64  `json:"accepted"`   // in uploads the backend accepted
	Refused    int64  `json:"refused"`    // in uploads it refused
	Failed     int64  `json:"failed"`     // in uploads that failed
	Dropped    int64  `json:"dropped"`    // never sent
	Withdrawn  int64  `json:"withdrawn"`  // of Made: removed on the devices, since their users took consent back
	Unanswered int64  `json:"unanswered"` // of Failed: sent without an answer, so the backend may have them
	Stored     *int64 `json:"stored"`     // what the backend says it holds; null when it does not tell
}

// Share is N of Of with its 95 % Wilson interval.
type Share struct {
	N    int64   `json:"n"`
	Of   int64   `json:"of"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Generator is what the harness says about itself.
type Generator struct {
	UserNS   int64     `json:"cpu_user_ns"`
	SystemNS int64     `json:"cpu_system_ns"`
	CPUShare float64   `json:"cpu_share"`     // of all cores over the whole run; 1 is every core busy all the time
	MaxRSS   int64     `json:"max_rss_bytes"` // 0 where the system does not tell
	SendLag  Quantiles `json:"send_lag"`      // over all phases
	Late     Quantiles `json:"late"`          // of uploads, when they were let go, before they asked for a connection; open model
	GCShare  float64   `json:"gc_share"`      // of the CPU, that the garbage collector took
	Timer    string    `json:"timer"`         // how it waits for an intended start, e.g. "timerfd, on a grid of 318µs"; "" in the closed model
	Behind   string    `json:"behind"`        // how it could not keep up, as a sentence; "" when it did
	Limit    bool      `json:"limit"`         // it was the harness that could not, and neither the backend nor its connections
}

// File is one file of the run's directory.
type File struct {
	Name string `json:"name"` // relative to the directory
	What string `json:"what"`
}
