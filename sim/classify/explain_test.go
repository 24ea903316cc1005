package classify

import (
	"math"
	"strings"
	"testing"
)

// All parts and the base add up to the log-odds, and those are the probability's.
func checkExplanation(t *testing.T, r *Rules, e *Explanation, url []byte) {
	t.Helper()
	v := r.Explain(e, url)
	if v != r.Classify(url) {
		t.Errorf("Explain(%q) = %+v, Classify %+v", url, v, r.Classify(url))
	}
	if v.Probability == 0 {
		if len(e.Parts) > 0 || e.LogOdds != 0 || len(e.Append(nil, 5)) > 0 {
			t.Errorf("Explain(%q) without the model = %s", url, e.Append(nil, 5))
		}
		return
	}
	sum := e.Base
	for i, p := range e.Parts {
		sum += p.Weight
		if i > 0 && p.Weight > e.Parts[i-1].Weight {
			t.Errorf("Explain(%q): part %d is greater than the one before", url, i)
		}
		if len(p.What) > 2*maxQuoted+40 {
			t.Errorf("Explain(%q): part of %d bytes %q", url, len(p.What), p.What)
		}
		for _, c := range p.What {
			if c < ' ' || c > '~' {
				t.Errorf("Explain(%q): part %q", url, p.What)
			}
		}
	}
	if math.Abs(sum-e.LogOdds) > 1e-9*float64(1+len(e.Parts)) {
		t.Errorf("Explain(%q): the parts add up to %v, the log-odds are %v", url, sum, e.LogOdds)
	}
	// The probability is looked up in a table with steps of 0.02 log-odds, which ends at 10.
	odds := max(-10, min(10, e.LogOdds))
	if p := 1 / (1 + math.Exp(-odds)); math.Abs(p-float64(v.Probability)) > 0.003 {
		t.Errorf("Explain(%q): log-odds %v are a probability of %v, the verdict says %v", url, e.LogOdds, p, v.Probability)
	}
	if v.Reasons.Len() == 0 != !v.Malicious() {
		t.Errorf("Explain(%q) = %+v", url, v)
	}
}

func TestExplainAddsUp(t *testing.T) {
	r := New(Options{Zone: ".sim.test", Model: Shipped()})
	var e Explanation
	for _, url := range append(fictional(t), "", "a", "a.b?", "x.y:8080", "https://user@x.y:8080/Z.php?A", "a.b/c.d/e", "203.0.113.9/a.exe",
		strings.Repeat("a.b-c", 70)+"/"+strings.Repeat("d/e.", 90)) {
		checkExplanation(t, r, &e, []byte(url))
	}
}

func FuzzExplain(f *testing.F) {
	for _, url := range append(fictional(f), "a.b?", "a.b:81?\xff") {
		f.Add([]byte(url))
	}
	r := New(Options{Zone: ".sim.test", Model: Shipped()})
	var e Explanation
	f.Fuzz(func(t *testing.T, url []byte) { checkExplanation(t, r, &e, url) })
}

// A model of which three weights are not 0 says which, and whose.
func TestExplainNames(t *testing.T) {
	m := &Model{inverse: make([]uint32, maxFeatures+1), prob: make([]uint16, probSize), weights: new(weights), types: make([]byte, numTypes*headSize)}
	for i := range m.inverse {
		m.inverse[i] = one
	}
	for i := range m.prob {
		m.prob[i] = 1
	}
	m.head.Step, m.head.PlattA, m.head.PlattB = 0.01, 1, -1
	const url = "shop.river-login88.top:81/Go/x.php?y"
	const hostLen = len("shop.river-login88.top:81")
	set := func(part, at, n int, w int8) {
		found := false
		trace([]byte(url), hostLen, func(p, i, k int, hash uint64) {
			if p == part && i == at && k == n {
				m.weights[hash>>toPlace] = byte(w)
				found = true
			}
		})
		if !found {
			t.Fatalf("no feature %d at %d of %d bytes", part, at, n)
		}
	}
	set(partText, strings.Index(url, "r-log"), 5, 50) // one byte in one word, four in the next
	set(partWord, strings.Index(url, "login88"), 7, 31)
	set(partHost, 10, 0, 27) // digits under the last label
	set(partPath, 5, 0, 12)
	set(partPort, 0, 0, 7)
	set(partHost, 13, 0, -20)
	r := New(Options{Model: m})
	var e Explanation
	r.Explain(&e, []byte(url))
	const want = `+0.07: "-login88" +0.71, .top with 2 digits +0.27, .php under .top +0.12, others -1.03`
	if got := string(e.Append(nil, 3)); got != want {
		t.Errorf("Append = %s\nwant     %s", got, want)
	}
	var all []string
	for _, p := range e.Parts {
		all = append(all, string(p.What))
	}
	if got, want := strings.Join(all, "; "), `"-login88"; .top with 2 digits; .php under .top; ".river"; port 81; .top with 3 labels with a path`; got != want {
		t.Errorf("parts %s\nwant  %s", got, want)
	}
}

// What is counted says what stands there.
func TestDescribe(t *testing.T) {
	c := newCounted([]byte("a1-b.Rxver-login88.top:81/Go/x2.php?y"), len("a1-b.rxver-login88.top:81"))
	var got []string
	for i := range descriptions {
		got = append(got, string(c.describe(nil, i)))
	}
	want := strings.Split(`.top as last label
Rxver-login88.top as last labels
host of 22 bytes with a path
3 labels and 2 hyphens
3 digits in the host with a path
5 vowels in a host of 22 bytes
3 vowels and 1 hyphen in a name of 13 bytes
2 rare letters in a name of 13 bytes
4 bytes of sub-domain with 1 digit and 1 hyphen
.top with a name of 13 bytes
.top with 2 digits
.top with 1 hyphen
.top with 3 vowels
.top with 3 labels with a path
.top with 2 rare letters
.top with 2 digits and 4 bytes of sub-domain
path of 12 bytes with 2 slashes
1 digit and 1 capital in the path
4 symbols in the path with a query
.top with 2 slashes in the path with a query
.php in the path
.php under .top
.php after 2 slashes
port 81`, "\n")
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("place %d: %q, want %q", i, got[i], want[i])
		}
	}
}

func TestExplainAllocatesNothing(t *testing.T) {
	r := New(Options{Zone: ".sim.test", Model: Shipped()})
	var e Explanation
	text := []byte("contoso-login-verify.top.sim.test/a/b.php?c")
	r.Explain(&e, text) // makes room
	if n := testing.AllocsPerRun(100, func() { r.Explain(&e, text) }); n != 0 {
		t.Errorf("Explain allocates %v times, want 0", n)
	}
}
