package classify

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Explanation is what the model's score of one URL is made of. The score is a sum, so its parts are the reasons: those of the text
// word by word ("-login", ".top"), where the weight of each run of bytes is shared by its bytes alike, and those of what is counted
// (".top with 5 digits"). Weights are in log-odds of the calibrated probability: all of Parts and Base add up to LogOdds, which is
// ln(p/(1-p)). An Explanation may be used again, for which it keeps its memory. It is owned by one goroutine.
type Explanation struct {
	LogOdds float64
	Base    float64 // of a URL of which nothing is known
	Parts   []Part  // the greatest first; none when the model was not asked

	buf    [maxURL]byte
	shares [maxURL + 1]int64 // of each byte of the URL, in sixtieths of a weight
	counts []int32           // weights of what is counted, host's places first, then the path's, then the port's
	text   []byte
	spans  []span
	note   func(part, i, n int, hash uint64)
	table  *weights
}

// Part is one reason of a score.
type Part struct {
	What   []byte // as people read it, in printable ASCII; what stands in the URL is quoted. Valid until the next Explain
	Weight float64
}

// span is a Part of which What is text[from:to].
type span struct {
	from, to int
	weight   float64
}

// sixtieths can be shared by one to five bytes alike.
const sixtieths = 60

// Explain is Classify, and says in e what the model's part of the verdict is made of. When the model was not asked, the verdict's
// Reasons are all there is, and e is empty.
func (r *Rules) Explain(e *Explanation, url []byte) Verdict {
	a := parse(&e.buf, url, r.zone)
	v := r.judge(&a)
	e.LogOdds, e.Base, e.Parts = 0, 0, e.Parts[:0]
	if v.Probability > 0 { // the model was asked
		r.model.explain(e, a.url, len(a.url)-len(a.path))
	}
	return v
}

// explain takes the score of a URL in the classifier's own form to pieces.
func (m *Model) explain(e *Explanation, url []byte, host int) {
	if e.note == nil {
		e.note = e.add // once: it allocates
	}
	clear(e.shares[:len(url)+1])
	e.counts = append(e.counts[:0], make([]int32, numHostPlaces+numPathPlaces+1)...)
	e.text, e.spans, e.table = e.text[:0], e.spans[:0], m.weights
	s := scorer{weights: m.weights, note: e.note}
	s.run(url, host)

	// What one unit of weight is worth here.
	unit := float64(m.inverse[s.n&maxFeatures]) / one * m.head.Step * m.head.PlattA
	e.Base = m.head.PlattA*m.head.Bias + m.head.PlattB
	e.LogOdds = float64(float64(s.sum)*unit) + e.Base
	if len(url) > 0 {
		e.shares[len(url)-1] += e.shares[len(url)] // of a path of one byte, which has but its marks
	}
	for from := 0; from < len(url); {
		to := wordEnd(url, from, host)
		var sum int64
		for _, share := range e.shares[from:to] {
			sum += share
		}
		if sum != 0 {
			e.text = append(appendShort(append(e.text, '"'), url[from:to]), '"')
			e.span(float64(sum) * unit / sixtieths)
		}
		from = to
	}
	c := newCounted(url, host)
	for i, w := range e.counts {
		if w != 0 {
			e.text = c.describe(e.text, i)
			e.span(float64(w) * unit)
		}
	}
	for _, s := range e.spans {
		e.Parts = append(e.Parts, Part{e.text[s.from:s.to], s.weight})
	}
	slices.SortStableFunc(e.Parts, func(a, b Part) int { return cmp.Compare(b.Weight, a.Weight) })
}

// add hears of each feature.
func (e *Explanation) add(part, i, n int, hash uint64) {
	w := int8(e.table[hash>>toPlace])
	switch part {
	case partText:
		for k := range max(n, 1) {
			e.shares[i+k] += int64(w) * int64(sixtieths/max(n, 1))
		}
	case partWord:
		e.shares[i] += int64(w) * sixtieths
	case partHost:
		e.counts[i] += int32(w)
	case partPath:
		e.counts[numHostPlaces+i] += int32(w)
	case partPort:
		e.counts[numHostPlaces+numPathPlaces] += int32(w)
	}
}

// span ends a part, whose text was appended since the last one.
func (e *Explanation) span(weight float64) {
	from := 0
	if n := len(e.spans); n > 0 {
		from = e.spans[n-1].to
	}
	e.spans = append(e.spans, span{from, len(e.text), weight})
}

// maxQuoted is how much is shown of a word or label, in bytes.
const maxQuoted = 40

func appendShort(dst, s []byte) []byte {
	if len(s) > maxQuoted {
		return append(append(dst, s[:maxQuoted-3]...), "..."...)
	}
	return append(dst, s...)
}

// wordEnd is where the word ends that begins at a place, with what stands between it and the one before; host is where the path
// begins.
func wordEnd(url []byte, at, host int) int {
	end := len(url)
	if at < host {
		end = host
	}
	for at < end && inWord[url[at]] == 0 {
		at++
	}
	for at < end && inWord[url[at]] != 0 {
		at++
	}
	return at
}

// Strongest returns the parts that speak most for a threat, at most n, and what all the others and Base add up to.
func (e *Explanation) Strongest(n int) (top []Part, others float64) {
	for n = min(n, len(e.Parts)); n > 0 && e.Parts[n-1].Weight <= 0; n-- {
	}
	others = e.LogOdds
	for _, p := range e.Parts[:n] {
		others -= p.Weight
	}
	return e.Parts[:n], others
}

// Append appends the log-odds and the n strongest parts as people read them: `+8.31: "-login" +2.11, .top with 5 digits +0.92, others
// +5.28`. Nothing is appended when the model was not asked.
func (e *Explanation) Append(dst []byte, n int) []byte {
	if len(e.Parts) == 0 {
		return dst
	}
	top, _ := e.Strongest(n)
	dst = append(AppendWeight(dst, e.LogOdds), ": "...)
	rest := round(e.LogOdds) // so that what is shown adds up, too
	for _, p := range top {
		dst = append(append(dst, p.What...), ' ')
		dst = append(AppendWeight(dst, p.Weight), ", "...)
		rest -= round(p.Weight)
	}
	return AppendWeight(append(dst, "others "...), rest)
}

func round(w float64) float64 { return math.Round(w*100) / 100 }

// AppendWeight appends a weight as reasons show it: with its sign and two digits.
func AppendWeight(dst []byte, w float64) []byte {
	if w = round(w); w >= 0 {
		dst = append(dst, '+')
		w = math.Abs(w) // no "+-0.00"
	}
	return strconv.AppendFloat(dst, w, 'f', 2, 64)
}

// counted is what hostPlaces and pathPlaces counted, for people.
type counted struct {
	host, site, below, end, two []byte // end is the last label with its dot, two the last two labels
	path, file, ext             []byte
	port                        []byte
	query                       bool
}

func newCounted(url []byte, host int) (c counted) {
	c.host, c.path = url[:host], url[host:]
	if i := bytes.LastIndexByte(c.host, ':'); i >= 0 && host > 0 && url[host-1]-'0' < 10 {
		c.host, c.port = c.host[:i], c.host[i:]
	}
	c.host, c.path = c.host[:min(len(c.host), maxText)], c.path[:min(len(c.path), maxText)]
	c.end, c.two = c.host, c.host
	if i := bytes.LastIndexByte(c.host, '.'); i >= 0 {
		c.end, c.site = c.host[i:], c.host[:i]
		if j := bytes.LastIndexByte(c.site, '.'); j >= 0 {
			c.below, c.site, c.two = c.site[:j], c.site[j+1:], c.host[j+1:]
		}
	}
	c.file = c.path
	if i := bytes.IndexByte(c.path, '?'); i >= 0 {
		c.file, c.query = c.path[:i], true
	}
	last := c.file[max(len(c.file)-8, 0):]
	if i := bytes.LastIndexAny(last, "./"); i >= 0 && last[i] == '.' {
		c.ext = last[i:]
	}
	return c
}

// descriptions says what is counted at each place of hostPlaces, then of pathPlaces, and then of the port: a key of counted.text in
// braces, or of counted.number with its unit.
var descriptions = [numHostPlaces + numPathPlaces + 1]string{
	"{end} as last label",
	"{two} as last labels",
	"host of {host byte}{path}",
	"{labels label} and {hyphens hyphen}",
	"{digits digit} in the host{path}",
	"{vowels vowel} in a host of {host byte}",
	"{site vowels vowel} and {site hyphens hyphen} in a name of {site byte}",
	"{site rare letter} in a name of {site byte}",
	"{below byte} of sub-domain with {below digits digit} and {below hyphens hyphen}",
	"{end} with a name of {site byte}",
	"{end} with {site digits digit}",
	"{end} with {site hyphens hyphen}",
	"{end} with {site vowels vowel}",
	"{end} with {labels label}{path}",
	"{end} with {site rare letter}",
	"{end} with {site digits digit} and {below byte} of sub-domain",

	"path of {path byte} with {slashes slash}",
	"{path digits digit} and {capitals capital} in the path",
	"{symbols symbol} in the path{query}",
	"{end} with {slashes slash} in the path{query}",
	"{type} in the path",
	"{type} under {end}",
	"{type} after {slashes slash}",

	"port {port}",
}

// describe appends what is counted at a place of Explanation.counts.
func (c *counted) describe(dst []byte, place int) []byte {
	for rest := descriptions[place]; rest != ""; {
		text, field, found := strings.Cut(rest, "{")
		dst = append(dst, text...)
		if !found {
			break
		}
		field, rest, _ = strings.Cut(field, "}")
		n, unit, ok := c.number(field)
		if !ok {
			dst = appendShort(dst, c.string(field))
			continue
		}
		dst = append(append(strconv.AppendInt(dst, int64(n), 10), ' '), unit...)
		switch {
		case n == 1:
		case unit == "slash":
			dst = append(dst, "es"...)
		default:
			dst = append(dst, 's')
		}
	}
	return dst
}

func (c *counted) string(field string) []byte {
	switch {
	case field == "end":
		return c.end
	case field == "two":
		return c.two
	case field == "port":
		return c.port[1:]
	case field == "type" && len(c.ext) > 0:
		return c.ext
	case field == "type":
		return []byte("no file type")
	case field == "path" && len(c.path) > 0:
		return []byte(" with a path")
	case field == "query" && c.query:
		return []byte(" with a query")
	}
	return nil
}

// number is a count and what it counts.
func (c *counted) number(field string) (n int, unit string, ok bool) {
	switch field {
	case "host byte":
		return len(c.host), "byte", true
	case "labels label":
		return bytes.Count(c.host, []byte(".")) + 1, "label", true
	case "hyphens hyphen":
		return bytes.Count(c.host, []byte("-")), "hyphen", true
	case "digits digit":
		return digits(c.host), "digit", true
	case "vowels vowel":
		return count(&hostCounts, c.host, countVowels), "vowel", true
	case "site byte":
		return len(c.site), "byte", true
	case "site vowels vowel":
		return count(&hostCounts, c.site, countVowels), "vowel", true
	case "site hyphens hyphen":
		return bytes.Count(c.site, []byte("-")), "hyphen", true
	case "site digits digit":
		return digits(c.site), "digit", true
	case "site rare letter":
		return count(&hostCounts, c.site, countRare), "rare letter", true
	case "below byte":
		return len(c.below), "byte", true
	case "below digits digit":
		return digits(c.below), "digit", true
	case "below hyphens hyphen":
		return bytes.Count(c.below, []byte("-")), "hyphen", true
	case "path byte":
		return len(c.path), "byte", true
	case "slashes slash":
		return bytes.Count(c.path, []byte("/")), "slash", true
	case "path digits digit":
		return digits(c.path), "digit", true
	case "capitals capital":
		return count(&pathCounts, c.path, countCapitals), "capital", true
	case "symbols symbol":
		return len(c.path) - count(&pathCounts, c.path, countLetters) - count(&pathCounts, c.path, countDigits), "symbol", true
	}
	return 0, "", false
}

// count adds up what the bytes of s count for a kind.
func count(table *[256]counts, s []byte, kind int) (n int) {
	for _, b := range s {
		n += table[b].of(kind)
	}
	return n
}
