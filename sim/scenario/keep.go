package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/privacy"
)

// ResolvedContract is where the resolved file of a scenario with a contract of the user's own looks for it: beside itself.
const ResolvedContract = "contract.yaml"

// contract finds the scenario's contract and what devices send under it, and holds the behaviours to that.
func (b *builder) contract(sc *Scenario) {
	name := &b.spec.Privacy.Contract
	if !b.good(name) {
		return
	}
	given := *name
	path, id, _ := strings.Cut(given, "#")
	own := isPath(path)
	if own && !filepath.IsAbs(path) {
		given = filepath.Join(filepath.Dir(b.file), path)
		if id != "" {
			given += "#" + id
		}
	}
	all, id, err := openContracts(given)
	if err == nil {
		sc.Contract, err = all.pick(*name, id)
	}
	if mistakes := (Errors)(nil); errors.As(err, &mistakes) {
		b.also(mistakes)
		return
	}
	if errors.Is(err, fs.ErrNotExist) {
		b.errorf(b.at(name), "a path is relative to the scenario's folder", "privacy.contract: there is no file %s", filepath.ToSlash(strings.TrimSuffix(given, "#"+id)))
		return
	}
	if err != nil {
		what, mend, _ := strings.Cut(err.Error(), "; ")
		b.errorf(b.at(name), mend, "privacy.contract: %s", what)
		return
	}
	var unfit []*privacy.Unfit
	sc.Sends, unfit = sc.Contract.Sends()
	for _, u := range unfit {
		e := &Error{File: all.file, Line: 1, Col: 1, What: "devices cannot keep it: " + u.Error(), Mend: u.Mend}
		if n := all.items[u.Item]; n != nil {
			e.Line, e.Col = n.Line, n.Column
		}
		b.also(Errors{e})
	}
	if own {
		sc.ContractFile = all.src
		if *name = "./" + ResolvedContract; id != "" {
			*name += "#" + id
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.plans)) {
		if plan := b.plans[name]; plan != nil {
			b.events(sc, name, plan)
		}
	}
}

// events refuses events that would have nothing to say under the contract.
func (b *builder) events(sc *Scenario, name string, plan *behavior.Plan) {
	r := b.spec.Behaviors[name]
	ev := &r.Events
	for _, e := range []struct {
		kind event.Kind
		is   any
		name string
	}{
		{event.Memory, ev.Memory, "memory"}, {event.AppInfo, ev.AppInfo, "appInfo"}, {event.AppAction, ev.AppAction, "appAction"},
		{event.Crash, ev.Crash, "crash"}, {event.Diagnostics, ev.Diagnostics, "diagnostics"}, {event.Feedback, ev.Feedback, "feedback"},
	} {
		rate := plan.Rates[e.kind]
		if rate.Every == 0 && rate.PerDay == 0 || e.kind.Fields()&sc.Sends.All != 0 {
			continue
		}
		var names []string
		for _, f := range e.kind.Fields().List() {
			names = append(names, f.String())
		}
		b.errorf(b.at(e.is, r), "remove it, or use another contract", "behaviors.%s.events.%s: contract %s has no %s", name, e.name, sc.Contract.Name, list(names))
	}
}

// identifiers holds the kinds of device identifier to the contract.
func (b *builder) identifiers(sc *Scenario, f *rawFleet, path string) {
	if sc.Contract == nil || !sc.Sends.All.Has(event.DeviceWiFiMAC) && !sc.Sends.All.Has(event.DeviceGUID) {
		return
	}
	for _, w := range f.Identity.DeviceID {
		switch {
		case w.Share == 0:
		case w.Name == "wifiMac" && !sc.Sends.All.Has(event.DeviceWiFiMAC):
			b.errorf(b.at(&f.Identity.DeviceID, f), "use guid: 100, or contract mde", "%s.identity.deviceId: contract %s has no Wi-Fi MAC address", path, sc.Contract.Name)
		case w.Name == "guid" && !sc.Sends.All.Has(event.DeviceGUID):
			b.errorf(b.at(&f.Identity.DeviceID, f), "use wifiMac: 100", "%s.identity.deviceId: contract %s has no GUID", path, sc.Contract.Name)
		}
	}
}

// settings refuses switches that have no effect under the contract, unless they have their default, as in a resolved file.
func (b *builder) settings(sc *Scenario, s *rawSettings, path string) {
	if sc.Contract == nil {
		return
	}
	without := func(t *toggle, usual float64, key, why string) {
		if t.True != usual && b.written(t) && b.good(t) {
			b.errorf(b.key(t), "remove it, or use another contract", "%s.settings.%s has no effect: contract %s %s", path, key, sc.Contract.Name, why)
		}
	}
	if sc.Sends.PrivacyOff == 0 {
		without(&s.ExcludeURL, 0, "DefenderExcludeURLInReport", "has no data type that the privacy setting withholds")
		without(&s.UnsafeInfo, 0, "user.unsafe_site_info", "has no data type that the privacy setting withholds")
	}
	if event.Diagnostics.Fields()&sc.Sends.All == 0 {
		without(&s.OptionalDiag, 32, "optionalDiagnostics", "has no optional diagnostic data")
	}
	if !sc.Sends.All.Has(event.FeedbackType) {
		without(&s.FeedbackData, 100, "DefenderFeedbackData", "has no feedback")
	}
	if !sc.Sends.All.Has(event.DiagFeatures) {
		without(&s.NetworkPriv, 100, "DefenderNetworkProtectionPrivacy", fmt.Sprintf("has no %s, the only place where it shows", event.DiagFeatures))
		without(&s.TVMPriv, 100, "DefenderTVMPrivacyMode", fmt.Sprintf("has no %s, the only place where it shows", event.DiagFeatures))
	}
}
