package fleet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Pick says which devices something concerns. All that is given must hold; the zero value with Share 1 is all devices.
type Pick struct {
	Fleet  string
	Cohort string  // "cohort", in whichever fleet, or "fleet/cohort"
	Tenant string  // "fleet/2": by its number in the fleet, from 1, the largest first
	Share  float64 // of the devices, 0..1
	Key    string  // what the share is drawn by: with one key the same devices, with another other ones
}

// Selection is the devices that a Pick means: a pure function of the seed, the pick and the device, so that whoever asks
// gets the same answer. It is safe for concurrent use.
type Selection struct {
	fleet   *Fleet
	cohorts []bool // by cohort
	tenant  int    // -1: any
	share   uint64 // threshold of unit
	key     uint64
}

// Select returns the devices that p means. A name that the fleet does not have, and a share outside 0..1, are errors.
func (f *Fleet) Select(p Pick) (*Selection, error) {
	s := &Selection{fleet: f, cohorts: make([]bool, len(f.cohorts)), tenant: -1, key: hash("select", p.Key)}
	if !isShare(p.Share) {
		return nil, fmt.Errorf("a share of %v is out of range; want 0 to 1", p.Share)
	}
	s.share = threshold(p.Share)
	for i, c := range f.cohorts {
		s.cohorts[i] = (p.Fleet == "" || p.Fleet == c.Fleet) && (p.Cohort == "" || p.Cohort == c.Name || p.Cohort == c.Fleet+"/"+c.Name)
	}
	if !slices.Contains(s.cohorts, true) {
		return nil, fmt.Errorf("no cohort has fleet %q and name %q", p.Fleet, p.Cohort)
	}
	if p.Tenant == "" {
		return s, nil
	}
	name, number, _ := strings.Cut(p.Tenant, "/")
	n, err := strconv.Atoi(number)
	for i, t := range f.tenants {
		if t.Fleet == name && err == nil {
			if n--; n == 0 {
				s.tenant = i
				return s, nil
			}
		}
	}
	return nil, fmt.Errorf("there is no tenant %q", p.Tenant)
}

// Has reports whether device i is one of them. It panics if there is no such device.
func (s *Selection) Has(i int) bool {
	f := s.fleet
	c := f.CohortOf(i)
	if !s.cohorts[c] {
		return false
	}
	if s.tenant >= 0 && f.tenantIn(&f.groups[f.groupOf[c]], i) != s.tenant {
		return false
	}
	return f.builds[c].unit(uint64(i-f.cohorts[c].First), s.key) < s.share
}

// Count returns how many devices they are. It asks for each device.
func (s *Selection) Count() (n int) {
	for c, cohort := range s.fleet.cohorts {
		if !s.cohorts[c] {
			continue
		}
		for i := cohort.First; i < cohort.First+cohort.Count; i++ {
			if s.Has(i) {
				n++
			}
		}
	}
	return n
}
