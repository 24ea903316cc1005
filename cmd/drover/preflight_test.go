package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"drover/sim"
	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/scenario"
	"drover/sim/target"
)

// shelf is a read-back that shows these events, or fails where there are none.
type shelf []string

func (s shelf) Open(context.Context, string, []byte, int) (io.ReadCloser, error) {
	if s == nil {
		return nil, errors.New("no such table")
	}
	return io.NopCloser(strings.NewReader(strings.Join(s, "\n"))), nil
}

func (s shelf) Get(context.Context, string, int) ([]byte, error) {
	return nil, errors.New("not asked for")
}

func (s shelf) Close() error { return nil }

// What was sent before the run and is not shown is told as it was: one event, or of two the one that is missing.
func TestPreflightSaysWhatWasSent(t *testing.T) {
	const (
		a    = "0a000000-0000-0000-0000-000000000000"
		b    = "0b000000-0000-0000-0000-000000000000"
		docA = `{"id":"` + a + `"}`
		docB = `{"id":"0B000000-0000-0000-0000-000000000000"}` // as a database may write it
		two  = "preflight: two events were accepted, one as upload and one as single, but the read-back "
		look = " within 2s; look for run r-preflight and event "
		at   = " on the server, and at target.readback"
	)
	one := []sentEvent{{event.ID{0x0a}, measure.Upload}}
	both := append(one[:1:1], sentEvent{event.ID{0x0b}, measure.Single})
	for _, tt := range []struct {
		name string
		sent []sentEvent
		from shelf
		want string
	}{
		{"one, shown", one, shelf{docA}, ""},
		{"one, not shown", one, shelf{docB}, "preflight: one event was accepted, but the read-back does not show it" + look + a + at},
		{"both shown", both, shelf{docB, docA}, ""},
		{"the single one not shown", both, shelf{docA}, two + "does not show the one as single" + look + b + at},
		{"the other one not shown", both, shelf{docB}, two + "does not show the one as upload" + look + a + at},
		{"neither shown", both, shelf{""}, two + "does not show them" + look + a + " and event " + b + at},
		{"nothing to be read", both, nil, two + "failed: no such table"},
	} {
		synctest.Test(t, func(t *testing.T) {
			sc := &scenario.Scenario{Target: scenario.Target{Readback: target.Readback{Adapter: "ndjson", ID: "id"}}}
			p := probe{model: &sim.Model{Scenario: sc}, run: "r-preflight", from: tt.from}
			got := ""
			if err := p.find(t.Context(), tt.sent); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%s: %q\nwant %q", tt.name, got, tt.want)
			}
		})
	}
}
