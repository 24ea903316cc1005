package behavior

import (
	"iter"

	"drover/sim/event"
)

// Zone is the reserved zone that every visited host is in, so that nothing real can ever be contacted (RFC 6761: .test
// never resolves). A classifier strips it before it judges.
const Zone = ".sim.test"

const (
	benignSites     = 20_000 // how many ranks of popularity benign sites have
	plantedOfEach   = 1_024  // malicious sites of each category, per seed
	plantedCategory = int(event.NumCategories) - 1
)

// Hosts are the sites that visits go to: a pure function of the seed. Benign names are made when they are visited; the
// planted ones, which a list is built from, are kept. It is safe for concurrent use.
type Hosts struct {
	seed       uint64
	popularity popularity
	mix        []CategoryMix
	names      []byte // of the planted sites, one after the other, in order of category
	ends       [plantedCategory * plantedOfEach]uint32
}

// NewHosts returns the sites for one way of browsing. Which sites exist depends on the seed alone; what w says of them is how
// popular they are (Zipf) and how often visits go to each category of malicious site (Mix).
func NewHosts(seed uint64, w Web) *Hosts {
	h := &Hosts{seed: key(seed, 0x77eb), popularity: newPopularity(benignSites, w.Zipf)}
	for _, m := range w.Mix {
		if m.Weight > 0 && m.Value != event.Benign {
			h.mix = append(h.mix, m)
		}
	}
	if len(h.mix) == 0 {
		h.mix = []CategoryMix{{Value: event.Phishing, Weight: 1}}
	}
	h.plant()
	return h
}

// plant makes the planted sites. A name that is there already is drawn again.
func (h *Hosts) plant() {
	taken := make(map[string]bool, len(h.ends))
	var name []byte
	for n := range h.ends {
		d := newDraws(h.seed, drawVisit, 2, uint64(n))
		for {
			name = malicious(name[:0], &d, categoryOf(n))
			if !taken[string(name)] {
				break
			}
		}
		taken[string(name)] = true
		h.names = append(h.names, name...)
		h.ends[n] = uint32(len(h.names))
	}
}

func categoryOf(n int) event.Category { return event.Benign + 1 + event.Category(n/plantedOfEach) }

// planted is the name of planted site n, without the zone.
func (h *Hosts) planted(n int) []byte {
	start := uint32(0)
	if n > 0 {
		start = h.ends[n-1]
	}
	return h.names[start:h.ends[n]]
}

// Visit appends the host of one visit, with the zone, to dst and returns what is true of it. Benign sites are drawn by
// popularity; malicious ones by the mix of categories and evenly within a category.
func (h *Hosts) Visit(dst []byte, d *draws, malicious bool) ([]byte, event.Category) {
	if !malicious {
		return append(benign(dst, h.seed, h.popularity.rank(d)), Zone...), event.Benign
	}
	category := pick(d, h.mix)
	n := int(category-1)*plantedOfEach + int(d.next()%plantedOfEach)
	return append(append(dst, h.planted(n)...), Zone...), category
}

// Planted yields the malicious sites of all categories, whatever the mix, in the form in which a classifier looks them up:
// without the zone. Two Hosts with one seed yield the same.
func (h *Hosts) Planted() iter.Seq2[string, event.Category] {
	return func(yield func(string, event.Category) bool) {
		for n := range h.ends {
			if !yield(string(h.planted(n)), categoryOf(n)) {
				return
			}
		}
	}
}

// Benign yields the benign sites, most popular first and some of them twice, in the form of Planted.
func (h *Hosts) Benign() iter.Seq[string] {
	return func(yield func(string) bool) {
		var buf []byte
		for rank := range uint64(benignSites) {
			if buf = benign(buf[:0], h.seed, rank); !yield(string(buf)) {
				return
			}
		}
	}
}

// Address is the address of a host: a pure function of its name, in the networks for documentation 192.0.2.0/24,
// 198.51.100.0/24 and 203.0.113.0/24 (RFC 5737), never the first or the last of one.
func Address(host []byte) [4]byte {
	sum := uint64(0xcbf29ce484222325)
	for _, c := range host { // FNV-1a
		sum = (sum ^ uint64(c)) * 0x100000001b3
	}
	sum = key(sum, uint64(len(host)))
	last := byte(1 + sum>>8%254)
	switch sum % 3 {
	case 0:
		return [4]byte{192, 0, 2, last}
	case 1:
		return [4]byte{198, 51, 100, last}
	}
	return [4]byte{203, 0, 113, last}
}
