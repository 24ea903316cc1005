package privacy

import (
	"fmt"
	"slices"

	"drover/sim/event"
)

// Unfit says why simulated devices cannot keep a contract, although a capture can be held to it.
type Unfit struct {
	Item string // id of the item; "": the contract as a whole
	What string
	Mend string
}

// Error returns e.g. `item "device.badge": no field of drover's carries it`.
func (u *Unfit) Error() string {
	if u.Item == "" {
		return u.What
	}
	return fmt.Sprintf("item %q: %s", u.Item, u.What)
}

// Sends returns what devices send under the contract, and everything that keeps them from it: an item that no field carries,
// one with a condition that no device knows, no device identifier.
func (c *Contract) Sends() (s event.Sends, unfit []*Unfit) {
	no := func(id, mend, format string, args ...any) {
		unfit = append(unfit, &Unfit{id, fmt.Sprintf(format, args...), mend})
	}
	for i := range c.Items {
		it := &c.Items[i]
		f, ok := event.ParseField(it.Name)
		if !ok {
			no(it.ID, "devices send only what profiles/privacy-catalogue.yaml names; leave it to drover audit", "field %s: no device sends it", it.Name)
			continue
		}
		s.All |= event.FieldsOf(f)
		if it.Needs(PrivacyOff) {
			s.PrivacyOff |= event.FieldsOf(f)
		}
		if kind, carried := f.Kind(); carried != it.Carried || carried && kind != it.Kind {
			want := "events of kind " + kind.String() + " carry it"
			if !carried {
				want = "every upload carries it"
			}
			no(it.ID, "", "field %s: %s", f, want)
		}
		for _, cond := range conditions {
			switch needs, known := it.Needs(cond), meets(f, cond); {
			case known == optional || needs == (known == fixed):
			case needs:
				no(it.ID, "remove the condition", "field %s: devices send it whether %s holds or not", f, cond)
			default:
				no(it.ID, "add the condition", "field %s: devices send it only where %s holds", f, cond)
			}
		}
	}
	has := s.All.Has
	if !has(event.DeviceGUID) && !has(event.DeviceWiFiMAC) {
		no("", "add device.id.guid or device.id.wifi_mac", "contract %s has no device identifier", c.Name)
	}
	for _, f := range []event.Field{event.DeviceTime, event.AccountDeviceID, event.AccountTenantID} {
		if !has(f) {
			no("", "add it", "contract %s has no %s, without which an upload has no address", c.Name, f)
		}
	}
	if !has(event.FeedbackType) && (has(event.FeedbackEmail) || has(event.FeedbackComments)) {
		no("", "add it, or remove feedback.email and feedback.comments", "contract %s has no %s, without which feedback is none", c.Name, event.FeedbackType)
	}
	return s, unfit
}

// has says what devices do about a condition.
type has uint8

const (
	never    has = iota // it cannot be asked of the field
	optional            // a contract may ask for it or not
	fixed               // devices always heed it
)

// meets says how devices heed a condition for a field.
func meets(f event.Field, c Condition) has {
	kind, carried := f.Kind()
	is := func(k event.Kind) bool { return carried && kind == k }
	yes := false
	switch c {
	case Always, DefenderOnly:
		return optional // they exclude nothing that a device does
	case PrivacyOff:
		if is(event.WebThreat) {
			return optional
		}
	case Malicious:
		yes = is(event.WebThreat)
	case OptionalOn:
		yes = is(event.Diagnostics)
	case FeedbackGiven:
		yes = is(event.Feedback)
	case ValueGiven:
		yes = slices.Contains([]event.Field{event.FeedbackEmail, event.FeedbackComments}, f)
	}
	if yes {
		return fixed
	}
	return never
}
