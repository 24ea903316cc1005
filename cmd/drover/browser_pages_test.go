package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"drover/sim/backend"
)

// drawn counts the charts whose canvas has more than one colour, of those that have one.
const drawn = `[...document.querySelectorAll(".chart canvas")].map(c => {
	const d = new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer);
	return new Set(d).size > 3;
})`

func (b *browser) looks(what string) {
	b.t.Helper()
	var charts []bool
	b.eval(&charts, drawn)
	if len(charts) < 2 || slices.Contains(charts, false) {
		b.t.Errorf("%s: the charts are drawn: %v", what, charts)
	}
	// What reaches past the page's edge, once the charts have followed its width.
	var wide []string
	b.eval(&wide, `new Promise(done => {
		const look = left => {
			if (document.documentElement.scrollWidth <= innerWidth) return done([]);
			if (left > 0) return setTimeout(look, 100, left - 1);
			done([document.documentElement.scrollWidth + " > " + innerWidth,
				...[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth && !e.closest(".scroll")).map(e => e.tagName + "." + e.className)]);
		};
		look(200);
	})`)
	if len(wide) > 0 {
		b.t.Errorf("%s: it is wider than the window: %v", what, wide)
	}
	if len(b.wrong) > 0 {
		b.t.Errorf("%s: on the console: %s", what, strings.Join(b.wrong, "\n"))
	}
}

// accessible wants axe-core to find nothing in the page, with all that can be opened open.
func (b *browser) accessible(what string) {
	b.t.Helper()
	axe, err := os.ReadFile(b.axe)
	if err != nil {
		b.t.Fatal(err)
	}
	b.eval(nil, `document.querySelectorAll("details").forEach(d => { d.open = true; })`)
	b.eval(nil, string(axe))
	var found struct {
		Passes     int
		Violations []string
	}
	b.eval(&found, `axe.run(document, { resultTypes: ["violations"] }).then(r => ({
		passes: r.passes.length,
		violations: r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + v.help + ": " + n.html.slice(0, 200) + " " + (n.any[0]?.message ?? ""))),
	}))`)
	if found.Passes < 20 {
		b.t.Errorf("%s: axe-core looked at %d rules only", what, found.Passes)
	}
	for _, v := range found.Violations {
		b.t.Errorf("%s: %s", what, v)
	}
}

// fileURL is a file as a browser asks for it.
func fileURL(path string) string { return "file://" + filepath.ToSlash(path) }

// The report opens from disk and asks for nothing; its charts are drawn and axe-core finds nothing, in the light on a wide screen and in the
// dark on a phone; on paper nothing is cut off. So does a comparison.
func TestReportInBrowser(t *testing.T) {
	b := openBrowser(t)
	file := quick(t)
	dir := t.TempDir()
	t.Chdir(dir)
	ran(t, "run", file, "--out", "out", "--quiet")
	drover(t, testEnv(), "compare", "out", "out", "--format", "html", "-o", "compare.html") // its exit code is about the run
	for _, page := range []string{fileURL(filepath.Join(dir, "out", "report.html")), fileURL(filepath.Join(dir, "compare.html"))} {
		grounds := map[string]bool{}
		for _, look := range []struct {
			width  int
			scheme string
		}{{1280, "light"}, {390, "dark"}} {
			b.requests, b.wrong = nil, nil
			b.open(page, look.width, look.scheme)
			what := fmt.Sprintf("%s, %d pixels, %s", filepath.Base(page), look.width, look.scheme)
			b.looks(what)
			if len(b.requests) != 1 || b.requests[0] != page {
				t.Errorf("%s: it asked for %q, want the file alone", what, b.requests)
			}
			var ground string
			b.eval(&ground, `getComputedStyle(document.body).backgroundColor`)
			grounds[ground] = true
			b.accessible(what)
		}
		if len(grounds) != 2 {
			t.Errorf("the grounds in the light and in the dark are %v, want two", grounds)
		}
		b.open(page, paper, "dark")
		b.media("print", "dark")
		b.looks(filepath.Base(page) + " on paper")
		var cut []string
		b.eval(&cut, `[...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.getAttribute("aria-labelledby") ?? e.getAttribute("aria-label"))`)
		if len(cut) > 0 {
			t.Errorf("%s: on paper these tables are wider than the page: %v", filepath.Base(page), cut)
		}
		var ground string
		b.eval(&ground, `getComputedStyle(document.body).backgroundColor`)
		if ground != "rgb(255, 255, 255)" {
			t.Errorf("%s: the ground on paper is %s", filepath.Base(page), ground)
		}
	}
}

// paper is the width of an A4 page within margins of 1 cm, in CSS pixels.
const paper = 718

// live is a run with a live page.
type live struct {
	stderr *screen
	url    chan string
	ended  chan int
	stop   context.CancelFunc
}

// goLive starts a run with a live page that stays.
func goLive(t *testing.T, args ...string) *live {
	ctx, stop := context.WithCancel(t.Context())
	l := &live{url: make(chan string, 1), ended: make(chan int, 1), stop: stop}
	t.Cleanup(stop)
	var once sync.Once
	l.stderr = &screen{seen: func(text string) {
		if m := livePage.FindStringSubmatch(text); m != nil {
			once.Do(func() { l.url <- m[1] })
		}
	}}
	go func() {
		l.ended <- run(ctx, append([]string{"run", "--out", "out", "--ui", "127.0.0.1:0", "--ui-keep"}, args...), io.Discard, l.stderr, testEnv())
	}()
	return l
}

// address is where the page is.
func (l *live) address(t *testing.T) string {
	t.Helper()
	select {
	case url := <-l.url:
		return url
	case code := <-l.ended:
		t.Fatalf("the run ended with %d\n%s", code, &l.stderr.text)
		return ""
	}
}

// The live page moves while the run goes on, and asks only drover.
func TestUIInBrowser(t *testing.T) {
	b := openBrowser(t)
	file := quick(t)
	t.Chdir(t.TempDir())
	l := goLive(t, file, "--set", "day=1h")
	url := l.address(t)
	b.open(url, 390, "dark")
	var moved bool
	// It has moved when there is more on the time axis of the same chart, which nobody loaded anew.
	b.eval(&moved, `new Promise(done => {
		const chart = document.querySelector("#c-rate .uplot"), time = () => document.querySelector("progress").value;
		const first = time();
		const look = () => time() > first && document.querySelector("#c-rate .uplot") === chart && chart ? done(true) : setTimeout(look, 100);
		look();
	})`)
	b.looks("live")
	var story string
	b.eval(&story, `new Promise(done => {
		document.querySelector("[data-device]").click();
		const look = () => document.getElementById("h-story") ? done(document.getElementById("story").innerText) : setTimeout(look, 50);
		look();
	})`)
	if !strings.Contains(story, "Device 0") || !strings.Contains(story, "Its uploads around") || !strings.Contains(story, "heartbeat") {
		t.Errorf("the story of the first device: %q", story)
	}
	b.accessible("live")
	for _, r := range b.requests {
		if !strings.HasPrefix(r, url) {
			t.Errorf("the live page asked for %s", r)
		}
	}
	l.stop()
	if code := <-l.ended; code != exitInterrupted {
		t.Errorf("the run ended with %d\n%s", code, &l.stderr.text)
	}
}

// The live page, which nobody loads anew, becomes the final report: that of the run's directory. The backend holds the uploads back until
// the page was seen under way.
func TestUIBecomesReport(t *testing.T) {
	b := openBrowser(t)
	t.Setenv("DROVER_TEST_SECRET", fatesSecret)
	srv, err := backend.Start(t.Context(), backend.Options{Secret: []byte(fatesSecret)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	to, err := url.Parse(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan struct{})
	proxy := httputil.NewSingleHostReverseProxy(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/events" && r.ContentLength != 0 { // without a body it is asked whether it is there
			<-seen
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	var once sync.Once
	release := func() { once.Do(func() { close(seen) }) }
	t.Cleanup(release) // before the server closes, which waits for its requests

	file := variant(t, "      - {name: drain, do: drain, for: 1s, measure: false}\n", "", "client: {timeout: 5s}", "client: {timeout: 20m}")
	t.Chdir(t.TempDir())
	l := goLive(t, file, "--set", "target="+front.URL, "--set", "limit=1h")
	b.open(l.address(t), 1280, "light")
	var state string
	b.eval(&state, `document.body.dataset.run`)
	if state != "under way" {
		t.Fatalf("the page says %q while its backend holds back the uploads", state)
	}
	b.eval(nil, `void (window.mine = true)`) // gone if it were loaded anew
	release()
	var end struct {
		Mine           bool
		Note, Header   string
		Progress       bool
		Title, Footers string
	}
	b.eval(&end, `new Promise(done => {
		const look = () => document.body.dataset.run !== "over" ? setTimeout(look, 100) : setTimeout(() => done({
			mine: window.mine === true, note: document.getElementById("live-note").innerText, header: document.querySelector("header").innerText,
			progress: !!document.querySelector("progress"), title: document.title,
		}), 100);
		look();
	})`)
	doc := readRun(t, "out")
	if !end.Mine || end.Progress || !strings.Contains(end.Note, "This is its final report") || strings.Contains(end.Title, "live") || !strings.Contains(end.Header, "run report") {
		t.Errorf("at the end the page is %+v", end)
	}
	frozen, err := os.ReadFile("out/report.html")
	if err != nil {
		t.Fatal(err)
	}
	// What it shows is what the report shows: each section but that of the devices, which a report does not have.
	var sections map[string]string
	b.eval(&sections, `Object.fromEntries([...document.querySelectorAll("main > section")].map(s => [s.getAttribute("aria-labelledby"), s.innerText]))`)
	b.open(fileURL(filepath.Join(cwd(t), "out", "report.html")), 1280, "light")
	var report map[string]string
	b.eval(&report, `Object.fromEntries([...document.querySelectorAll("main > section")].map(s => [s.getAttribute("aria-labelledby"), s.innerText]))`)
	if len(report) < 6 || len(frozen) == 0 || doc.Totals.Accepted == 0 {
		t.Errorf("%d sections, %d accepted", len(report), doc.Totals.Accepted)
	}
	for name, text := range report {
		if name != "h-charts" && sections[name] != text { // of the charts the legends have the cursor's values
			t.Errorf("section %s of the live page is %q, of the report %q", name, sections[name], text)
		}
	}
	l.stop()
	<-l.ended
	if len(b.wrong) > 0 {
		t.Errorf("on the console: %s", strings.Join(b.wrong, "\n"))
	}
}

func cwd(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
