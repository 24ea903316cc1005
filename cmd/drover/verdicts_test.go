package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"drover/sim/classify"
	"drover/sim/event"
)

func newPrinter(out io.Writer, json bool) *verdictPrinter {
	judge := classify.New(classify.Options{Zone: event.DefaultZone, Model: classify.Shipped()})
	return &verdictPrinter{out: bufio.NewWriter(out), judge: judge, json: json}
}

func linesOf(t *testing.T, json bool, in string) []string {
	t.Helper()
	var out bytes.Buffer
	p := newPrinter(&out, json)
	if err := p.lines(t.Context(), strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	p.out.Flush()
	return strings.SplitAfter(out.String(), "\n")
}

// Each line that is not blank has its line, in order: a very long one, one with bytes that are no text, a last one without an end.
func TestClassifyLines(t *testing.T) {
	long := "long.example/" + strings.Repeat("a", 3*maxLine)
	full := "full.example/" + strings.Repeat("a", maxLine-len("full.example/")-1)
	in := "first.example\n\n \t\r\n" + long + "\r\nodd\xff\x1b.example\r\n" + full + "\nlast.example"
	got := linesOf(t, false, in)
	var urls []string
	for _, line := range got[:len(got)-1] {
		urls = append(urls, strings.Fields(line)[5])
	}
	want := []string{"first.example", long[:maxLine] + "...", "odd??.example", full, "last.example"}
	for i := range want {
		if len(urls) != len(want) || urls[i] != want[i] {
			t.Fatalf("lines %.40q of %d, want %.40q", urls, len(urls), want)
		}
	}
	var cuts []bool
	for _, line := range linesOf(t, true, in) {
		if line != "" {
			cuts = append(cuts, decodeJudgement(t, line).Cut)
		}
	}
	if want := []bool{false, true, false, false, false}; len(cuts) != 5 || cuts[1] != want[1] || cuts[3] {
		t.Errorf("cut = %v, want %v", cuts, want)
	}
}

func decodeJudgement(t *testing.T, line string) (j judgement) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return j
}

func TestClassifyLinesErrors(t *testing.T) {
	broken := errors.New("broken")
	p := newPrinter(io.Discard, false)
	if err := p.lines(t.Context(), io.MultiReader(strings.NewReader("a.example\n"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("lines of a broken reader = %v", err)
	}
}

// The line says what the verdict says, and its reasons add up.
func checkJSON(t *testing.T, url []byte) {
	t.Helper()
	var out bytes.Buffer
	p := newPrinter(&out, true)
	if err := p.print(url, false); err != nil {
		t.Fatal(err)
	}
	p.out.Flush()
	if !utf8.Valid(out.Bytes()) || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Fatalf("%q is no line of text", out.Bytes())
	}
	j := decodeJudgement(t, out.String())
	v := p.judge.Classify(url)
	if j.URL != string(url) && utf8.Valid(url) {
		t.Errorf("url %q, want %q", j.URL, url)
	}
	if j.Verdict != word(&v) || j.Category != v.Category.String() || j.Score != v.Score || j.Probability != v.Probability || len(j.Reasons) != v.Reasons.Len() {
		t.Errorf("%q = %+v, want %+v", url, j, v)
	}
	if (j.CategoryIs == "hint") != v.Hint() {
		t.Errorf("%q: the category is %q, a hint of the model's: %v", url, j.CategoryIs, v.Hint())
	}
	if asked := v.Probability > 0 && (v.Malicious() || v.Suspicious); asked != (j.Model != nil) {
		t.Errorf("%q has the model's reasons: %v, want %v", url, j.Model != nil, asked)
	}
	if j.Model != nil {
		sum := j.Model.Others
		for _, part := range j.Model.Parts {
			sum += part.Weight
		}
		if math.Abs(sum-j.Model.LogOdds) > 0.0005 {
			t.Errorf("%q: reasons add up to %v, want %v", url, sum, j.Model.LogOdds)
		}
	}
}

func FuzzClassifyJSON(f *testing.F) {
	for _, url := range []string{"contoso-login-verify.top", "user@contoso-login-verify.top/\"\\\x00\x7f\u2028\u00fc", "\xff\xc0.a\xed\xa0\x80", "203.0.113.9/a.exe", "10.0.0.1", "example.com"} {
		f.Add([]byte(url))
	}
	f.Fuzz(checkJSON)
}

func TestClassifyText(t *testing.T) {
	got := linesOf(t, false, "user@contoso-support-login-verify.top\n203.0.113.9/a.exe\nweather.example\n")
	for i, want := range []string{
		`malicious   1.00  p 1.00  phishing?  user@contoso-support-login-verify.top  (userinfo, model +`,
		"malicious   0.60  p 0.00  malware    203.0.113.9/a.exe  (ip-literal +0.35, program-in-path +0.25)\n",
		"benign      0.00  p 0.00  benign     weather.example  (reserved-name)\n",
	} {
		if !strings.HasPrefix(got[i], want) {
			t.Errorf("line %d = %q, want %q", i, got[i], want)
		}
	}
	if !strings.Contains(got[0], `"-login" +`) || !strings.Contains(got[0], ", others ") || !strings.HasSuffix(got[0], ")\n") {
		t.Errorf("reasons in %q, want words", got[0])
	}
}

func TestClassifyLineAllocatesNothing(t *testing.T) {
	for _, json := range []bool{false, true} {
		p := newPrinter(io.Discard, json)
		for _, url := range []string{"contoso-login-verify.top/\xffa\"", "203.0.113.9/a.exe", "weather.silverharbor.org"} {
			text := []byte(url)
			if n := testing.AllocsPerRun(100, func() { p.print(text, false) }); n != 0 {
				t.Errorf("a line of %q (JSON: %v) allocates %v times, want 0", url, json, n)
			}
		}
	}
}

// BenchmarkClassifyLines reads lines as "classify -" does; a line is an op.
func BenchmarkClassifyLines(b *testing.B) {
	for name, url := range map[string]string{"benign": "https://weather.silverharbor.org/today/", "malicious": "https://contoso-login-verify.top/a/b.php?c"} {
		for _, json := range []bool{false, true} {
			b.Run(name+map[bool]string{false: "/text", true: "/json"}[json], func(b *testing.B) {
				p := newPrinter(io.Discard, json)
				text := bytes.Repeat([]byte(url+"\n"), 1000)
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					if n++; n%1000 == 1 {
						if err := p.lines(b.Context(), bytes.NewReader(text)); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
			})
		}
	}
}
