package fleet

import (
	mathrand "math/rand"
	"math/rand/v2"
	"strconv"

	"github.com/brianvoe/gofakeit/v6"
)

// Device fills d with the identity of device i, replacing all that was in it. It panics if i is not in 0..Devices()-1.
//
// What a device is made of (model, release, app, locale, zone, ids, names, settings) depends on the seed, the names of its
// fleet and cohort and its place in the cohort. Its tenant also depends on the size of the fleet, and its hardware address
// and the number in its UPN on i: so neither occurs twice. Every field takes a fixed number of random words, so changing a
// share changes no other field, except that the model follows the release.
//
// It allocates the UPN and nothing else.
func (f *Fleet) Device(i int, d *Device) {
	c := f.CohortOf(i)
	g := &f.groups[f.groupOf[c]]
	b := &f.builds[c]
	place := uint64(i - f.cohorts[c].First)
	t := f.tenantIn(g, i)

	m := f.makers.Get().(*maker)
	r := &m.pcg
	r.Seed(b.key, place)

	os := b.os.pick(r.Uint64())
	*d = Device{
		Index:    i,
		Cohort:   c,
		Tenant:   t,
		TenantID: f.tenants[t].ID,
		OrgID:    f.tenants[t].OrgID,
		OS:       os.release,
		Model:    *os.models.pick(r.Uint64()),
		App:      *b.apps.pick(r.Uint64()),
		Locale:   *b.locales.pick(r.Uint64()),
		Timezone: *b.timezones.pick(r.Uint64()),
		HasMAC:   r.Uint64()>>11 >= g.guid,
	}
	id := newGUID(r)
	if d.HasMAC {
		d.MAC = f.mac(i)
	} else {
		d.GUID = id
	}
	d.EntraID = newGUID(r)
	d.UserID = newGUID(r)
	d.UPN = m.upn(i, f.domains[t])
	f.makers.Put(m)

	d.AdminExcludeURL = b.chance(place, 1, g.excludeURL)
	d.Supervised = b.chance(place, 5, g.supervised)
	d.UnsafeSiteInfo = d.AdminExcludeURL && !d.Supervised && b.chance(place, 4, g.unsafeSiteInfo)
	d.ExcludeURL = EffectivePrivacy(d.AdminExcludeURL, d.UnsafeSiteInfo, d.Supervised)
	d.OptionalDiag = b.chance(place, 2, g.optionalDiag)
	d.FeedbackForm = b.chance(place, 3, g.feedbackForm)
}

// chance reports whether a device has a setting that a share of devices has. It is a hash of device and setting, so each
// setting is independent of everything else.
func (b *build) chance(place, setting, share uint64) bool {
	return mix(mix(b.key^setting*0x9e3779b97f4a7c15)+mix(place))>>11 < share
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
	for i := 0; i < len(g); i += 8 {
		w := r.Uint64()
		for j := range 8 {
			g[i+j] = byte(w >> (56 - 8*j))
		}
	}
	g[6] = g[6]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}

// maker is the random source of one device at a time, and a Faker over it. A Fleet keeps a pool of them: making a Faker
// costs ten times what a device does. It is owned by one goroutine while it is out of the pool.
type maker struct {
	pcg  rand.PCG
	fake *gofakeit.Faker
	buf  []byte
}

func newMaker() *maker {
	m := new(maker)
	m.fake = gofakeit.NewCustom(source{&m.pcg})
	return m
}

// upn appends first.last, the device's number and the domain, in lower-case ASCII letters and digits. Names have no digits,
// so different numbers are different addresses.
func (m *maker) upn(i int, domain string) string {
	m.buf = appendLetters(m.buf[:0], m.fake.FirstName())
	m.buf = append(m.buf, '.')
	m.buf = appendLetters(m.buf, m.fake.LastName())
	m.buf = strconv.AppendInt(m.buf, int64(i), 10)
	m.buf = append(m.buf, domain...)
	return string(m.buf)
}

// appendLetters appends the ASCII letters of a name in lower case and leaves out all else, as in O'Connor.
func appendLetters(dst []byte, name string) []byte {
	for i := range len(name) {
		if c := name[i] | 0x20; 'a' <= c && c <= 'z' {
			dst = append(dst, c)
		}
	}
	return dst
}

// source lets gofakeit draw from the maker's PCG. Whoever owns the PCG seeds it.
type source struct{ *rand.PCG }

var _ mathrand.Source64 = source{}

func (s source) Int63() int64 { return int64(s.Uint64() >> 1) }

// Seed does nothing: gofakeit and math/rand call it only when asked to re-seed, which nobody does.
func (s source) Seed(int64) {}
