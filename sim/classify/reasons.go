package classify

import (
	"fmt"
	"iter"
	"strings"
)

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

// Len is how many reasons there are, 0 to 4.
func (r Reasons) Len() int { return r.n }

// At returns reason i, 0 <= i < Len; reason 0 is the strongest. It panics when there is no such reason.
func (r Reasons) At(i int) Reason { return r.list[:r.n][i] }

// All yields the reasons, strongest first, with their positions.
func (r Reasons) All() iter.Seq2[int, Reason] {
	return func(yield func(int, Reason) bool) {
		for i, reason := range r.list[:r.n] {
			if !yield(i, reason) {
				return
			}
		}
	}
}

// String writes the reasons as people read them, e.g. "brand-with-lure +0.35, lure +0.20". It allocates.
func (r Reasons) String() string {
	var b strings.Builder
	for i, reason := range r.All() {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %+.2f", reason.Rule, reason.Weight)
	}
	return b.String()
}

// add puts a reason in its place. Of more than four, the strongest stay; of equals, those that came first.
func (r *Reasons) add(reason Reason) {
	i := r.n
	for i > 0 && r.list[i-1].Weight < reason.Weight {
		i--
	}
	if i == len(r.list) {
		return
	}
	r.n = min(r.n+1, len(r.list))
	copy(r.list[i+1:r.n], r.list[i:])
	r.list[i] = reason
}
