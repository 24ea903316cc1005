package behavior

import (
	"fmt"
	"iter"
	"time"

	"drover/sim/classify"
	"drover/sim/event"
	"drover/sim/fleet"
)

// Sites is what the web of a scenario is made of. Shares are 0..1.
type Sites struct {
	Zipf     float64 // popularity of benign sites
	Revisits float64 // share of a user's benign visits that go to favourites of the user's own

	Mix      []CategoryMix  // which kinds of malicious site visits go to; empty: phishing only
	Patterns []PatternShare // how malicious sites are made, of those that fit the category; empty: DefaultPatterns
	Hard     float64        // share of malicious sites that have little to give them away

	Listed     float64       // share of malicious sites that the reference has on its list; a model judges the others
	WrongLabel float64       // share of malicious sites that the list is wrong about: half of them are harmless, half are let through
	Unknown    float64       // share of malicious sites about which nobody knows the truth
	Late       float64       // share of malicious sites that are harmless, and known as such, at the start of the run
	LateWithin time.Duration // when they turn malicious: evenly within so long of device time
}

// CategoryMix is the weight of one category among visits to malicious sites.
type CategoryMix = fleet.Share[event.Category]

// PatternShare is the weight of one pattern among malicious sites.
type PatternShare = fleet.Share[event.Pattern]

// DefaultPatterns are the shares of patterns where none are given; an assumption.
var DefaultPatterns = []PatternShare{
	{Value: event.Combosquat, Weight: 22}, {Value: event.Subdomain, Weight: 14}, {Value: event.Typosquat, Weight: 10},
	{Value: event.Homoglyph, Weight: 2}, {Value: event.SharedHosting, Weight: 10}, {Value: event.Compromised, Weight: 8},
	{Value: event.TokenQuery, Weight: 6}, {Value: event.DGALetters, Weight: 6}, {Value: event.DGAWords, Weight: 4}, {Value: event.Bait, Weight: 18},
}

// Fits reports whether sites of a category can have a pattern.
func Fits(c event.Category, p event.Pattern) bool {
	switch p {
	case event.Subdomain, event.Typosquat, event.Homoglyph:
		return c == event.Phishing
	case event.Combosquat, event.SharedHosting:
		return c == event.Phishing || c == event.Scam
	case event.Compromised:
		return c == event.Phishing || c == event.Malware
	case event.TokenQuery:
		return c == event.Phishing || c == event.Malware || c == event.C2
	case event.DGALetters, event.DGAWords:
		return c == event.Malware || c == event.C2
	case event.Bait:
		return c == event.Malware || c == event.Scam
	}
	return false
}

const (
	benignSites     = 20_000 // how many ranks of popularity benign sites have
	plantedOfEach   = 1_024  // malicious sites of each category
	plantedCategory = int(event.NumCategories) - 1
)

// Hosts are the sites that visits go to: a pure function of the seed and of Sites. After Judge it is not changed and safe for
// concurrent use.
type Hosts struct {
	seed       uint64
	sites      Sites
	zone       event.Zone
	popularity popularity
	favourites popularity      // of a user, by rank
	kinds      []event.Pattern // of benign sites, by rank
	benign     string          // their hosts, by rank, one after the other
	benignEnds []uint32        // of the hosts in benign
	planted    [plantedCategory * plantedOfEach]site
	text       []byte     // the URLs of the planted sites, one after the other
	detected   [2]float64 // see Detected
}

// site is one planted site. What is true of it depends on the seed alone.
type site struct {
	from, end uint32 // its URL in text, without scheme and zone
	host      uint8  // how much of that is the host
	category  event.Category
	pattern   event.Pattern
	hard      bool
	listed    listing
	known     bool          // somebody knows the truth
	turns     time.Duration // when it becomes malicious; never sooner than the run: -1, it always was
	verdicts  [2]classification
}

// listing is what the reference's list says of a site.
type listing uint8

const (
	unlisted listing = iota // nothing
	listedBad
	wronglyBad  // malicious, and the site is harmless
	wronglyGood // benign, and the site is malicious
)

// classification is what is kept of a verdict.
type classification struct {
	category event.Category
	score    float32
}

// How much of a URL is looked at: an index into site.verdicts.
const (
	byHostOnly = iota // unsupervised devices see the domain only
	byWholeURL        // supervised ones the whole URL
)

// NewHosts returns the sites of a web. A name that is there already is drawn again.
func NewHosts(seed uint64, w Sites, zone event.Zone) *Hosts {
	weights := zipf(benignSites, w.Zipf)
	h := &Hosts{seed: key(seed, 0x77eb), zone: zone, kinds: benignKinds(weights), popularity: newPopularity(weights), favourites: newPopularity(zipf(favouriteSites, 1))}
	h.sites = w
	h.sites.Mix = nil
	for _, m := range w.Mix {
		if m.Weight > 0 && m.Value != event.Benign {
			h.sites.Mix = append(h.sites.Mix, m)
		}
	}
	if len(h.sites.Mix) == 0 {
		h.sites.Mix = []CategoryMix{{Value: event.Phishing, Weight: 1}}
	}
	if len(w.Patterns) == 0 {
		h.sites.Patterns = DefaultPatterns
	}
	h.name()
	h.plant()
	return h
}

// name makes the hosts of the benign sites.
func (h *Hosts) name() {
	names := make([]byte, 0, 24*benignSites)
	h.benignEnds = make([]uint32, benignSites)
	for rank := range h.benignEnds {
		names = benign(names, h.seed, uint64(rank), h.kinds[rank])
		h.benignEnds[rank] = uint32(len(names))
	}
	h.benign = string(names)
}

// benignHost is the host of the benign site with a rank.
func (h *Hosts) benignHost(rank uint64) string {
	from := uint32(0)
	if rank > 0 {
		from = h.benignEnds[rank-1]
	}
	return h.benign[from:h.benignEnds[rank]]
}

func (h *Hosts) plant() {
	taken := make(map[string]bool, benignSites+len(h.planted))
	for rank := range uint64(benignSites) {
		taken[h.benignHost(rank)] = true
	}
	var name []byte
	for n := range h.planted {
		s := &h.planted[n]
		d := newDraws(h.seed, drawVisit, 2, uint64(n))
		s.category = event.Benign + 1 + event.Category(n/plantedOfEach)
		s.known, s.turns = true, -1
		f := newDraws(h.seed, drawVisit, 3, uint64(n))
		h.fate(s, &f)
		s.pattern = pickPattern(h.sites.Patterns, s.category, d.unit())
		for {
			var host int
			name, host = malicious(name[:0], &d, s.category, s.pattern, s.hard)
			if !taken[string(name[:host])] {
				taken[string(name[:host])] = true
				s.host = uint8(host)
				break
			}
		}
		s.from = uint32(len(h.text))
		h.text = append(h.text, name...)
		s.end = uint32(len(h.text))
	}
}

// fate decides what is true of a site. Each is a threshold on a draw of its own: a greater share adds sites and changes none
// that had it before.
func (h *Hosts) fate(s *site, d *draws) {
	s.hard = d.unit() < h.sites.Hard
	if d.unit() < h.sites.Listed {
		s.listed = listedBad
	}
	if wrong, which := d.unit(), d.next(); wrong < h.sites.WrongLabel {
		s.listed = wronglyBad
		if which%2 == 0 {
			s.listed = wronglyGood
		}
	}
	s.known = d.unit() >= h.sites.Unknown
	late, when := d.unit() < h.sites.Late, d.unit()
	if late && s.listed != wronglyBad {
		s.turns = time.Duration(when * float64(h.sites.LateWithin))
	}
}

// pickPattern draws a pattern that fits a category by its weight. A category that none fits has its first one: the scenario
// refuses it where visits go there.
func pickPattern(shares []PatternShare, c event.Category, u float64) event.Pattern {
	var total float64
	first := event.Pattern(0)
	for p := event.NumPatterns - 1; p >= event.Combosquat; p-- {
		if Fits(c, p) {
			first = p
		}
	}
	for _, s := range shares {
		if Fits(c, s.Value) {
			total += s.Weight
		}
	}
	last := first
	u *= total
	for _, s := range shares {
		if !Fits(c, s.Value) || s.Weight <= 0 {
			continue
		}
		last = s.Value
		if u -= s.Weight; u < 0 {
			break
		}
	}
	return last
}

// url is the URL of a planted site without scheme and zone, and how much of it is the host.
func (h *Hosts) url(s *site) (url []byte, host int) { return h.text[s.from:s.end], int(s.host) }

// inZone appends the zone to a host.
func (h *Hosts) inZone(host []byte) []byte { return append(append(host, '.'), h.zone.String()...) }

// Detected is the share of visits to planted sites that the reference detects once all have turned malicious: by the host alone,
// and by the whole URL.
func (h *Hosts) Detected() (byHost, byURL float64) {
	return h.detected[byHostOnly], h.detected[byWholeURL]
}

// List yields what a classifier's list of this web holds, without the zone: hosts, and of compromised sites host and path, which
// devices that see the host alone do not find. The benign sites come first, as a product's allow list has what is popular, and then
// the planted ones that are listed, so that they hold.
func (h *Hosts) List() iter.Seq2[string, event.Category] {
	return func(yield func(string, event.Category) bool) {
		for rank := range uint64(benignSites) {
			if !yield(h.benignHost(rank), event.Benign) {
				return
			}
		}
		for n := range h.planted {
			s := &h.planted[n]
			category := s.category
			switch {
			case s.listed == unlisted:
				continue
			case s.listed == wronglyGood:
				category = event.Benign
			}
			url, host := h.url(s)
			if s.pattern == event.Compromised {
				host = len(url) // the host is somebody's, and harmless: the list names the page
			}
			if !yield(string(url[:host]), category) {
				return
			}
		}
	}
}

// Judge asks the classifier about each planted site that visits may go to, by its host and by its URL, and keeps the answers, as each
// device would get the same ones at each visit. The error is about a benign site, or a canary, that list does not let through: then benign visits
// would leave traces, which they never do.
func (h *Hosts) Judge(c classify.Classifier, list *classify.List, canaries *Canaries) error {
	var buf []byte
	for rank := range uint64(benignSites) {
		buf = append(buf[:0], h.benignHost(rank)...)
		if category, listed := list.Match(buf); !listed || category != event.Benign {
			return fmt.Errorf("benign site %s is not on the allow list", buf)
		}
	}
	for _, c := range canaries.List() {
		buf = c.Append(buf[:0])
		if category, listed := list.Match(buf); !listed || category != event.Benign {
			return fmt.Errorf("canary %s is not on the allow list", buf)
		}
	}
	for n := range h.planted {
		s := &h.planted[n]
		share := h.visited(s.category)
		if share == 0 {
			continue
		}
		url, host := h.url(s)
		buf = h.inZone(append(buf[:0], url[:host]...))
		s.verdicts[byHostOnly] = keep(c.Classify(buf))
		s.verdicts[byWholeURL] = keep(c.Classify(append(buf, url[host:]...)))
		for i, v := range s.verdicts {
			if v.category != event.Benign {
				h.detected[i] += share
			}
		}
	}
	return nil
}

// visited is the share of malicious visits that go to each site of a category.
func (h *Hosts) visited(c event.Category) float64 {
	var total, mine float64
	for _, m := range h.sites.Mix {
		total += m.Weight
		if m.Value == c {
			mine += m.Weight
		}
	}
	return mine / total / plantedOfEach
}

func keep(v classify.Verdict) classification { return classification{v.Category, v.Score} }

// truth is what is true of a visit to a planted site.
func (s *site) truth(at time.Duration) event.Category {
	switch {
	case at < s.turns:
		return event.Benign
	case !s.known:
		return event.Unknown
	case s.listed == wronglyBad:
		return event.Benign
	}
	return s.category
}

// verdict is the reference's of a visit to a planted site. Before the site turns, its list knows it as the harmless site that it
// is.
func (s *site) verdict(at time.Duration, supervised bool) classification {
	switch {
	case at < s.turns:
		return classification{}
	case supervised:
		return s.verdicts[byWholeURL]
	}
	return s.verdicts[byHostOnly]
}
