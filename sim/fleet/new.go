package fleet

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"sort"

	_ "time/tzdata" // so that time zones do not depend on the machine having them
)

// Fleet is all devices of a run. It holds tables per fleet, cohort and tenant and nothing per device: who device i is, is
// computed when asked. A Fleet is not changed after New and is safe for concurrent use.
type Fleet struct {
	seed       uint64
	devices    int
	partitions int
	cohorts    []Cohort
	builds     []build // one per cohort
	tenants    []Tenant
	domains    []string // one per tenant: "@" and the domain of its user principal names
	groups     []group  // one per Spec
	groupOf    []int    // of each cohort
	ouis       [][3]byte
	macs       permutation // device index -> hardware address
	names      *names
}

// group is what the devices of one Spec have in common.
type group struct {
	first, devices int
	firstTenant    int
	tenantEnds     []int       // running sum of the tenants' sizes
	places         permutation // place of a device in its fleet -> place in the row of tenants
	guid           uint64      // threshold of Identity.GUID
}

// New builds the fleets of specs, in their order. Everything about them is a function of its arguments.
//
// The devices of a fleet are divided among its cohorts in the ratio of their weights, and among its tenants in the ratio of
// rank^-Zipf, both by largest remainder, so that no count is off by a whole device; when there are at least as many
// devices as tenants, each tenant has one. A cohort may end up with no device.
//
// Errors name the fleet, cohort, model or version that does not fit: an unknown one, a release that none of the profile's
// models can run, a list without weight, a share outside 0..1, a domain that is not reserved. cat must not change
// afterwards.
func New(cat *Catalogue, seed uint64, specs []Spec) (*Fleet, error) {
	f := &Fleet{seed: seed, ouis: cat.OUIs, names: allNames()}
	b := newBuilder(cat)
	names := map[string]bool{}
	for i := range specs {
		s := &specs[i]
		if names[s.Name] {
			return nil, fmt.Errorf("fleet %q: the name is taken", s.Name)
		}
		names[s.Name] = true
		if err := f.add(b, s); err != nil {
			return nil, fmt.Errorf("fleet %q: %w", s.Name, err)
		}
	}
	if f.devices == 0 {
		return nil, fmt.Errorf("there are no devices")
	}
	if capacity := uint64(len(f.ouis)) << 24; capacity > 0 {
		if uint64(f.devices) > capacity {
			return nil, fmt.Errorf("%d devices are too many for the hardware addresses of %d OUIs", f.devices, len(f.ouis))
		}
		f.macs = newPermutation(capacity, seed^hash("mac"))
	}
	f.partitions = partitionsFor(f.devices)
	return f, nil
}

// add appends the devices of one spec.
func (f *Fleet) add(b *builder, s *Spec) error {
	switch {
	case s.Devices < 0 || s.Devices > math.MaxInt32-f.devices:
		return fmt.Errorf("devices: %d is out of range", s.Devices)
	case s.Tenants.Count < 1 || s.Tenants.Count > max(s.Devices, 1)+maxIdleTenants:
		return fmt.Errorf("tenants: a count of %d is out of range", s.Tenants.Count)
	case !(s.Tenants.Zipf >= 0 && s.Tenants.Zipf <= 10):
		return fmt.Errorf("tenants: a Zipf exponent of %v is out of range; want 0 to 10", s.Tenants.Zipf)
	case len(s.Cohorts) == 0:
		return fmt.Errorf("it has no cohort")
	}
	if err := checkDomain(s.Identity.UPNDomain); err != nil {
		return err
	}
	g := group{first: f.devices, devices: s.Devices, firstTenant: len(f.tenants)}
	if !isShare(s.Identity.GUID) {
		return fmt.Errorf("identity: GUID: a share of %v is out of range; want 0 to 1", s.Identity.GUID)
	}
	g.guid = threshold(s.Identity.GUID)
	if s.Identity.GUID < 1 && len(f.ouis) == 0 {
		return fmt.Errorf("identity: the catalogue has no OUI for hardware addresses")
	}
	if err := f.addCohorts(b, s); err != nil {
		return err
	}
	f.addTenants(s, &g)
	f.groups = append(f.groups, g)
	f.devices += s.Devices
	return nil
}

// maxIdleTenants is how many tenants a fleet may have beyond one per device. It only keeps a slip from filling the memory.
const maxIdleTenants = 100_000

func (f *Fleet) addCohorts(b *builder, s *Spec) error {
	weights := make([]float64, len(s.Cohorts))
	for i, c := range s.Cohorts {
		weights[i] = c.Weight
	}
	counts, err := apportion(s.Devices, weights)
	if err != nil {
		return fmt.Errorf("cohort weights: %w", err)
	}
	names := map[string]bool{}
	first := f.devices
	for i := range s.Cohorts {
		c := &s.Cohorts[i]
		if names[c.Name] {
			return fmt.Errorf("cohort %q: the name is taken", c.Name)
		}
		names[c.Name] = true
		built, err := b.build(c)
		if err != nil {
			return fmt.Errorf("cohort %q: %w", c.Name, err)
		}
		if built.switches, err = cmp.Or(c.Settings, &s.Settings).switches(); err != nil {
			return fmt.Errorf("cohort %q: settings: %w", c.Name, err)
		}
		built.begin(f.seed ^ hash("device", s.Name, c.Name))
		f.cohorts = append(f.cohorts, Cohort{Fleet: s.Name, Name: c.Name, First: first, Count: counts[i]})
		f.builds = append(f.builds, built)
		f.groupOf = append(f.groupOf, len(f.groups))
		first += counts[i]
	}
	return nil
}

func (f *Fleet) addTenants(s *Spec, g *group) {
	n := s.Tenants.Count
	sizes := tenantSizes(s.Devices, n, s.Tenants.Zipf)
	digits := max(3, len(fmt.Sprint(n)))
	r := rand.NewPCG(0, 0)
	end := 0
	for i, size := range sizes {
		r.Seed(f.seed^hash("tenant", s.Name), uint64(i))
		id := newGUID(r.Uint64(), r.Uint64())
		f.tenants = append(f.tenants, Tenant{Fleet: s.Name, ID: id, OrgID: newGUID(r.Uint64(), r.Uint64()), Devices: size})
		domain := "@" + s.Identity.UPNDomain
		if n > 1 {
			domain = fmt.Sprintf("@t%0*d.%s", digits, i+1, s.Identity.UPNDomain)
		}
		f.domains = append(f.domains, domain)
		end += size
		g.tenantEnds = append(g.tenantEnds, end)
	}
	// Not keyed by the seed: which devices share a tenant is part of the scenario, like who is in which cohort.
	g.places = newPermutation(uint64(s.Devices), hash("tenant places", s.Name))
}

// Devices returns the number of devices of all fleets.
func (f *Fleet) Devices() int { return f.devices }

// Cohorts returns the cohorts of all fleets in file order. The caller must not change them.
func (f *Fleet) Cohorts() []Cohort { return f.cohorts }

// Tenants returns the tenants of all fleets in file order, the largest of each fleet first. The caller must not change them.
func (f *Fleet) Tenants() []Tenant { return f.tenants }

// CohortOf returns the index into Cohorts of a device's cohort. It panics if i is not in 0..Devices()-1.
func (f *Fleet) CohortOf(i int) int {
	if uint(i) >= uint(f.devices) {
		panic(fmt.Sprintf("fleet: device %d of %d", i, f.devices))
	}
	lo, hi := 0, len(f.cohorts)-1
	for lo < hi {
		if mid := (lo + hi) / 2; i < f.cohorts[mid].First+f.cohorts[mid].Count {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// TenantOf returns the index into Tenants of a device's tenant. It panics if i is not in 0..Devices()-1.
func (f *Fleet) TenantOf(i int) int { return f.tenantIn(&f.groups[f.groupOf[f.CohortOf(i)]], i) }

// tenantIn is TenantOf for a device of group g. A device's place goes through a permutation first: cohorts are runs of
// devices too, and without it each tenant would be all of one cohort.
func (f *Fleet) tenantIn(g *group, i int) int {
	if len(g.tenantEnds) == 1 {
		return g.firstTenant
	}
	place := int(g.places.at(uint64(i - g.first)))
	return g.firstTenant + sort.SearchInts(g.tenantEnds, place+1)
}

// OSShare returns the shares, adding up to 1, of the iOS versions of a cohort, an index into Cohorts.
func (f *Fleet) OSShare(cohort int) []Share[string] {
	b := &f.builds[cohort]
	shares := make([]Share[string], len(b.os.values))
	for i, o := range b.os.values {
		shares[i] = Share[string]{o.release.Version, b.os.share(i)}
	}
	return shares
}

// hash is FNV-1a over the parts, each ended by a zero byte so that ("ab", "c") and ("a", "bc") differ.
func hash(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return mix(h.Sum64())
}

// mix is the finalizer of splitmix64: a bijection that spreads every bit over all others.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
