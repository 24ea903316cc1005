package classify

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"drover/sim/event"
)

// madeURLs makes fictional URLs in the classifier's own form, with the lengths of those in the training data: 29 bytes in the mean,
// half of them without a path.
func madeURLs(n int) (urls [][]byte) {
	r := rand.New(rand.NewPCG(1, 29))
	syllables := []string{"ba", "cor", "den", "fil", "gra", "hu", "jo", "kel", "lan", "mi", "nor", "pe", "qua", "ro", "sta", "tu", "ven", "wi", "x", "yl", "zen", "shop", "my", "news", "7"}
	word := func(dst []byte, parts int) []byte {
		for range 1 + r.IntN(parts) {
			dst = append(dst, syllables[r.IntN(len(syllables))]...)
		}
		return dst
	}
	endings := []string{"com", "com", "com", "com", "net", "org", "de", "co.uk", "info", "io", "fr", "edu", "com.br", "xyz"}
	for range n {
		var url []byte
		if r.IntN(3) == 0 {
			url = append(word(url, 3), '.')
		}
		url = word(url, 6)
		if r.IntN(5) == 0 {
			url = word(append(url, '-'), 4)
		}
		url = append(append(url, '.'), endings[r.IntN(len(endings))]...)
		if r.IntN(2) == 0 {
			for range 1 + r.IntN(3) {
				url = word(append(url, '/'), 7)
			}
			switch r.IntN(6) {
			case 0:
				url = append(url, ".html"...)
			case 1:
				url = append(url, ".PHP"...)
			case 2:
				url = strconv.AppendInt(append(url, "?id="...), r.Int64N(1e6), 10)
			}
		}
		urls = append(urls, url)
	}
	return urls
}

// limit is what nothing can beat that looks three times into the table for each byte.
func (m *Model) limit(url []byte) (sum int32) {
	w := uint64(0)
	for _, c := range url {
		w = w<<8 | uint64(c)
		sum += int32(int8(m.weights[w&0xffffff*hostGram3>>(64-tableBits)])) + int32(int8(m.weights[w&0xffffffff*hostGram4>>(64-tableBits)])) +
			int32(int8(m.weights[w&0xffffffffff*hostGram5>>(64-tableBits)]))
	}
	return sum
}

// BenchmarkLimit compares a score, and a whole verdict with canonicalisation and rules, to the limit in the same run: URLs in turn,
// the least of many short times of each, so that what else the machine does counts little.
func BenchmarkLimit(b *testing.B) {
	const many, slice = 16384, 512
	urls := madeURLs(many)
	raw, zoned, hosts, bytes := make([][]byte, many), make([][]byte, many), make([]int, many), 0
	var buf [maxURL]byte
	for i, url := range urls {
		a := parse(&buf, url, "")
		hosts[i] = len(a.host)
		bytes += len(url)
		raw[i] = append([]byte("https://"), url...)
		zoned[i] = slices.Concat([]byte("https://"), url[:hosts[i]], []byte(".sim.test"), url[hosts[i]:])
	}
	m := Shipped()
	rules := New(Options{Zone: ".sim.test", List: manyHosts(b), Model: m})
	alarms := 0
	for _, url := range raw {
		if rules.Classify(url).Malicious() {
			alarms++
		}
	}
	var sum int64
	parts := []struct {
		name string
		do   func(i int)
	}{
		{"limit", func(i int) { sum += int64(m.limit(urls[i])) }},
		{"score", func(i int) { sum += m.score(urls[i], hosts[i]) }},
		{"whole", func(i int) { v := rules.Classify(raw[i]); sum += int64(v.Category) }},
		{"zoned", func(i int) { v := rules.Classify(zoned[i]); sum += int64(v.Category) }}, // as devices have it: the zone has to go
	}
	least := make([]time.Duration, len(parts))
	for round := 0; b.Loop(); round++ {
		from := round * slice % many
		for p, part := range parts {
			start := time.Now()
			for i := from; i < from+slice; i++ {
				part.do(i)
			}
			if took := time.Since(start); least[p] == 0 || took < least[p] {
				least[p] = took
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(bytes)/many, "bytes/url")
	b.ReportMetric(float64(alarms)/many, "malicious")
	for p, part := range parts {
		b.ReportMetric(float64(least[p])/slice, part.name+"-ns/url")
	}
	b.ReportMetric(float64(least[1])/float64(least[0]), "score/limit")
	b.ReportMetric(float64(least[2])/float64(least[1]), "whole/score")
	b.ReportMetric(float64(least[3])/float64(least[1]), "zoned/score")
	if sum == 1 {
		b.Log(event.Category(sum)) // the sum is used
	}
}
