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

	// Field by field: a composite literal would be made elsewhere and copied.
	d.Index, d.Cohort, d.Tenant = i, c, t
	d.TenantID, d.OrgID = f.tenants[t].ID, f.tenants[t].OrgID
	os := b.os.pick(r.Uint64())
	d.OS = os.release
	d.Model = *os.models.pick(r.Uint64())
	d.App = *b.apps.pick(r.Uint64())
	d.Locale = *b.locales.pick(r.Uint64())
	d.Timezone = *b.timezones.pick(r.Uint64())
	d.HasMAC = r.Uint64()>>11 >= g.guid
	d.GUID, d.MAC = newGUID(&r), [6]byte{}
	if d.HasMAC {
		d.GUID, d.MAC = GUID{}, f.mac(i)
	}
	d.EntraID = newGUID(&r)
	d.UserID = newGUID(&r)
	d.UPN = f.upn(&r, i, f.domains[t])

	f.settle(d, b, place, &SettingsChange{})
}

// mac returns the hardware address of device i: one of Apple's OUIs and 24 bits. Each device has a number of its own in the
// row of all such addresses, since two devices with one address would look like one to a backend. They may all be Wi-Fi
// addresses: IEEE does not say which OUI is for what.
func (f *Fleet) mac(i int) [6]byte {
	n := f.macs.at(uint64(i))
	oui := f.ouis[n>>24]
	return [6]byte{oui[0], oui[1], oui[2], byte(n >> 16), byte(n >> 8), byte(n)}
}

// newGUID draws a version 4 UUID (RFC 9562, section 5.4).
func newGUID(r *rand.PCG) (g GUID) {
	binary.BigEndian.PutUint64(g[:8], r.Uint64())
	binary.BigEndian.PutUint64(g[8:], r.Uint64())
	g[6] = g[6]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}
