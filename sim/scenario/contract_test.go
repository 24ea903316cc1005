package scenario

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"

	"drover/profiles"
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
		{"schema_version: 1", "schema_version: 2", "want 1"},
		{"type: guid", "type: guild", "no type"},
		{"type: guid", "type: object", "go together"},
		{"when: [always]", "when: [sometimes]", "no condition"},
		{"when: [always]", "when: []", "no condition"},
		{"category: required", "category: nice", "category"},
		{"type: guid", "type: guid, event: web.visit", "kind of event"},
		{"id: badge", "nick: badge", "not found"},
		{"id: ours, ", "", "id or seed"},
		{"device.badge", "device..badge", "empty"},
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
