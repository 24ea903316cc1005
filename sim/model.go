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

	reporters []float64 // see countReporters; nil when no phase asks for uploads
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
	}}
	for _, ph := range sc.Load.Phases {
		m.Behavior.Enroll = m.Behavior.Enroll || ph.Do == scenario.Enroll
	}
	for _, plan := range sc.Plans {
		m.Behavior.Hosts = append(m.Behavior.Hosts, behavior.NewHosts(sc.Seeds.Behavior, plan.Web))
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	m.Behavior.Classifier = Reference(m)
	return m, nil
}

// Reference returns a new classifier that has the shipped model and knows every site the scenario has: the planted ones, and
// the benign ones as a product's allow list knows what is popular. Without that list the model alone would find one benign
// site in 180 malicious, nearly all under the endings that are mostly abused, and benign visits would leave traces. The devices share one; a reference backend
// is given another of its own, so that nothing is shared between the two.
func Reference(m *Model) classify.Classifier {
	list, err := classify.NewList(func(yield func(string, event.Category) bool) {
		for _, hosts := range m.Behavior.Hosts {
			for host := range hosts.Benign() {
				if !yield(host, event.Benign) {
					return
				}
			}
		}
		for _, hosts := range m.Behavior.Hosts { // last, so that they hold
			for host, category := range hosts.Planted() {
				if !yield(host, category) {
					return
				}
			}
		}
	})
	if err != nil {
		panic("sim: a planted host is not a host name: " + err.Error())
	}
	return classify.New(classify.Options{Zone: behavior.Zone, List: list, Model: classify.Shipped()})
}
