package event

import (
	"os"
	"path/filepath"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestFieldsAreTheCatalogue holds the table of data types to the catalogue: the same ones, in its order, each carried by the
// same kind of event.
func TestFieldsAreTheCatalogue(t *testing.T) {
	src, err := os.ReadFile(filepath.Join("..", "..", "profiles", "privacy-catalogue.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Items []struct{ Field, Event string }
	}
	if err := yaml.Unmarshal(src, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Items) != int(NumFields) {
		t.Fatalf("%d fields for %d items of the catalogue", NumFields, len(file.Items))
	}
	var carried [NumKinds]Fields
	for i, it := range file.Items {
		f := Field(i)
		kind := ""
		if k, ok := f.Kind(); ok {
			kind = k.String()
			carried[k] |= FieldsOf(f)
		}
		if f.String() != it.Field || kind != it.Event {
			t.Errorf("field %d is %v of %q, the catalogue's %s of %q", i, f, kind, it.Field, it.Event)
		}
		if got, ok := ParseField(it.Field); !ok || got != f {
			t.Errorf("ParseField(%q) = %v, %v, want %v", it.Field, got, ok, f)
		}
	}
	for k := range NumKinds {
		if k.Fields() != carried[k] {
			t.Errorf("%v.Fields() = %v, want %v", k, k.Fields().List(), carried[k].List())
		}
	}
	if _, ok := ParseField("device.location"); ok {
		t.Error("ParseField takes device.location")
	}
}

func TestSends(t *testing.T) {
	s := Sends{All: FieldsOf(WebConnection, WebDomain, AppMemory), PrivacyOff: FieldsOf(WebDomain)}
	if got := s.On(false); got != s.All {
		t.Errorf("On(false) = %v, want %v", got.List(), s.All.List())
	}
	if got, want := s.On(true), FieldsOf(WebConnection, AppMemory); got != want {
		t.Errorf("On(true) = %v, want %v", got.List(), want.List())
	}
}

func TestRiskOf(t *testing.T) {
	for c := range NumCategories {
		calm, bold := RiskOf(c, false), RiskOf(c, true)
		if (calm == RiskClear) != (c == Benign) || bold < calm || c == Phishing && bold != RiskHigh || c == Scam && calm != RiskLow {
			t.Errorf("RiskOf(%v) = %v, and %v when the user went on", c, calm, bold)
		}
	}
	for r := range NumRisks {
		if got, ok := ParseRisk(r.String()); !ok || got != r {
			t.Errorf("ParseRisk(%v) = %v, %v", r, got, ok)
		}
	}
	if _, ok := ParseRisk("severe"); ok {
		t.Error("ParseRisk takes severe")
	}
}
