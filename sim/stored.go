package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"drover/sim/behavior"
	"drover/sim/check"
	"drover/sim/fleet"
	"drover/sim/privacy"
	"drover/sim/target"
	"drover/sim/wire"
)

// Withdrawn lists the devices whose users allowed optional diagnostic data at some time of the run and do not at its end. What a backend
// holds of it is to be erased.
func (m *Model) Withdrawn() (devices []int) {
	changes := func(e int) *fleet.SettingsChange {
		if c := m.Behavior.Timeline[e].Change; c != nil && c.Settings.OptionalDiagnostics != nil {
			return &c.Settings
		}
		return nil
	}
	if !slices.ContainsFunc(m.cues, func(c cue) bool { return changes(c.entry) != nil }) {
		return nil
	}
	for i := range m.Fleet.Devices() {
		is, _ := m.Fleet.Consents(i, &fleet.SettingsChange{})
		was, begun := is, []int(nil) // entries in force, in the order in which they began
		for _, c := range m.cues {
			if changes(c.entry) == nil || !m.Behavior.Timeline[c.entry].Select.Has(i) {
				continue
			}
			if begun = slices.DeleteFunc(begun, func(e int) bool { return e == c.entry }); !c.ends {
				begun = append(begun, c.entry)
			}
			var all fleet.SettingsChange
			for _, e := range begun {
				all.Merge(*changes(e))
			}
			is, _ = m.Fleet.Consents(i, &all)
			was = was || is
		}
		if was && !is {
			devices = append(devices, i)
		}
	}
	return devices
}

// Settings tells the settings of a fleet's devices by their directory id, as an audit needs them. Where the timeline changes them they are
// not known, for a document does not say in which partition's time it was sent; but of those who withdrew it is known that nothing
// optional may be left.
func (m *Model) Settings(withdrawn []int) func(fleet.GUID) (privacy.Settings, bool) {
	known := make(map[fleet.GUID]privacy.Settings, m.Fleet.Devices())
	var d fleet.Device
	for i := range m.Fleet.Devices() {
		_, gone := slices.BinarySearch(withdrawn, i)
		if m.Unsettled(i) && !gone {
			continue
		}
		m.Fleet.Device(i, &d)
		if known[d.EntraID] = SettingsOf(&d); gone {
			known[d.EntraID] = privacy.Settings{FeedbackForm: true}
		}
	}
	return func(id fleet.GUID) (privacy.Settings, bool) {
		s, ok := known[id]
		return s, ok
	}
}

// auditsStored reports whether a check asks for an audit of what the backend stored.
func auditsStored(m *Model) bool {
	return slices.ContainsFunc(m.Scenario.Checks, func(c check.Check) bool { return c.Privacy != nil && c.Privacy.Stored })
}

// storedAudit holds what the backend showed to the scenario's contract, look by look: the last one counts.
type storedAudit struct {
	m        *Model
	settings func(fleet.GUID) (privacy.Settings, bool)

	*privacy.Auditor
	reader    *privacy.Reader
	first     string
	offending int64
	last      int64 // document with the last violation
	parts     bool  // not all that was shown is a whole document
}

func newStoredAudit(m *Model, withdrawn []int) *storedAudit {
	if !auditsStored(m) {
		return nil
	}
	return &storedAudit{m: m, settings: m.Settings(withdrawn)}
}

// look begins anew. A nil audit does nothing, here and below.
func (a *storedAudit) look() {
	if a == nil {
		return
	}
	a.first, a.offending, a.last, a.parts = "", 0, 0, false
	a.Auditor = privacy.NewAuditor(a.m.Scenario.Contract, privacy.Options{Canaries: a.m.Behavior.Canaries.List(), Report: func(v privacy.Violation) {
		if a.first == "" {
			a.first = v.String()
		}
		if v.Document != a.last {
			a.last = v.Document
			a.offending++
		}
	}})
	a.reader = a.Auditor.Reader(a.settings)
}

// show takes what a line shows of an event.
func (a *storedAudit) show(how *target.Readback, line []byte) {
	if a == nil {
		return
	}
	if how.Adapter != "drover-audit" {
		line = content(how, line)
		if wire.Lookup(line, "events") == nil {
			a.parts = true
			return
		}
	}
	a.reader.Upload(line)
}

// result is nil when there was nothing to audit. made is what the devices did.
func (a *storedAudit) result(made *behavior.Stats) *check.Audit {
	if a == nil || a.Auditor == nil || a.parts {
		return nil
	}
	out := auditOf(a.Auditor, a.first, made)
	out.Offending = a.offending
	return out
}

// withdraw tells drover's own backend who took consent back, and writes down whom it was told of.
func (r *ReadBack) withdraw(ctx context.Context) error {
	const most = 50_000
	for list := range slices.Chunk(r.Withdrawn, most) {
		body := struct {
			Devices []string `json:"devices"`
		}{}
		var d fleet.Device
		for _, i := range list {
			r.Fleet.Device(i, &d)
			body.Devices = append(body.Devices, d.EntraID.String())
		}
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		answer, err := r.Source.Open(ctx, "/v1/withdrawals?run="+url.QueryEscape(r.Run), b, target.Admin)
		if err != nil {
			return fmt.Errorf("tell the backend of %d users who took their consent back: %w", len(r.Withdrawn), err)
		}
		var said struct {
			Erased *int64 `json:"erased"`
		}
		err = json.NewDecoder(io.LimitReader(answer, 1<<10)).Decode(&said)
		if err == nil && said.Erased == nil {
			err = errors.New("it does not say how many events were erased")
		}
		if err = errors.Join(err, answer.Close()); err != nil {
			return fmt.Errorf("the answer to /v1/withdrawals: %w", err)
		}
		r.Wanted -= *said.Erased
		if err := r.say("#withdrawn ", map[string][]int{"devices": list}); err != nil {
			return err
		}
	}
	return nil
}

// errKnown ends a reading that has seen enough.
var errKnown = errors.New("known")

// Withdrawn lists the devices of which the backend was told, as the read-back has them.
func (c *Settlement) Withdrawn() (devices []int, err error) {
	_, err = c.read(readers{
		withdrawn: func(list []int) { devices = append(devices, list...) },
		look:      func(time.Duration) {},
		as:        func(string, string) error { return errKnown },
		line:      func([]byte) error { return errKnown },
	})
	if errors.Is(err, errKnown) {
		err = nil
	}
	slices.Sort(devices)
	return slices.Compact(devices), err
}
