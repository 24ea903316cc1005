package fleet

import (
	"strings"
	"testing"
)

// A cohort's own settings hold for its devices, and the others keep the fleet's.
func TestSettingsOfCohort(t *testing.T) {
	specs := testSpecs(9000)
	cat := testCatalogue()
	was, err := New(cat, 1, specs)
	if err != nil {
		t.Fatal(err)
	}
	own := specs[0].Settings
	own.Supervised, own.OptionalDiagnostics = 1, 0
	specs[0].Cohorts[1].Settings = &own
	f, err := New(cat, 1, specs)
	if err != nil {
		t.Fatal(err)
	}
	var a, b Device
	for i := range f.Devices() {
		was.Device(i, &a)
		f.Device(i, &b)
		a.Timezone = b.Timezone // each fleet loads its own
		if b.Cohort == 1 {
			if !b.Supervised || b.OptionalDiag || b.FeedbackForm != a.FeedbackForm {
				t.Fatalf("device %d of the cohort with settings of its own: %+v", i, b)
			}
		} else if a != b {
			t.Fatalf("device %d of another cohort changes: %+v, was %+v", i, b, a)
		}
	}
	own.FeedbackData = 1.5
	if _, err := New(cat, 1, specs); err == nil || !strings.Contains(err.Error(), "FeedbackData") {
		t.Errorf("New with a share of 1.5 = %v, want an error that names the setting", err)
	}
}
