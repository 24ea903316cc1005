package sim

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/target"
	"drover/sim/wire"
)

const privacyCheck = "\n  checks:\n    - {name: privacy, privacy: {violations: 0}}\n"

// Every upload is audited once, however often it is sent, in the open and in the closed model.
func TestAuditOfRun(t *testing.T) {
	const closedLoad = "\n    model: closed\n    concurrency: 8\n    phases: [{name: work, for: 3s}]\n"
	for name, load := range map[string]string{"open": speedLoad, "closed": closedLoad} {
		with := []string{"RETRY", "{maxAttempts: 5, base: 1ms, cap: 2ms}"}
		if name == "closed" {
			with = append(with, ", speed: 600", "")
		}
		synctest.Test(t, func(t *testing.T) {
			f := &fake{serve: func(n int, _ *target.Request) (measure.Class, time.Duration) {
				if n%5 == 0 {
					return measure.Status5xx, time.Millisecond
				}
				return measure.OK, 10 * time.Millisecond
			}}
			res := drive(t, t.Context(), model(t, parse(t, load+privacyCheck, with...)), f, 3)
			sent := counts(res).Due - counts(res).Dropped
			a := res.Audit
			if a == nil || a.Uploads != sent || a.Uploads >= int64(len(f.bodies)) || a.Violations != 0 || a.Contract != "mde" || len(a.Broken) != 0 {
				t.Errorf("%s: audit %+v, want each of %d uploads once, in %d requests, and no violation", name, a, sent, len(f.bodies))
			}
			if len(a.Blind) == 0 {
				t.Errorf("%s: the audit does not say what it could not look at", name)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		if res := drive(t, t.Context(), model(t, parse(t, rateLoad("even", "100/s", "1s"))), new(fake), 1); res.Audit != nil {
			t.Errorf("without a check there is an audit: %+v", res.Audit)
		}
	})
}

// The canaries of a scenario are visited in the run, and a format that lets one slip out is caught.
func TestCanariesOfRun(t *testing.T) {
	for _, leak := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := model(t, parse(t, speedLoad+privacyCheck+"\n  privacy: {canaries: {benignHosts: 7}}\n"))
			f := native
			if leak {
				slip := string(m.Behavior.Canaries.List()[3].Append(nil))
				f.Event = func(dst []byte, n int, d *fleet.Device, e *event.Event) []byte {
					out := *e
					if out.Kind == event.Crash {
						out.Crash.Reason = "after " + slip
					}
					return native.Event(dst, n, d, &out)
				}
			}
			fake := new(fake)
			res, err := Run(t.Context(), Config{Model: m, Target: fake, Adapter: writing(f)})
			if err != nil {
				t.Fatal(err)
			}
			c := res.Audit.Canaries
			if c == nil || c.Hosts != 7 || c.Visited == 0 || c.Visits < c.Visited || c.Visits > res.Devices.Visits {
				t.Fatalf("canaries %+v of %d visits", c, res.Devices.Visits)
			}
			told := int64(strings.Count(strings.Join(fake.bodies, ""), "canary-"))
			if c.Found != told || res.Audit.Violations != told || (told > 0) != leak {
				t.Errorf("leak %v: %d told, %d found, %d violations", leak, told, c.Found, res.Audit.Violations)
			}
		})
	}
}

// A format that names a site in spite of the setting is caught, although the simulator's own code keeps it.
func TestAuditCatchesTheSimulator(t *testing.T) {
	leaky := native
	leaky.Event = func(dst []byte, n int, d *fleet.Device, e *event.Event) []byte {
		out := *e
		if out.Kind == event.WebThreat {
			out.Web.Host, _ = event.Zone{}.Host([]byte("a"))
			out.Has |= event.FieldsOf(event.WebDomain)
		}
		return native.Event(dst, n, d, &out)
	}
	synctest.Test(t, func(t *testing.T) {
		f := new(fake)
		m := model(t, parse(t, speedLoad+privacyCheck, "{upnDomain: contoso.example}",
			"{upnDomain: contoso.example}\n      settings: {DefenderExcludeURLInReport: {true: 100, false: 0}}"))
		res, err := Run(t.Context(), Config{Model: m, Target: f, Adapter: writing(leaky)})
		if err != nil {
			t.Fatal(err)
		}
		leaks := int64(strings.Count(strings.Join(f.bodies, ""), `"domain":"a.sim.test"`))
		if a := res.Audit; a.Violations != leaks || leaks == 0 || len(a.Broken) != 1 || !strings.HasPrefix(a.Broken[0], "P02 ") || !strings.HasPrefix(a.First, "P02 events[].web.domain") {
			t.Errorf("audit %+v, want %d violations of P02", a, leaks)
		}
		out := check.Evaluate(m.Scenario.Checks, check.Facts{Audit: res.Audit})
		if out[0].Result != check.Fail {
			t.Errorf("check of %d leaks: %+v, want fail", leaks, out[0])
		}
	})
}

// Of bodies that are not native the audit reads the same events natively.
func TestAuditOfAnotherFormat(t *testing.T) {
	other := wire.Format{
		Name:  "other",
		Begin: func(dst []byte, _ *fleet.Device, _ event.Fields) []byte { return dst },
		Event: func(dst []byte, _ int, _ *fleet.Device, _ *event.Event) []byte { return append(dst, "x\n"...) },
		End:   func(dst []byte, _ int) []byte { return dst },
	}
	synctest.Test(t, func(t *testing.T) {
		m := model(t, parse(t, speedLoad+privacyCheck))
		res, err := Run(t.Context(), Config{Model: m, Target: new(fake), Adapter: writing(other)})
		if err != nil {
			t.Fatal(err)
		}
		if a := res.Audit; a == nil || a.Violations != 0 || a.Events == 0 {
			t.Errorf("audit %+v, want events and no violation", a)
		}
	})
}
