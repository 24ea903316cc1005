// Package classify is the reference classifier: from the URL alone it says malicious or not, which kind of threat, how
// sure it is and why. It knows nothing of ground truth or devices.
package classify

import "drover/sim/event"

// Verdict is the classifier's answer. Category is event.Benign when the URL is not malicious.
type Verdict struct {
	Category event.Category
	Score    float32 // 0 (surely benign) to 1 (surely malicious)
	Reasons  Reasons // why, strongest first; empty for a benign URL
}

// Reasons is a short list that lives in the Verdict itself, so that a verdict costs no allocation.
type Reasons struct {
	list [4]Reason
	n    int
}

// Reason is one ground of a verdict: the name of a rule and its weight in the score.
type Reason struct {
	Rule   string
	Weight float32
}

// Classifier judges URLs. Implementations are safe for concurrent use and allocate nothing per call. url is in the form
// a network extension sees it: host, optionally with port, path and query; a scheme is ignored.
type Classifier interface {
	Classify(url []byte) Verdict
}
