package classify

import (
	"fmt"
	"iter"
	"strings"
)

// Reasons is a short list that lives in the Verdict itself, so that a verdict costs no allocation.
type Reasons struct {
	list [4]ground
	n    uint8
}

// ground is a Reason in less space.
type ground struct {
	weight float32
	rule   rule
}

// Names of rules: that the list has the site as malicious, and that the model decided, of which Explain says more.
const (
	ListedRule = "listed"
	ModelRule  = "model"
)

// rule is one of the rules that a verdict can rest on.
type rule uint8

const (
	ruleListed rule = iota
	rulePrivate
	ruleReserved
	ruleLiteral
	ruleOdd
	ruleUser
	ruleProgram
	ruleModel
	ruleAllowed
)

var ruleNames = [...]string{
	ruleListed: ListedRule, ruleAllowed: "allowed", rulePrivate: "private-address", ruleReserved: "reserved-name", ruleLiteral: "ip-literal", ruleOdd: "ip-obfuscated",
	ruleUser: "userinfo", ruleProgram: "program-in-path", ruleModel: ModelRule,
}

// Reason is one ground of a verdict: the name of a rule and its weight in the score, 0 where the rule decides by itself.
type Reason struct {
	Rule   string
	Weight float32
}

// Len is how many reasons there are, 0 to 4.
func (r Reasons) Len() int { return int(r.n) }

// At returns reason i, 0 <= i < Len; reason 0 is the strongest. It panics when there is no such reason.
func (r Reasons) At(i int) Reason {
	g := r.list[:r.n][i]
	return Reason{ruleNames[g.rule], g.weight}
}

// All yields the reasons, strongest first, with their positions.
func (r Reasons) All() iter.Seq2[int, Reason] {
	return func(yield func(int, Reason) bool) {
		for i := range r.Len() {
			if !yield(i, r.At(i)) {
				return
			}
		}
	}
}

// String writes the reasons as people read them, e.g. "ip-literal +0.35, ip-obfuscated +0.25". It allocates.
func (r Reasons) String() string {
	var b strings.Builder
	for i, reason := range r.All() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(reason.Rule)
		if reason.Weight != 0 {
			fmt.Fprintf(&b, " %+.2f", reason.Weight)
		}
	}
	return b.String()
}

// add puts a reason in its place; of equals, those that came first stay before. There is room for all that one verdict can have.
func (r *Reasons) add(by rule, weight float32) {
	i := r.n
	for ; i > 0 && r.list[i-1].weight < weight; i-- {
		r.list[i] = r.list[i-1]
	}
	r.list[i] = ground{weight, by}
	r.n++
}
