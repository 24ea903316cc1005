package sim

import (
	"fmt"

	"drover/sim/behavior"
	"drover/sim/classify"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/scenario"
)

// Model is a scenario made ready to run: the fleet, and all that its devices' streams need. It is not changed after
// NewModel and safe for concurrent use.
type Model struct {
	Scenario *scenario.Scenario
	Fleet    *fleet.Fleet
	Behavior behavior.Config

	reporters []float64   // see countReporters; nil when no phase asks for uploads
	cues      []cue       // of the timeline, in order
	faults    []faultSpan // of the timeline, in file order
}

// NewModel builds the model of a scenario. Its errors name the fleet, cohort, model or version that does not fit, or the
// phase that asks for more than the fleet can do.
func NewModel(sc *scenario.Scenario) (*Model, error) {
	fl, err := fleet.New(sc.Catalogue, sc.Seeds.Fleet, sc.Fleets)
	if err != nil {
		return nil, err
	}
	if got, want := len(sc.Plans), len(fl.Cohorts()); got != want {
		return nil, fmt.Errorf("scenario has %d behaviours for %d cohorts", got, want)
	}
	m := &Model{Scenario: sc, Fleet: fl, Behavior: behavior.Config{
		Fleet: fl,
		Plans: sc.Plans,
		Seed:  sc.Seeds.Behavior,
		Start: sc.Start,
		Batch: sc.Batch,
		Spool: sc.Spool,
		Sends: sc.Sends,
		Skew:  sc.Skew,
	}}
	for _, ph := range sc.Load.Phases {
		m.Behavior.Enroll = m.Behavior.Enroll || ph.Do == scenario.Enroll
	}
	m.Behavior.Hosts = behavior.NewHosts(sc.Seeds.Behavior, sc.Sites, sc.Zone)
	if sc.Canaries > 0 {
		m.Behavior.Canaries = behavior.NewCanaries(sc.Seeds.Behavior, sc.Canaries, fl.Devices())
	}
	if err := m.timeline(); err != nil {
		return nil, err
	}
	judge, list := reference(m)
	m.Behavior.Classifier = judge
	if err := m.Behavior.Hosts.Judge(judge, list, m.Behavior.Canaries); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	m.Behavior.Until = until(sc)
	return m, nil
}

// Reference returns a new classifier that has the shipped model and a list of what is known of the scenario's sites: the
// benign ones, as a product's allow list knows what is popular, and of the planted ones those that are listed. Without the
// allow list the model alone would find one benign site in 60 malicious, nearly all under the endings that are mostly abused,
// and benign visits would leave traces. A reference backend is given another one than the devices, so that nothing is shared
// between the two.
func Reference(m *Model) *classify.Rules {
	c, _ := reference(m)
	return c
}

func reference(m *Model) (*classify.Rules, *classify.List) {
	list, err := classify.NewList(func(yield func(string, event.Category) bool) {
		for _, c := range m.Behavior.Canaries.List() {
			if !yield(string(c.Append(nil)), event.Benign) {
				return
			}
		}
		for host, category := range m.Behavior.Hosts.List() { // last, so that it holds
			if !yield(host, category) {
				return
			}
		}
	})
	if err != nil {
		panic("sim: a planted host is not a host name: " + err.Error()) // names are ours, and fit every zone (behavior.TestSites)
	}
	return classify.New(classify.Options{Zone: m.Scenario.Zone.String(), List: list, Model: classify.Shipped()}), list
}
