package classify

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"drover/sim/event"
)

func TestReadExamples(t *testing.T) {
	want := []Example{
		{URL: "a.example/x,y?\"q\"", Malicious: true, Category: event.Phishing, Source: "s1", Form: "f", Stratum: "st"},
		{URL: "b.example"},
		{URL: "c.example", Malicious: true, Category: event.C2, Stratum: "st"},
	}
	const text = "\xef\xbb\xbfnote,Label, SOURCE ,form,URL,Category,stratum\r\n" +
		"n, Phishing,s1,f,\"a.example/x,y?\"\"q\"\"\",,st\r\n\r\n" +
		"\"two\nlines\",FALSE,,,b.example,c2,\r\n" +
		",1,,,c.example,C2,st"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write([]byte(text))
	z.Close()
	for _, in := range []string{text, zipped.String()} {
		got, err := ReadExamples("x.csv", strings.NewReader(in))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("ReadExamples = %+v, %v; want %+v", got, err, want)
		}
	}
	for label := range labels {
		if !strings.Contains(LabelHelp, label) {
			t.Errorf("the help does not tell of label %q", label)
		}
	}
}

func TestReadExamplesErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                                      "x.csv:1:1: the file is empty",
		"name,label\na,1\n":                     `x.csv:1:1: the columns are ["name" "label"]; want url and label among them`,
		"url,label,URL\n":                       `x.csv:1:1: column "url" stands there twice`,
		"url,label\na.example,1\nb.example,?\n": `x.csv:3:11: label "?"; want 0, false`,
		"label,url\n1, \n":                      "x.csv:2:3: no URL",
		"url,label\na,b,1\n":                    "x.csv:2:1: 3 fields; want 2",
		"url,label\na\"b,1\n":                   "x.csv:2:2: bare \"",
		"url,label\n\"a,1\n":                    "x.csv:",
		"\x1f\x8b,":                             "x.csv: ",
		"\"url,label":                           "x.csv:1:",
	} {
		if set, err := ReadExamples("x.csv", strings.NewReader(in)); err == nil || set != nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("ReadExamples(%q) = %v, %v; want %s", in, set, err, want)
		}
	}
	_, err := ReadExamples("x.csv", strings.NewReader("url,label\na,2\nb,1\nc\n,0\n"+strings.Repeat("d,3\n", 50)))
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != maxMistakes+1 || !strings.HasPrefix(lines[1], "x.csv:4:1: ") || !strings.HasPrefix(lines[2], "x.csv:5:1: no URL") || !strings.Contains(lines[maxMistakes], "perhaps more") {
		t.Errorf("mistakes = %q, want %d and a word on the rest", lines, maxMistakes)
	}
}

func FuzzReadExamples(f *testing.F) {
	for _, in := range []string{"url,label\na,1\n", "\xef\xbb\xbflabel,url\r\n0,\"a\"\"\nb\"\r\n", "url,label\n\"a", "\x1f\x8b\x08"} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		set, err := ReadExamples("x.csv", bytes.NewReader(in))
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "x.csv:") {
					t.Errorf("mistake %q has no place", line)
				}
			}
			return
		}
		for _, e := range set {
			if strings.TrimSpace(e.URL) == "" || e.Category != event.Benign && !e.Malicious {
				t.Errorf("example %+v", e)
			}
		}
	})
}

// A set that is told apart too well makes a warning, an honest one none.
func TestLeak(t *testing.T) {
	var rows []scored
	for i := range 200 {
		rows = append(rows, scored{Example: Example{Malicious: i < 100, Source: fmt.Sprint(i < 100)}, score: int64(-i)})
	}
	if got := leak("form", "path", rows); !strings.Contains(got, "form path: AUC 1.0000") || !strings.Contains(got, "100 % of these URLs") {
		t.Errorf("leak = %q, want a warning", got)
	}
	for i := range rows {
		rows[i].Source = "one"
	}
	if got := leak("source", "one", rows); !strings.Contains(got, "AUC 1.0000") || strings.Contains(got, "one class only") {
		t.Errorf("leak of one source = %q", got)
	}
	if got := leak("form", "path", rows[80:120]); got != "" {
		t.Errorf("leak of few URLs = %q, want none", got)
	}
	for i := range rows[:100] { // one in ten is wrong
		if i%10 == 0 {
			rows[i].Malicious = false
		}
	}
	if got := leak("form", "path", rows); got != "" {
		t.Errorf("leak of an AUC of %v = %q, want none", auc(rows), got)
	}
}

func TestOverlapAndForms(t *testing.T) {
	var out bytes.Buffer
	set := func(urls ...string) (s []Example) {
		for _, u := range urls {
			s = append(s, Example{URL: u})
		}
		return s
	}
	if err := Overlap(&out, set("a.x.com/1", "b.x.com", "y.github.io"), set("https://www.x.com", "z.github.io", "co.uk")); err != nil || !strings.Contains(out.String(), "2 to learn from, 3 in dev, 1 in both") {
		t.Errorf("Overlap = %v, %q", err, out.String())
	}
	for url, want := range map[string]string{
		"https://a.b.com/": "host 3", "http://b.com/x": "path 2", "b.com?q": "query 2", "www.b.com.sim.test": "host 2", "203.0.113.9/a": "path address", "": "host 1",
	} {
		if got := formOf(Example{URL: url}) + " " + depthOf(Example{URL: url}); got != want {
			t.Errorf("form and labels of %q = %s, want %s", url, got, want)
		}
	}
	if got := formOf(Example{URL: "a.b/c", Form: "given"}); got != "given" {
		t.Errorf("form = %q, want the given one", got)
	}
}

// A source that is left out has the line of a model that never saw it.
func TestHoldOut(t *testing.T) {
	var out bytes.Buffer
	train, dev := examples(1, 400), examples(2, 440)
	for _, s := range [][]Example{train, dev} {
		for i := range s {
			s[i].Source = fmt.Sprint(s[i].Source[5:], i/2%2) // b0, b1, m0, m1
		}
	}
	if err := HoldOut(&out, train, dev); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "\n") != 2+4+4+2+numLots || !strings.Contains(got, "\nquarter 4") || !strings.Contains(got, "\nm1 ") {
		t.Errorf("HoldOut = %q, want a line for each source and each quarter", got)
	}
}

// Labels by lot are learnt where sources look unlike each other, and only there.
func TestLots(t *testing.T) {
	words := []string{"apple", "birch", "cedar", "daisy", "elder", "fern", "grape", "hazel"}
	made := func(seed uint64, unlike bool) (set []Example) {
		r := rand.New(rand.NewPCG(seed, 3))
		for i := range 1600 {
			source := i % len(words)
			word := words[r.IntN(len(words))]
			if unlike {
				word = words[source]
			}
			url := fmt.Sprintf("%s-%d.example", word, r.IntN(1e6))
			if i/len(words)%2 == 0 {
				url += "/" + word
			}
			set = append(set, Example{URL: url, Malicious: source%2 == 0, Source: words[source]})
		}
		return set
	}
	for _, unlike := range []bool{true, false} {
		var out bytes.Buffer
		if err := lots(&out, made(1, unlike), made(2, unlike)); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n")[1:] {
			var n, bad int
			var host, path float64
			if _, err := fmt.Sscan(line, &n, &bad, &host, &path); err != nil || bad != 800 {
				t.Fatalf("line %q: %v", line, err)
			}
			if low := min(host, path); unlike && low < 0.99 {
				t.Errorf("of unlike sources: %q, want .99 at least", line)
			}
			if most := max(host, path); !unlike && most > 0.65 { // 400 of each form: 0.5 within five standard deviations of 0.02 to 0.03
				t.Errorf("of sources that are alike: %q, want about .5", line)
			}
		}
	}
}
