package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"

	"drover/profiles"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/privacy"
)

func TestContracts(t *testing.T) {
	if got, want := Contracts(), []string{"atp-2020", "mde", "mde-2024"}; !slices.Equal(got, want) {
		t.Fatalf("Contracts() = %q, want %q", got, want)
	}
	// Data types by contract, counted in the catalogue by hand.
	for name, want := range map[string]int{"atp-2020": 26, "mde": 25, "mde-2024": 24} {
		c, err := LoadContract(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Items) != want {
			t.Errorf("contract %s has %d data types, want %d", name, len(c.Items), want)
		}
	}
	cat, err := LoadPrivacyCatalogue(profiles.Files, contractsFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(cat.Items) != 28 {
		t.Errorf("the catalogue has %d data types, want 28", len(cat.Items))
	}
}

// TestPrivacyTables holds what packages fleet and privacy have as code to what the catalogue says: the truth table of effective
// privacy and the invariants.
func TestPrivacyTables(t *testing.T) {
	src, err := fs.ReadFile(profiles.Files, contractsFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Effective []struct {
			Admin      bool `yaml:"admin_exclude_url"`
			User       any  `yaml:"user_toggle"`
			Supervised any
			Privacy    string
			Sent       bool `yaml:"domain_sent"`
		} `yaml:"effective_privacy"`
		Invariants []struct{ ID string }
	}
	if err := yaml.Unmarshal(src, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Effective) != 4 {
		t.Fatalf("effective_privacy has %d rows, want 4", len(file.Effective))
	}
	both := func(v any) []bool {
		if b, ok := v.(bool); ok {
			return []bool{b}
		}
		return []bool{false, true}
	}
	for i, row := range file.Effective {
		for _, user := range both(row.User) {
			for _, supervised := range both(row.Supervised) {
				got := fleet.EffectivePrivacy(row.Admin, user, supervised)
				if got != (row.Privacy == "on") || got == row.Sent {
					t.Errorf("row %d: EffectivePrivacy(%v, %v, %v) = %v, want privacy %s and domain sent %v", i, row.Admin, user, supervised, got, row.Privacy, row.Sent)
				}
			}
		}
	}
	var ids []string
	for _, inv := range file.Invariants {
		ids = append(ids, inv.ID)
	}
	var want []string
	for i := range privacy.NumInvariants {
		want = append(want, i.String())
	}
	if !slices.Equal(ids, want) {
		t.Errorf("the catalogue has the invariants %q, package privacy %q", ids, want)
	}
}

func TestLoadContractFile(t *testing.T) {
	dir := t.TempDir()
	const one = `schema_version: 1
profiles: [{id: ours, seed: X, product: Ours, privacy_setting_exists: true}]
items:
  - {id: badge, in: [X], category: required, when: [always], field: device.badge, type: guid}
`
	path := filepath.Join(dir, "ours.yaml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(one)
	c, err := LoadContract(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "ours" || len(c.Items) != 1 || c.Items[0].Form != privacy.GUID {
		t.Errorf("LoadContract(file) = %+v, want the contract ours with a guid", c)
	}
	write(strings.Replace(one, "}]", "}, {id: theirs, seed: Y}]", 1))
	if _, err := LoadContract(path); err == nil || !strings.Contains(err.Error(), "#NAME") {
		t.Errorf("LoadContract of a file with two contracts: %v, want an error that says #NAME", err)
	}
	if c, err := LoadContract(path + "#theirs"); err != nil || c.Name != "theirs" {
		t.Errorf("LoadContract(file#theirs) = %v, %v, want theirs", c, err)
	}
	if _, err := LoadContract("mde2024"); err == nil || !strings.Contains(err.Error(), `"mde-2024"`) {
		t.Errorf("LoadContract(mde2024) = %v, want a guess", err)
	}
}

func TestLoadContractMistakes(t *testing.T) {
	const good = `schema_version: 1
profiles: [{id: ours, seed: X}]
items:
  - {id: badge, in: [X], category: required, when: [always], field: device.badge, type: guid}
`
	for _, tt := range []struct{ old, new, want string }{
		{"schema_version: 1", "schema_version: 2", "c.yaml:1:17: schema_version: 2 is out of range; want 1"},
		{"type: guid", "type: guild", `c.yaml:4:89: items[badge].type: there is no type "guild"; did you mean "guid"?`},
		{"type: guid", "type: object", "go together"},
		{"when: [always]", "when: [sometimes]", `c.yaml:4:52: items[badge].when: there is no condition "sometimes"; want always, `},
		{"when: [always]", "when: []", `c.yaml:4:52: items[badge] has no "when"; add it`},
		{"category: required", "category: requiered", `c.yaml:4:36: items[badge].category: there is no "requiered"; did you mean "required"?`},
		{"type: guid", "type: guid, event: web.visit", `c.yaml:4:102: items[badge].event: there is no kind of event "web.visit"; want enrolment, heartbeat, `},
		{"id: badge", "nick: badge", `c.yaml:4:6: items[1] has no field "nick"; it has id, `},
		{"id: ours, ", "", `c.yaml:2:12: profiles[1] has no "id"; add it`},
		{"seed: X", "seed: Y", `c.yaml:4:21: items[badge].in: no profile has the seed "X"; want the seed of a profile`},
		{"device.badge", "device..badge", `c.yaml:4:5: item "badge": field "device..badge": a name is empty`},
		{"type: guid", "type: object, fields: {a: [x, {}]}", `c.yaml:4:`},
		{"type: guid", "type: object, fields: {a: {}}", `items[1].fields.a: want a type or a list of values, not a mapping`},
		{"type: guid", "type: object, fields: {a: numbr}", `items[1].fields.a: there is no type "numbr"; did you mean "number"?`},
		{"type: guid", "type: object, fields: [a]", `items[1].fields: want a mapping, not a list`},
		{"items:", "items: []\nenvelope:", `want at least one profile and one item`},
		{"schema_version: 1", "schema_version: 1\nschema_version: 1", `c.yaml:2:1`},
	} {
		fsys := fstest.MapFS{"c.yaml": {Data: []byte(strings.Replace(good, tt.old, tt.new, 1))}}
		if _, err := LoadPrivacyCatalogue(fsys, "c.yaml"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("with %q for %q: %v, want an error with %q", tt.new, tt.old, err, tt.want)
		}
	}
	two := good + "  - {id: badge2, in: [X], category: required, when: [always], field: device.badge.id, type: guid}\n"
	if _, err := LoadPrivacyCatalogue(fstest.MapFS{"c.yaml": {Data: []byte(two)}}, "c.yaml"); err == nil || !strings.Contains(err.Error(), "taken") {
		t.Errorf("a field below another field: %v, want an error", err)
	}
}

// TestOwnContract reads a contract of the user's own beside the scenario, and from the resolved file again.
func TestOwnContract(t *testing.T) {
	small, err := os.ReadFile("testdata/contracts/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir, run := t.TempDir(), t.TempDir()
	text := `apiVersion: drover/v1
kind: Scenario
metadata: {name: own}
spec:
  target: {url: embedded}
  privacy: {contract: "./mine.yaml#small"}
  fleets:
    - name: contoso
      devices: 10
      settings: {DefenderExcludeURLInReport: {true: 50, false: 50}}
      cohorts: [{name: all, weight: 100, profile: enterprise-iphone, behavior: office}]
  behaviors: {office: {events: {heartbeat: {}, memory: {}, webVisit: {}}}}
  load: {phases: [{name: day, for: 1s}]}
`
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "s.yaml"), []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "mine.yaml"), small, 0o600)); err != nil {
		t.Fatal(err)
	}
	sc, err := Load(filepath.Join(dir, "s.yaml"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := event.FieldsOf(event.AccountDeviceID, event.AccountTenantID, event.DeviceTime, event.DeviceGUID, event.WebDomain, event.AppMemory)
	if sc.Contract.Name != "small" || sc.Sends.All != want || sc.Sends.PrivacyOff != event.FieldsOf(event.WebDomain) || !bytes.Equal(sc.ContractFile, small) {
		t.Errorf("contract %s, sends %v and %v", sc.Contract.Name, sc.Sends.All.List(), sc.Sends.PrivacyOff.List())
	}
	if err := errors.Join(os.WriteFile(filepath.Join(run, "scenario.yaml"), sc.Resolved, 0o600), os.WriteFile(filepath.Join(run, ResolvedContract), sc.ContractFile, 0o600)); err != nil {
		t.Fatal(err)
	}
	again, err := Load(filepath.Join(run, "scenario.yaml"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if again.Digest != sc.Digest || again.Sends != sc.Sends {
		t.Errorf("the resolved scenario is another one:\n%s", sc.Resolved)
	}
	// What the contract says is part of the scenario's digest, wherever the file lies.
	if err := os.WriteFile(filepath.Join(dir, "mine.yaml"), append(small, "# changed\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, err := Load(filepath.Join(dir, "s.yaml"), Options{}); err != nil || changed.Digest == sc.Digest {
		t.Errorf("another contract gives the same digest (%v)", err)
	}
}

// TestShippedContractsAreSent: devices can keep every shipped contract, and send each of its data types.
func TestShippedContractsAreSent(t *testing.T) {
	for _, name := range Contracts() {
		c, err := LoadContract(name)
		if err != nil {
			t.Fatal(err)
		}
		sends, unfit := c.Sends()
		var names, want []string
		for _, f := range sends.All.List() {
			names = append(names, f.String())
		}
		for _, it := range c.Items {
			want = append(want, it.Name)
		}
		if len(unfit) > 0 || !slices.Equal(names, want) {
			t.Errorf("contract %s: devices send %q, want %q; unfit %v", name, names, want, unfit)
		}
		private := event.FieldsOf(event.WebDomain, event.WebRemoteIP)
		if name == "atp-2020" {
			private = 0 // no setting has any effect
		}
		if sends.PrivacyOff != private {
			t.Errorf("contract %s: the privacy setting withholds %v, want %v", name, sends.PrivacyOff.List(), private.List())
		}
	}
}

// TestFeaturesAreTheCatalogue holds the keys of diag.features and the browsers that devices have to the catalogue's.
func TestFeaturesAreTheCatalogue(t *testing.T) {
	cat, err := LoadPrivacyCatalogue(profiles.Files, contractsFile)
	if err != nil {
		t.Fatal(err)
	}
	for i := range cat.Items {
		it := &cat.Items[i]
		switch it.Name {
		case "diag.browsers":
			if !slices.Equal(it.Values, event.BrowserNames[:]) {
				t.Errorf("browsers %q, the catalogue has %q", event.BrowserNames, it.Values)
			}
		case "diag.features":
			var want []string
			for f := range event.NumFeatures {
				want = append(want, f.Key()+map[event.Form]string{event.TextBool: " string [true false]", event.Bool: " bool []", event.Level: " count []"}[f.Form()])
			}
			var got []string
			for _, f := range it.Fields {
				got = append(got, fmt.Sprint(f.Name, " ", f.Form, " ", f.Values))
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("features\n%q, the catalogue has\n%q", want, got)
			}
		}
	}
}
