package fleet

import (
	"encoding/binary"
	"math/rand/v2"
)

// Device fills d with the identity of device i, replacing all that was in it. It panics if i is not in 0..Devices()-1.
//
// What a device is made of (model, release, app, locale, zone, ids, names, settings) depends on the seed, the names of its
// fleet and cohort and its place in the cohort. Its tenant also depends on the size of the fleet, and its hardware address
// and the number in its UPN on i: so neither occurs twice. Every field takes a fixed number of random words, so changing a
// share changes no other field, except that the model follows the release.
//
// It allocates nothing.
func (f *Fleet) Device(i int, d *Device) {
	c := f.CohortOf(i)
	g := &f.groups[f.groupOf[c]]
	b := &f.builds[c]
	place := uint64(i - f.cohorts[c].First)
	t := f.tenantIn(g, i)

	var r rand.PCG
	r.Seed(b.key, place)
	var words [12]uint64 // all but the name's, in a loop: the generator's code is long where it is inlined
	for n := range words {
		words[n] = r.Uint64()
	}

	// Field by field: a composite literal would be made elsewhere and copied.
	d.Index, d.Cohort, d.Tenant = i, c, t
	d.TenantID, d.OrgID = f.tenants[t].ID, f.tenants[t].OrgID
	os := b.os.pick(words[0])
	d.OS = os.release
	d.Model = *os.models.pick(words[1])
	d.App = *b.apps.pick(words[2])
	d.Locale = *b.locales.pick(words[3])
	d.Timezone = *b.timezones.pick(words[4])
	d.HasMAC = words[5]>>11 >= g.guid
	if d.HasMAC {
		d.GUID, d.MAC = GUID{}, f.mac(i)
	} else {
		d.GUID, d.MAC = newGUID(words[6], words[7]), [6]byte{}
	}
	d.EntraID = newGUID(words[8], words[9])
	d.UserID = newGUID(words[10], words[11])
	d.UPN.draw(f.names, &r, i, f.domains[t])

	d.settle(b, place, &b.switches)
}

// mac returns the hardware address of device i: one of Apple's OUIs and 24 bits. Each device has a number of its own in the
// row of all such addresses, since two devices with one address would look like one to a backend. They may all be Wi-Fi
// addresses: IEEE does not say which OUI is for what.
func (f *Fleet) mac(i int) [6]byte {
	n := f.macs.at(uint64(i))
	oui := f.ouis[n>>24]
	return [6]byte{oui[0], oui[1], oui[2], byte(n >> 16), byte(n >> 8), byte(n)}
}

// newGUID makes a version 4 UUID (RFC 9562, section 5.4) of two random words.
func newGUID(high, low uint64) (g GUID) {
	binary.BigEndian.PutUint64(g[:8], high&^(0xf<<12)|4<<12)
	binary.BigEndian.PutUint64(g[8:], low&^(3<<62)|2<<62)
	return g
}
