package privacy_test

import (
	"regexp"
	"strings"
	"testing"

	"drover/sim"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/scenario"
)

// ids are what names each tenant, its devices and their users, and which tenant that is.
type ids struct {
	of    map[string]int
	mails map[int]string // the domain of its users
}

var (
	anID   = regexp.MustCompile(`(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|([0-9a-f]{2}:){5}[0-9a-f]{2}`)
	aMail  = regexp.MustCompile(`[a-z0-9.]+@([a-z0-9.-]+)`)
	target = "long-tail"
)

func idsOf(m *sim.Model) ids {
	out := ids{map[string]int{}, map[int]string{}}
	for n, t := range m.Fleet.Tenants() {
		out.of[t.ID.String()], out.of[t.OrgID.String()] = n, n
	}
	var d fleet.Device
	for i := range m.Fleet.Devices() {
		m.Fleet.Device(i, &d)
		for _, g := range []fleet.GUID{d.EntraID, d.UserID, d.GUID} {
			if g != (fleet.GUID{}) {
				out.of[g.String()] = d.Tenant
			}
		}
		_, domain, _ := strings.Cut(string(d.UPN.AppendText(nil)), "@")
		out.mails[d.Tenant] = domain
	}
	return out
}

// foreign returns what in a document names another tenant than its own, or a device or user of it; known counts what names its own.
func (ids ids) foreign(doc string, tenant int) (found []string, known int) {
	for _, id := range anID.FindAllString(doc, -1) {
		switch t, ok := ids.of[strings.ToLower(id)]; {
		case !ok: // of an event, or of an incident
		case t != tenant:
			found = append(found, id)
		default:
			known++
		}
	}
	for _, mail := range aMail.FindAllStringSubmatch(doc, -1) {
		if mail[1] != ids.mails[tenant] {
			found = append(found, mail[0])
		} else {
			known++
		}
	}
	return found, known
}

// TestSameTenant: no upload of the long tail of workday, twenty tenants of very different size, names another tenant's ids.
func TestSameTenant(t *testing.T) {
	sc, err := scenario.Load("workday", scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.NewModel(sc)
	if err != nil {
		t.Fatal(err)
	}
	known := idsOf(m)
	tenants := map[int]int{}
	var kinds [event.NumKinds]int
	swapped := 0
	var last string
	lastTenant := -1
	uploads(m, 12_000, func(raw []byte, d *fleet.Device) {
		if m.Fleet.Tenants()[d.Tenant].Fleet != target {
			return
		}
		tenants[d.Tenant]++
		doc := string(raw)
		for _, k := range event.Kinds() {
			kinds[k] += strings.Count(doc, `"kind":"`+k.String()+`"`)
		}
		if found, own := known.foreign(doc, d.Tenant); len(found) > 0 || own < 6 {
			t.Errorf("device %d of tenant %d names %d ids of its own, and of others %q", d.Index, d.Tenant, own, found)
		}
		if lastTenant >= 0 && lastTenant != d.Tenant { // the test itself sees an account that went astray
			if found, _ := known.foreign(last, d.Tenant); len(found) < 5 {
				t.Errorf("an upload of tenant %d under tenant %d: found only %q", lastTenant, d.Tenant, found)
			}
			swapped++
		}
		last, lastTenant = doc, d.Tenant
	})
	if len(tenants) != 20 || swapped == 0 {
		t.Errorf("uploads of %d tenants, want 20", len(tenants))
	}
	for _, k := range []event.Kind{event.Enrolment, event.Heartbeat, event.Memory, event.AppInfo, event.AppAction, event.WebThreat, event.Diagnostics} {
		if kinds[k] == 0 {
			t.Errorf("no event of kind %v among %v", k, kinds)
		}
	}
}
