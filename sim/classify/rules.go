package classify

import (
	"bytes"

	"drover/sim/event"
)

// Options is what a classifier is made of.
type Options struct {
	Zone string // stripped from the end of a host before anything else looks at it, e.g. ".sim.test"; empty: nothing is
	List *List  // sites that are known; nil: none
	// Model judges names of which the list does not speak; nil: nothing does. Shipped() is the one to use.
	Model *Model
}

// Rules judges by a list, then by rules that need no learning, and last by a model. It is safe for concurrent use.
//
// The rules: a listed site has the list's category, which may be that it is allowed. A host that no stranger can be behind is benign: a private address, a name
// that is reserved. An address has points for what is odd about it; their sum in hundredths is its score, and 0.5 is malicious.
// All other hosts are names, which the model judges; one that it finds suspicious is malicious when a user name hides it.
type Rules struct {
	zone  string
	list  *List
	model *Model
}

// New returns a classifier.
func New(opt Options) *Rules {
	return &Rules{zone: dotted(opt.Zone), list: opt.List, model: opt.Model}
}

// threshold is the score of an address from which on it is malicious.
const threshold = 0.5

// Classify implements Classifier.
func (r *Rules) Classify(url []byte) Verdict {
	if a, ok := direct(url, r.zone); ok {
		return r.judge(&a)
	}
	var buf [maxURL]byte
	a := parse(&buf, url, r.zone)
	return r.judge(&a)
}

func (r *Rules) judge(a *address) Verdict {
	if len(a.host) == 0 {
		return Verdict{}
	}
	literal, private := a.literal()
	if r.list != nil && !literal {
		if category, listed := r.list.match(a); listed {
			v := Verdict{Category: category}
			if !v.Malicious() {
				return because(ruleAllowed)
			}
			v.Score = 1
			v.Reasons.add(ruleListed, v.Score)
			return v
		}
	}
	switch {
	case private:
		return because(rulePrivate)
	case literal:
		return a.judgeLiteral()
	case a.reserved():
		return because(ruleReserved)
	case r.model == nil:
		return Verdict{}
	}
	return r.model.judge(a)
}

// because is a benign verdict with its reason.
func because(by rule) (v Verdict) {
	v.Reasons.add(by, 0)
	return v
}

// judgeLiteral judges an address that is not private. The points are ours, set by hand: honest links name no addresses, and none
// of them in a disguise or with a program behind it.
func (a *address) judgeLiteral() (v Verdict) {
	add := func(by rule, points float32) {
		v.Score = min(v.Score+points, 1)
		v.Reasons.add(by, points)
	}
	add(ruleLiteral, 0.35)
	kind := event.Malware
	if a.odd {
		add(ruleOdd, 0.25)
	}
	if a.userinfo {
		add(ruleUser, 0.30)
		kind = event.Phishing
	}
	if a.program() {
		add(ruleProgram, 0.25)
		kind = event.Malware
	}
	if v.Score >= threshold {
		v.Category = kind
	}
	return v
}

// program reports whether the path names something to install.
func (a *address) program() bool {
	file, _, _ := bytes.Cut(a.path, []byte("?"))
	var ext [16]byte
	n := copy(ext[:], file[bytes.LastIndexByte(file, '.')+1:])
	switch string(appendLower(ext[:0], ext[:n])) {
	case "apk", "exe", "scr", "msi", "dmg", "pkg", "ipa", "jar", "bat", "ps1", "vbs", "hta", "iso", "mobileconfig":
		return true
	}
	return false
}

// reserved reports whether a name can be nobody's on the public Internet: RFC 2606 and 6761 (test, example, invalid, localhost and
// three second-level names), RFC 6762 (local), RFC 8375 (home.arpa) and ICANN's resolution of 2024-07-29 (internal).
func (a *address) reserved() bool {
	host := a.host
	switch host[len(host)-1] { // so that most names cost little
	case 't':
		return under(host, "test") || under(host, "localhost") || under(host, "example.net")
	case 'e':
		return under(host, "example")
	case 'd':
		return under(host, "invalid")
	case 'l':
		return under(host, "local") || under(host, "internal")
	case 'm':
		return under(host, "example.com")
	case 'g':
		return under(host, "example.org")
	case 'a':
		return under(host, "home.arpa")
	}
	return false
}

// under reports whether host is name or below it.
func under(host []byte, name string) bool {
	i := len(host) - len(name)
	return i >= 0 && string(host[i:]) == name && (i == 0 || host[i-1] == '.')
}
