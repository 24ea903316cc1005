package classify

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"drover/sim/event"
)

// examples makes n labelled URLs with fictional names: the malicious ones have a lure and a number.
func examples(seed uint64, n int) []Example {
	r := rand.New(rand.NewPCG(seed, 1))
	parts := strings.Fields("river harbor meadow stone cedar lantern copper willow orchard summit")
	var set []Example
	for i := range n {
		a, b := parts[r.IntN(len(parts))], parts[r.IntN(len(parts))]
		if i%2 == 0 {
			set = append(set, Example{URL: fmt.Sprintf("%s-%s.example/page/%d", a, b, r.IntN(1000)), Source: "made:b"})
			continue
		}
		kind := event.Phishing
		lure := "verify-signin"
		if r.IntN(2) == 0 {
			kind, lure = event.Malware, "codec-setup"
		}
		set = append(set, Example{URL: fmt.Sprintf("%s-%s%d.test/%s?q", lure, a, r.IntN(1000), b), Malicious: true, Category: kind, Source: "made:m"})
	}
	return set
}

func TestTrain(t *testing.T) {
	train, dev := examples(1, 600), examples(2, 400)
	weights, err := Train(train, dev)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Train(train, dev); err != nil || !bytes.Equal(weights, again) {
		t.Errorf("Train is not a function of its arguments (error %v)", err)
	}
	m, err := ReadModel(weights)
	if err != nil {
		t.Fatal(err)
	}
	found, kind, alarms := 0, 0, 0
	for _, e := range examples(3, 400) {
		p := m.probability(m.scoreOf(e.URL))
		switch {
		case e.Malicious && p > 0.9:
			found++
			if m.kind([]byte(e.URL)) == e.Category {
				kind++
			}
		case !e.Malicious && p > 0.5:
			alarms++
		}
	}
	if found < 195 || kind < 195 || alarms > 0 {
		t.Errorf("of 200 malicious URLs %d found, %d with their kind; %d false alarms", found, kind, alarms)
	}
	if _, err := Train(train[:1], dev); err == nil {
		t.Error("Train with one class: want an error")
	}
}

func TestReadModelErrors(t *testing.T) {
	change := func(at int) []byte {
		w := bytes.Clone(shippedWeights)
		w[at] ^= 1
		return w
	}
	for _, tt := range []struct {
		data []byte
		want string
	}{
		{nil, "shorter"}, {change(0), "not a weight file"}, {change(11), "version"}, {shippedWeights[:len(shippedWeights)-1], "bytes"},
		{change(len(shippedWeights) - 1), "checksum"},
	} {
		if _, err := ReadModel(tt.data); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ReadModel of %d bytes = %v, want an error with %q", len(tt.data), err, tt.want)
		}
	}
}

func TestShipped(t *testing.T) {
	m := Shipped()
	if !(m.head.Suspicious < m.head.Block) {
		t.Errorf("thresholds: suspicious %d, block %d", m.head.Suspicious, m.head.Block)
	}
	if p := m.probability(1 << 40); p < 0.999 {
		t.Errorf("probability of a huge score = %v", p)
	}
	if n := len(shippedWeights); n > 700<<10 || len(m.weights) > 512<<10 {
		t.Errorf("%d bytes embedded, %d of them weights of the verdict; want at most %d and %d", n, len(m.weights), 700<<10, 512<<10)
	}
}

func TestEvaluate(t *testing.T) {
	rows := []scored{{Example: Example{Malicious: true}, score: 4, p: 1}, {score: 3, p: 0.5}, {Example: Example{Malicious: true}, score: 3, p: 0.5}, {score: 1}}
	if got := auc(rows); got != 0.875 { // three pairs right, one tie
		t.Errorf("auc = %v, want 0.875", got)
	}
	if got := recallAt(rows, 0.1); got != 0.5 {
		t.Errorf("recallAt(0.1) = %v, want 0.5", got)
	}
	if got := recallAt(rows, 0.5); got != 1 {
		t.Errorf("recallAt(0.5) = %v, want 1", got)
	}
	if got := ece(rows); got != 0 {
		t.Errorf("ece = %v, want 0", got)
	}
	c := confusionOf(rows, func(r scored) bool { return r.score >= 3 })
	if want := (confusion{2, 1, 0, 1}); c != want || c.f1() != 0.8 || math.Abs(c.mcc()-0.5773502) > 1e-6 {
		t.Errorf("confusion = %+v with F1 %v, MCC %v; want %+v", c, c.f1(), c.mcc(), want)
	}
	var out bytes.Buffer
	if err := Evaluate(&out, Shipped(), examples(1, 50)); err != nil || !strings.Contains(out.String(), "made") || !strings.Contains(out.String(), "path") {
		t.Errorf("Evaluate = %v, %q", err, out.String())
	}
	if err := Evaluate(&out, Shipped(), nil); err == nil {
		t.Error("Evaluate of nothing: want an error")
	}
}
