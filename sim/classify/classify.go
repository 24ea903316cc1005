// Package classify is the reference classifier: from the URL alone it says malicious or not, which kind of threat, how
// sure it is and why. It knows nothing of ground truth or devices.
//
// Rules asks a List of known sites, then rules for what is no public name, and then a trained Model. The text of a URL alone is
// an imperfect judge: MODEL.md says how imperfect.
package classify

import "drover/sim/event"

// Verdict is the classifier's answer. Category is event.Benign when the URL is not malicious.
type Verdict struct {
	Category event.Category
	Score    float32 // 0 (surely benign) to 1 (surely malicious): the Probability, or what a rule says
	Reasons  Reasons // why, strongest first; empty when the model finds a URL benign

	// Probability is the model's own, calibrated where half of all URLs are malicious; 0 when no model was asked, as for an
	// address or a listed site. Suspicious is a benign verdict that the model is not at ease with.
	Probability float32
	Suspicious  bool
}

// Malicious reports whether the URL was found malicious.
func (v Verdict) Malicious() bool { return v.Category != event.Benign }

// Hint reports whether Category is but a hint at the kind of threat: the model's, which is surer that a URL is malicious than of what
// (MODEL.md).
func (v Verdict) Hint() bool { return v.Malicious() && v.Probability > 0 }

// Classifier judges URLs. Implementations are safe for concurrent use and allocate nothing per call. url is in the form
// a network extension sees it: host, optionally with port, path and query; a scheme is ignored.
type Classifier interface {
	Classify(url []byte) Verdict
}
