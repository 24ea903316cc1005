package scenario

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"drover/sim/defect"
)

func TestDefects(t *testing.T) {
	set, err := parseDefects("d.yaml", []byte(`
seed: 7
lose: {share: 1%, count: 10}
leak: {}
delay: {share: 5%, for: 3s}
throttle: {retryAfter: 2s}
fail: {count: 3, status: 500}
capacity: {rate: 500/s, retryAfter: 2s}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &defect.Set{Seed: 7, Capacity: 500, RetryAfter: 2 * time.Second}
	want.Rules[defect.Lose] = defect.Rule{Share: 0.01, Count: 10}
	want.Rules[defect.Leak] = defect.Rule{Share: 1}
	want.Rules[defect.Delay] = defect.Rule{Share: 0.05, For: 3 * time.Second}
	want.Rules[defect.Throttle] = defect.Rule{Share: 1, For: 2 * time.Second}
	want.Rules[defect.Fail] = defect.Rule{Share: 1, Count: 3, Status: 500}
	if !reflect.DeepEqual(set, want) {
		t.Errorf("set = %+v\nwant  %+v", set, want)
	}
	for text, want := range map[string]string{
		"":                 "d.yaml:1:1: the file is empty",
		"{}":               "d.yaml:1:1: the file names no defect",
		"lose":             "d.yaml:1:1: defects: want a mapping",
		"loose: {}":        `d.yaml:1:1: defects has no field "loose"; did you mean "lose"?`,
		"lose: {count: x}": "d.yaml:1:15: defects.lose.count",
	} {
		if _, err := parseDefects("d.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := LoadDefects("no/such/file.yaml"); err == nil {
		t.Error("a file that is not there is read")
	}
}

// Every kind of defect has a field, and the fields are named as the kinds are.
func TestDefectsAll(t *testing.T) {
	for k := range defect.NumKinds {
		set, err := parseDefects("d.yaml", []byte(k.String()+": {count: 4}"))
		if err != nil {
			t.Errorf("%s: %v", k, err)
			continue
		}
		for other, r := range set.Rules {
			if on := r.Share > 0 && r.Count == 4; on != (defect.Kind(other) == k) {
				t.Errorf("%s: the rule of %s is %+v", k, defect.Kind(other), r)
			}
		}
	}
}

// A share of 0 % is no defect: a shipped scenario may name some and still be sent to somebody else's backend.
func TestNoDefectElsewhere(t *testing.T) {
	for _, name := range []string{"lost-acks", "wrong-tenant", "verdict-conformance", "late-and-skewed"} {
		sc, err := Load(name, Options{Set: map[string]string{"target": "http://127.0.0.1:9"}})
		if err != nil || sc.Target.Defects != nil || sc.Target.Readback.Adapter == "" {
			t.Errorf("%s against another backend: %v, %+v", name, err, sc)
		}
	}
	if _, err := Load("lost-acks", Options{Set: map[string]string{"target": "http://127.0.0.1:9", "lose": "1%"}}); err == nil || !strings.Contains(err.Error(), "only the embedded backend") {
		t.Errorf("another backend is told to misbehave: %v", err)
	}
}
