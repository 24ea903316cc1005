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
			set = append(set, Example{fmt.Sprintf("%s-%s.example/page/%d", a, b, r.IntN(1000)), false, event.Benign, "made:b"})
			continue
		}
		kind := event.Phishing
		lure := "verify-signin"
		if r.IntN(2) == 0 {
			kind, lure = event.Malware, "codec-setup"
		}
		set = append(set, Example{fmt.Sprintf("%s-%s%d.test/%s?q", lure, a, r.IntN(1000), b), true, kind, "made:m"})
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
	r := New(Options{Model: m})
	found, kind, alarms := 0, 0, 0
	for _, e := range examples(3, 400) {
		v := r.Classify([]byte(e.URL))
		switch {
		case e.Malicious && v.Probability > 0.9:
			found++
			var j judgement
			m.score(&j, []byte(e.URL), strings.IndexByte(e.URL, '/'))
			if m.kind(&j) == e.Category {
				kind++
			}
		case !e.Malicious && v.Probability > 0.5:
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
	if len(shippedWeights) > 700<<10 {
		t.Errorf("embedded weights have %d bytes, want at most %d", len(shippedWeights), 700<<10)
	}
}

// The shipped weights give these scores on every machine.
func TestShippedScores(t *testing.T) {
	m := Shipped()
	for url, want := range map[string]int64{
		"rivergarden.com": -5908500, "contoso.account-verify.top/Login.php?id=1": 20150746, "a.b.c.example:8081": -1939515,
	} {
		if got := m.scoreOf(url); got != want {
			t.Errorf("score of %q = %d, want %d", url, got, want)
		}
	}
	if !(m.head.Suspicious < m.head.Block) {
		t.Errorf("thresholds: suspicious %d, block %d", m.head.Suspicious, m.head.Block)
	}
	if p := m.probability(1 << 40); p < 0.999 {
		t.Errorf("probability of a huge score = %v", p)
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

// A score against what nothing can beat that looks three times into the table for each byte.
func BenchmarkScore(b *testing.B) {
	m := Shipped()
	urls := [][]byte{[]byte("silverharbor-garden.example/ab"), []byte("contoso.account-verify.top"), []byte("news.meadow.example/walk/river")}
	hosts := []int{27, 26, 19}
	b.Run("model", func(b *testing.B) {
		b.ReportAllocs()
		var j judgement
		for i := 0; b.Loop(); i++ {
			m.score(&j, urls[i%3], hosts[i%3])
		}
	})
	b.Run("three-look-ups", func(b *testing.B) {
		var sum int32
		for i := 0; b.Loop(); i++ {
			w := uint64(0)
			for _, c := range urls[i%3] {
				w = w<<8 | uint64(c)
				sum += int32(int8(m.table[w&0xffffff*hostGram3>>(64-tableBits)])) + int32(int8(m.table[w&0xffffffff*hostGram4>>(64-tableBits)])) +
					int32(int8(m.table[w&0xffffffffff*hostGram5>>(64-tableBits)]))
			}
		}
		if sum == 1 {
			b.Log(sum) // the sum is used
		}
	})
	b.Run("whole", func(b *testing.B) {
		r := New(Options{Zone: ".sim.test", Model: m})
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r.Classify(urls[i%3])
		}
	})
}
