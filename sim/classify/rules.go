package classify

import "drover/sim/event"

// Options is what a classifier is made of.
type Options struct {
	Zone string // stripped from the end of a host before anything else looks at it, e.g. ".sim.test"; empty: nothing is
	List *List  // hosts that are known; nil: none
	// Model judges names that neither the list nor the rules find malicious; nil: nothing does. Shipped() is the one to use.
	Model *Model
}

// Rules judges by a list, then by lexical rules, and last by a model. It is safe for concurrent use.
//
// Each rule that fires has points, and the score is their sum in hundredths, at most 1; 0.5 and more is malicious. The
// points are ours, set by hand. What the rules cannot know they miss: a malicious site under an ordinary name. The category
// is that of the rules with the most points, and only a hint: names of malware and of C2 hosts look alike.
type Rules struct {
	zone  string
	list  *List
	model *Model
}

// New returns a classifier.
func New(opt Options) *Rules {
	return &Rules{zone: dotted(opt.Zone), list: opt.List, model: opt.Model}
}

// threshold is how many points make a URL malicious; full is how many make the score 1.
const (
	threshold = 50
	full      = 100
)

// Classify implements Classifier.
func (r *Rules) Classify(url []byte) Verdict {
	var buf [maxURL]byte
	a := parse(&buf, url, r.zone)
	if len(a.host) == 0 {
		return Verdict{}
	}
	literal, private := a.literal()
	if r.list != nil && !literal {
		if category, listed := r.list.Match(a.host); listed {
			if category == event.Benign {
				return Verdict{}
			}
			v := Verdict{Category: category, Score: 1}
			v.Reasons.add(Reason{"listed", 1})
			return v
		}
	}
	if private {
		return Verdict{}
	}
	var t tally
	if literal {
		t[addressForName] += 35
		if a.odd {
			t[oddAddress] += 25
		}
	} else {
		t.host(a.host)
	}
	if a.userinfo {
		t[userInfo] += 30
	}
	var form [maxURL]byte // the model sees the case of a path, the rules do not
	url = form[:copy(form[:], a.url)]
	lower(a.path)
	t.path(a.path)
	v := t.verdict()
	if r.model != nil && !literal {
		r.model.join(&v, url, len(a.url)-len(a.path))
	}
	return v
}

// rule is one lexical rule.
type rule int

const (
	lureWord rule = iota
	brandWithLure
	brandWithWord
	brandBelow
	brandTLDBelow
	lookAlike
	punycode
	downloadWord
	scamWord
	controlWord
	randomLabel
	randomBelow
	abusedTLD
	manyHyphens
	manyDigits
	manyLabels
	addressForName
	oddAddress
	userInfo
	lurePath
	downloadPath
	numRules
)

// ruleTable says what a rule is called and which category it speaks for; event.Benign: none.
var ruleTable = [numRules]struct {
	name     string
	category event.Category
}{
	lureWord:       {"lure", event.Phishing},
	brandWithLure:  {"brand-with-lure", event.Phishing},
	brandWithWord:  {"brand-with-word", event.Phishing},
	brandBelow:     {"brand-as-subdomain", event.Phishing},
	brandTLDBelow:  {"domain-as-subdomain", event.Phishing},
	lookAlike:      {"brand-look-alike", event.Phishing},
	punycode:       {"punycode", event.Phishing},
	downloadWord:   {"download-word", event.Malware},
	scamWord:       {"scam-word", event.Scam},
	controlWord:    {"control-word", event.C2},
	randomLabel:    {"random-label", event.C2},
	randomBelow:    {"random-subdomain", event.C2},
	abusedTLD:      {"abused-tld", event.Benign},
	manyHyphens:    {"hyphens", event.Benign},
	manyDigits:     {"digits", event.Benign},
	manyLabels:     {"depth", event.Benign},
	addressForName: {"ip-literal", event.Malware},
	oddAddress:     {"ip-obfuscated", event.Malware},
	userInfo:       {"userinfo", event.Phishing},
	lurePath:       {"lure-in-path", event.Phishing},
	downloadPath:   {"program-in-path", event.Malware},
}

// tally holds the points of each rule for one URL.
type tally [numRules]int

func (t *tally) verdict() Verdict {
	var sum int
	var by [event.NumCategories]int
	for r, points := range t {
		sum += points
		by[ruleTable[r].category] += points
	}
	v := Verdict{Score: float32(min(sum, full)) / full}
	if sum < threshold {
		return v
	}
	v.Category = event.Phishing // when only rules fired that speak for none
	for c := event.Phishing; c < event.NumCategories; c++ {
		if by[c] > by[v.Category] {
			v.Category = c
		}
	}
	for r, points := range t {
		if points > 0 {
			v.Reasons.add(Reason{ruleTable[r].name, float32(points) / full})
		}
	}
	return v
}
