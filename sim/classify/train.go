package classify

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"drover/sim/event"
)

// Example is one labelled URL.
type Example struct {
	URL       string
	Malicious bool
	Category  event.Category // of a malicious one; event.Benign: not known
	Source    string         // where it comes from; may be empty
	Form      string         // what of a URL it has; empty: to be seen from it
	Stratum   string         // what else it is one of; may be empty
}

// What training does, found on the dev set.
const (
	epochs     = 5
	rate       = 0.15
	decay      = 5e-4 // L2 at each touch
	typeEpochs = 3
	power      = 0.4
	blockFPR   = 0.0005 // of the dev set's benign URLs
	suspectFPR = 0.005
)

// corpus holds the features of all examples, one after the other.
type corpus struct {
	set   []Example
	list  []uint32  // places; those with the bit rare are read but not learnt from
	start []int     // of each example's features, and behind the last
	norm  []float32 // of each example: n^-power
}

const (
	rare     = 1 << 31
	seenBits = 26 // of a hash are looked at to tell features apart that share a place
	minSeen  = 4  // examples that a feature must be in
)

func (c *corpus) of(i int) []uint32 { return c.list[c.start[i]:c.start[i+1]] }

func kindCorpus(set []Example) *corpus {
	c := &corpus{set: set, start: make([]int, 1, len(set)+1)}
	var buf [maxURL]byte
	for _, e := range set {
		a := parse(&buf, []byte(e.URL), "")
		url := a.url[:min(len(a.url), maxText)]
		eachKindFeature(url, func(place int) { c.list = append(c.list, uint32(place)) })
		c.start = append(c.start, len(c.list))
		c.norm = append(c.norm, float32(math.Pow(float64(len(url)+1), -power)))
	}
	return c
}

func gather(set []Example) *corpus {
	c := &corpus{set: set, start: make([]int, 1, len(set)+1)}
	var buf [maxURL]byte
	for _, e := range set {
		a := parse(&buf, []byte(e.URL), "")
		n := trace(a.url, len(a.url)-len(a.path), func(_, _, _ int, hash uint64) { c.list = append(c.list, uint32(hash>>(64-seenBits))) })
		c.start = append(c.start, len(c.list))
		c.norm = append(c.norm, float32(math.Pow(float64(n), -power)))
	}
	seen := make([]uint8, 1<<seenBits)
	for _, f := range c.list {
		seen[f] = min(seen[f], 254) + 1
	}
	for i, f := range c.list {
		c.list[i] = f >> (seenBits - tableBits)
		if seen[f] < minSeen {
			c.list[i] |= rare
		}
	}
	return c
}

// Train makes a weight file from examples and sets its calibration and thresholds by dev, which must hold other sites. It
// is a function of its arguments. The error says which class has no example.
func Train(train, dev []Example) ([]byte, error) {
	for _, set := range [][]Example{train, dev} {
		bad := func(e Example) bool { return e.Malicious }
		if !slices.ContainsFunc(set, bad) || !slices.ContainsFunc(set, func(e Example) bool { return !bad(e) }) {
			return nil, errors.New("training and dev set each need malicious and benign examples")
		}
	}
	m, w, bias := fitted(train)
	m.head.Step = quantise(m.weights[:], w)
	m.head.Bias = float64(bias)

	var malicious []int
	for i, e := range train {
		if e.Malicious && e.Category != event.Benign {
			malicious = append(malicious, i)
		}
	}
	m.types = make([]byte, numTypes*headSize)
	c := kindCorpus(train)
	if len(malicious) > 0 {
		heads := make([]float32, numTypes*headSize)
		var biases [numTypes]float32
		for t := range numTypes {
			w, b := fit(c, typeEpochs, headSize, malicious, func(i int) bool { return int(train[i].Category) == t+1 })
			for i, v := range w {
				heads[numTypes*i+t] = v
			}
			biases[t] = b
		}
		step := quantise(m.types, heads)
		for t, b := range biases {
			m.head.TypeBias[t] = int64(float64(b) / step * one)
		}
	}
	m.calibrate(dev)
	return m.write(), nil
}

// fitted is a model without weights, and the weights that training found.
func fitted(train []Example) (m *Model, w []float32, bias float32) {
	c := gather(train)
	m = &Model{inverse: make([]uint32, maxFeatures+1), prob: make([]uint16, probSize), weights: new(weights)}
	for n := 1; n <= maxFeatures; n++ {
		m.inverse[n] = uint32(math.Round(one / math.Pow(float64(n), power)))
	}
	w, bias = fit(c, epochs, tableSize, nil, func(i int) bool { return train[i].Malicious })
	return m, w, bias
}

// fit is logistic regression by Adagrad over the examples in rows, all when nil. A feature that was hardly seen is not learnt: its
// place belongs to others, who have to live with what a URL's unknown features add. Products are rounded before they are added:
// otherwise a machine with fused multiply-add would learn other weights.
func fit(c *corpus, epochs, size int, rows []int, positive func(int) bool) (w []float32, bias float32) {
	if rows == nil {
		for i := range c.set {
			rows = append(rows, i)
		}
	}
	rows = slices.Clone(rows)
	w = make([]float32, size)
	squares := make([]float32, size)
	var biasSquares float32
	r := rand.New(rand.NewPCG(uint64(len(w)), 1))
	for range epochs {
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		for _, row := range rows {
			list, norm := c.of(row), c.norm[row]
			var sum float32
			for _, f := range list {
				sum += w[f&^rare]
			}
			g := float32(1 / (1 + math.Exp(-float64(float32(sum*norm)+bias))))
			if positive(row) {
				g--
			}
			biasSquares += float32(g * g)
			bias -= float32(rate * g / float32(math.Sqrt(float64(biasSquares)+1e-8)))
			g *= norm
			shrink := float32(decay * norm)
			for _, f := range list {
				if f&rare != 0 {
					continue
				}
				d := g + float32(shrink*w[f])
				s := squares[f] + float32(d*d)
				squares[f] = s
				w[f] -= float32(rate * d / float32(math.Sqrt(float64(s)+1e-8)))
			}
			w[0] = 0 // the place of no word
		}
	}
	return w, bias
}

// quantise rounds weights to int8 and returns the step: the largest weight, or eight standard deviations, in 127 parts.
func quantise(dst []byte, w []float32) float64 {
	var top, squares float64
	for _, v := range w {
		top = max(top, math.Abs(float64(v)))
		squares += float64(v) * float64(v)
	}
	step := min(top, 8*math.Sqrt(squares/float64(len(w)))) / 127
	for i, v := range w {
		dst[i] = byte(int8(max(-127, min(127, math.Round(float64(v)/step)))))
	}
	return step
}

// calibrate sets the thresholds and the probability by the scores of the dev set.
func (m *Model) calibrate(dev []Example) {
	var benign []int64
	logits := make([]float64, len(dev))
	for i, e := range dev {
		score := m.scoreOf(e.URL)
		logits[i] = float64(score)*m.head.Step/one + m.head.Bias
		if !e.Malicious {
			benign = append(benign, score)
		}
	}
	slices.Sort(benign)
	at := func(fpr float64) int64 { return benign[max(0, len(benign)-1-int(fpr*float64(len(benign))))] + 1 }
	m.head.Block, m.head.Suspicious = at(blockFPR), at(suspectFPR)

	a, b := 1.0, 0.0 // Platt's two numbers, by Newton's method
	for range 50 {
		var ga, gb, haa, hab, hbb float64
		for i, e := range dev {
			p := 1 / (1 + math.Exp(-(a*logits[i] + b)))
			d, v := p, p*(1-p)
			if e.Malicious {
				d--
			}
			ga, gb = ga+d*logits[i], gb+d
			haa, hab, hbb = haa+v*logits[i]*logits[i], hab+v*logits[i], hbb+v
		}
		haa, hbb = haa+1e-3, hbb+1e-3
		det := haa*hbb - hab*hab
		a, b = a-(hbb*ga-hab*gb)/det, b-(haa*gb-hab*ga)/det
	}
	m.head.PlattA, m.head.PlattB = a, b
	const perUnit = probSize / (2.0 * probSpan)
	m.head.ProbMul = int64(math.Round(a * m.head.Step / one * perUnit * (1 << 32)))
	m.head.ProbAdd = int64(math.Round((a*m.head.Bias + b + probSpan) * perUnit * (1 << 32)))
	for i := range m.prob {
		z := (float64(i)+0.5)/perUnit - probSpan
		m.prob[i] = uint16(math.Round(65535 / (1 + math.Exp(-z))))
	}
}

// scoreOf is the score of a URL in any form, in drover's zone or not.
func (m *Model) scoreOf(url string) int64 {
	var buf [maxURL]byte
	a := parse(&buf, []byte(url), dotted(event.DefaultZone))
	return m.score(a.url, len(a.url)-len(a.path))
}
