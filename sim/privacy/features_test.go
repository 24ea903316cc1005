package privacy_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"drover/sim/event"
	"drover/sim/fleet"
)

// TestFeatures: diag.features tells what the admin configured. The switches that a scenario sets are the device's own; the others
// are the same on all devices of a tenant and cohort, and not on all of the fleet.
func TestFeatures(t *testing.T) {
	settings := half + ", DefenderNetworkProtectionPrivacy: {true: 50, false: 50}, DefenderTVMPrivacyMode: {true: 50, false: 50}"
	m := parsed(t, fmt.Sprintf(lively, 5, "contract: atp-2020", 100.0, 0.0, "optionalDiagnostics: {true: 70, false: 30}, supervised: {true: 50, false: 50}", 0.0))
	mde := parsed(t, fmt.Sprintf(lively, 5, "contract: mde", 100.0, 0.0, settings, 0.0))
	type group struct{ tenant, cohort int }
	chosen := map[group]string{}
	values := map[string]map[any]bool{}
	browsers := map[string]string{} // of each device
	seen := 0
	look := func(raw []byte, d *fleet.Device) {
		var doc object
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		for _, e := range doc["events"].([]any) {
			diag := at(e.(object), "diag")
			if diag == nil {
				continue
			}
			if seen++; !d.OptionalDiag {
				t.Fatalf("device %d sends diagnostics without consent", d.Index)
			}
			features := at(diag, "features")
			for key, want := range map[string]any{
				"DefenderExcludeURLInReport": d.AdminExcludeURL, "DefenderFeedbackData": d.FeedbackForm, "issupervised": fmt.Sprint(d.Supervised),
				"DefenderNetworkProtectionPrivacy": fmt.Sprint(d.NetworkPrivacy), "DefenderTVMPrivacyMode": fmt.Sprint(d.TVMPrivacy), "WebProtection": "true",
			} {
				if features[key] != want {
					t.Errorf("device %d: %s is %v, want %v", d.Index, key, features[key], want)
				}
				if values[key] == nil {
					values[key] = map[any]bool{}
				}
				values[key][features[key]] = true
				delete(features, key)
			}
			if n := len(features); n != int(event.NumFeatures)-6 {
				t.Errorf("device %d: %d other features, want %d", d.Index, n, event.NumFeatures-6)
			}
			rest, _ := json.Marshal(features)
			g := group{d.Tenant, d.Cohort}
			if was, ok := chosen[g]; ok && was != string(rest) {
				t.Errorf("two devices of %+v have %s and %s", g, was, rest)
			}
			chosen[g] = string(rest)
			list, has := diag["browsers"]
			if !has {
				continue
			}
			mine, _ := json.Marshal(list)
			if was, ok := browsers[d.EntraID.String()]; ok && was != string(mine) {
				t.Errorf("device %d has the browsers %s, then %s", d.Index, was, mine)
			}
			browsers[d.EntraID.String()] = string(mine)
		}
	}
	uploads(mde, 6000, look)
	if len(browsers) > 0 || seen < 100 {
		t.Errorf("under mde %d devices tell their browsers in %d reports", len(browsers), seen)
	}
	different := map[string]bool{}
	for _, rest := range chosen {
		different[rest] = true
	}
	if len(chosen) != 6 || len(different) < 3 {
		t.Errorf("%d groups have %d configurations", len(chosen), len(different))
	}
	for key, v := range values {
		if len(v) != 2 && key != "WebProtection" {
			t.Errorf("%s is always %v", key, v)
		}
	}
	clear(chosen)
	uploads(m, 6000, look)
	sets := map[string]bool{}
	for _, b := range browsers {
		sets[b] = true
	}
	if len(browsers) < 20 || len(sets) < 3 {
		t.Errorf("%d devices tell %d sets of browsers", len(browsers), len(sets))
	}
}
