package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func render(t testing.TB, r *Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// renderComparison is the page of two sides, with hostile names.
func renderComparison(t testing.TB) string {
	t.Helper()
	base, head := stalled(t), hostile(t)
	head.Scenario, head.Load, head.Drover, head.Interrupted = base.Scenario, base.Load, base.Drover, false
	c, err := Compare(Side{"a<script>alert(1)</script>", []*Run{base}}, []Side{{"b", []*Run{head}}, {"c", []*Run{base, base}}}, CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := CompareHTML(&b, c); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<script>alert") {
		t.Errorf("a side's name becomes markup")
	}
	return b.String()
}

// parts takes the styles and scripts out of a page.
var parts = regexp.MustCompile(`(?s)<(style|script)([^>]*)>(.*?)</(?:style|script)>`)

// The policy forbids everything but the very scripts and styles of the page, so that no words in it can run.
func TestHTMLPolicy(t *testing.T) {
	pages := map[string]string{"comparison": renderComparison(t)}
	for name, r := range map[string]*Run{"stalled": stalled(t), "hostile": hostile(t), "empty": {}} {
		pages[name] = render(t, r)
	}
	for name, doc := range pages {
		m := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(doc)
		if m == nil {
			t.Fatalf("%s: no policy", name)
		}
		policy := html.UnescapeString(m[1])
		if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s: policy %q", name, policy)
		}
		found := parts.FindAllStringSubmatch(doc, -1)
		if len(found) != 3 {
			t.Errorf("%s: %d styles and scripts, want 3", name, len(found))
		}
		for _, p := range found {
			sum := sha256.Sum256([]byte(p[3]))
			allowed := strings.Contains(policy, p[1]+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
			if data := strings.Contains(p[2], "application/json"); allowed == data {
				t.Errorf("%s: <%s%s> allowed %v, data %v", name, p[1], p[2], allowed, data)
			}
		}
	}
}

// The page asks for nothing: no attribute that a browser would fetch, no style or script of elsewhere.
func TestHTMLNeedsNothing(t *testing.T) {
	for _, doc := range []string{render(t, stalled(t)), renderComparison(t)} {
		needsNothing(t, doc)
	}
}

func needsNothing(t *testing.T, doc string) {
	t.Helper()
	markup := parts.ReplaceAllString(doc, "")
	for _, m := range regexp.MustCompile(`(?i)\s(src|href|srcset|action|poster|data|style|on\w+)\s*=\s*"([^"]*)"`).FindAllStringSubmatch(markup, -1) {
		if m[2] != "#main" {
			t.Errorf("the page has %s=%q", m[1], m[2])
		}
	}
	for _, p := range parts.FindAllStringSubmatch(doc, -1) {
		if regexp.MustCompile(`(?i)@import|url\(|fetch\(|XMLHttpRequest|sendBeacon|WebSocket|import\(`).MatchString(p[3]) {
			t.Errorf("<%s> reaches out", p[1])
		}
	}
}

// However a scenario, a backend or a decoded document words things, none of it becomes markup.
func TestHTMLEscapes(t *testing.T) {
	doc, calm := render(t, hostile(t)), render(t, stalled(t))
	tags := regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)
	count := func(doc, tag string) (n int) {
		for _, m := range tags.FindAllString(doc, -1) {
			if strings.HasPrefix(strings.ToLower(m), tag) {
				n++
			}
		}
		return n
	}
	for _, tag := range []string{"<script", "</script", "<img", "<h1", "<title", "<style", "<!--"} {
		if got, want := count(doc, tag), count(calm, tag); got != want {
			t.Errorf("%d of %s, want %d as in a page without an attack", got, tag, want)
		}
	}
	if strings.ContainsAny(doc, "\u202e\u2066") {
		t.Errorf("a name can turn the direction of the page's text")
	}
	if !strings.Contains(doc, "<b>8 not checked of 9 checks</b>") {
		t.Errorf("results that nobody knows count as passed")
	}
	if !strings.Contains(doc, "&lt;script&gt;alert(1)") {
		t.Errorf("the words themselves are missing")
	}
}

// The data that the script draws is JSON, with one value per interval in each column.
func TestHTMLData(t *testing.T) {
	for name, r := range map[string]*Run{"stalled": stalled(t), "hostile": hostile(t), "empty": {}} {
		var data map[string]json.RawMessage
		for _, p := range parts.FindAllStringSubmatch(render(t, r), -1) {
			if strings.Contains(p[2], "application/json") {
				if err := json.Unmarshal([]byte(p[3]), &data); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
		var columns map[string][]any
		if err := json.Unmarshal(data["time"], &columns); err != nil {
			t.Fatal(err)
		}
		if len(columns) != 13 {
			t.Errorf("%s: %d columns, want 13", name, len(columns))
		}
		for c, v := range columns {
			if len(v) != len(r.Timeline) {
				t.Errorf("%s: %d values of %s for %d intervals", name, len(v), c, len(r.Timeline))
			}
		}
	}
}

// Percentiles are drawn at 1/(1-q) in ascending order, with both curves on one axis and the longest at its end.
func TestCurveData(t *testing.T) {
	c := curveData(stalled(t))
	for i := range c.X {
		if i > 0 && c.X[i] <= c.X[i-1] {
			t.Errorf("x[%d] = %v after %v", i, c.X[i], c.X[i-1])
		}
		if c.Response[i] == nil || c.Service[i] == nil || *c.Response[i] < *c.Service[i]*0.9 {
			t.Errorf("at %v: response %v, service %v", c.X[i], c.Response[i], c.Service[i])
		}
	}
	r := stalled(t).Latency.Response
	if at := slices.Index(c.X, 2); at < 0 || *c.Response[at] != float64(r.P50NS)/1e6 {
		t.Errorf("the median is not at 1/(1-0.5) = 2 in %v", c.X)
	}
	if last := len(c.X) - 1; c.X[last] != float64(r.Count) || *c.Response[last] != float64(r.MaxNS)/1e6 {
		t.Errorf("the curve ends at %v, %v; want %v, %v", c.X[last], *c.Response[last], r.Count, r.MaxNS)
	}
}

// Every table says what it is, every chart says what it shows, and every label points somewhere.
func TestHTMLIsAccessible(t *testing.T) {
	for _, doc := range []string{render(t, stalled(t)), renderComparison(t)} {
		accessible(t, parts.ReplaceAllString(doc, ""))
	}
}

func accessible(t *testing.T, doc string) {
	t.Helper()
	for _, pair := range [][2]string{{"<table", "<caption>"}, {`role="img"`, `role="img" aria-label="`}, {`<html lang="en"`, "<h1>"}, {"<section", "<h2 id="}} {
		if a, b := strings.Count(doc, pair[0]), strings.Count(doc, pair[1]); a != b || a == 0 {
			t.Errorf("%d of %s, but %d of %s", a, pair[0], b, pair[1])
		}
	}
	ids := make(map[string]int)
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(doc, -1) {
		ids[m[1]]++
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("%d elements have id %q", n, id)
		}
	}
	for _, m := range regexp.MustCompile(`(?:aria-labelledby="|href="#)([^"]*)"`).FindAllStringSubmatch(doc, -1) {
		if ids[m[1]] == 0 {
			t.Errorf("nothing has id %q", m[1])
		}
	}
	if cells := regexp.MustCompile(`<th[ >]`).FindAllString(doc, -1); len(cells) != strings.Count(doc, `<th scope="`) {
		t.Errorf("%d headings of rows and columns, %d with a scope", len(cells), strings.Count(doc, `<th scope="`))
	}
}

// A run of days still makes a page that opens.
func TestHTMLOfLongRuns(t *testing.T) {
	r := stalled(t)
	point := r.Timeline[10]
	r.Timeline = nil
	for i := range 1800 {
		point.FromNS = int64(i) * point.WidthNS
		r.Timeline = append(r.Timeline, point)
	}
	doc := render(t, r)
	if len(doc) > 1<<20 {
		t.Errorf("%d bytes, want 1 MiB at most", len(doc))
	}
	if !strings.Contains(doc, "One interval in 3") {
		t.Errorf("the table does not say that it leaves intervals out")
	}
}

func BenchmarkHTML(b *testing.B) {
	r := stalled(b)
	b.ReportAllocs()
	for b.Loop() {
		render(b, r)
	}
}
