package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a page in a headless Chromium, spoken to over a pipe by the DevTools protocol: a JSON message, a NUL. That is all that
// these tests need of it; the usual library for it takes longer to compile, for four platforms, than they take to run.
type browser struct {
	t       *testing.T
	ctx     context.Context // ends when the browser has hung for too long
	w       io.Writer
	r       *bufio.Reader
	session string
	id      int

	requests []string // that pages made
	wrong    []string // errors on the console, exceptions
	loaded   int
}

// openBrowser starts Chromium, or skips the test where there is none.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("there is no Chromium here: the page in a browser was not looked at; install chromium")
	}
	fromUs, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, toUs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 4*time.Minute) // a browser that hangs must not hang the tests
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{fromUs, toUs}
	if err := cmd.Start(); err != nil {
		stop()
		t.Skipf("Chromium does not start here: %v", err)
	}
	fromUs.Close()
	toUs.Close()
	b := &browser{t: t, ctx: ctx, w: w, r: bufio.NewReader(r)}
	t.Cleanup(func() {
		b.session = ""
		_, _ = b.ask("Browser.close", nil)
		_ = cmd.Wait()
		stop()
		w.Close()
		r.Close()
	})
	var target struct{ TargetID string }
	b.must(&target, "Target.createTarget", map[string]any{"url": "about:blank"})
	var attached struct{ SessionID string }
	b.must(&attached, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true})
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		b.must(nil, domain+".enable", nil)
	}
	return b
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Message string }
}

// ask sends a command and waits for its answer; what comes before it is noted.
func (b *browser) ask(method string, params any) (json.RawMessage, error) {
	b.id++
	m := map[string]any{"id": b.id, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if _, err := b.w.Write(append(text, 0)); err != nil {
		return nil, err
	}
	for {
		got, err := b.next()
		if err != nil {
			return nil, err
		}
		if got.ID == b.id {
			if got.Error != nil {
				return nil, errors.New(method + ": " + got.Error.Message)
			}
			return got.Result, nil
		}
	}
}

func (b *browser) next() (m message, err error) {
	text, err := b.r.ReadBytes(0)
	if err != nil {
		return m, fmt.Errorf("the browser has gone: %w", err)
	}
	if err := json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m); err != nil {
		return m, err
	}
	switch m.Method {
	case "Page.loadEventFired":
		b.loaded++
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		if err := json.Unmarshal(m.Params, &p); err != nil {
			return m, err
		}
		b.requests = append(b.requests, p.Request.URL)
	case "Runtime.exceptionThrown":
		b.wrong = append(b.wrong, string(m.Params))
	case "Log.entryAdded":
		if bytes.Contains(m.Params, []byte(`"level":"error"`)) && !bytes.Contains(m.Params, []byte("favicon.ico")) {
			b.wrong = append(b.wrong, string(m.Params))
		}
	case "Runtime.consoleAPICalled":
		if bytes.Contains(m.Params, []byte(`"type":"error"`)) {
			b.wrong = append(b.wrong, string(m.Params))
		}
	}
	return m, nil
}

func (b *browser) must(into any, method string, params any) {
	b.t.Helper()
	res, err := b.ask(method, params)
	b.hung(err)
	if err == nil && into != nil {
		err = json.Unmarshal(res, into)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// hung ends the test when the browser was too slow to tell anything.
func (b *browser) hung(err error) {
	b.t.Helper()
	if err != nil && b.ctx.Err() != nil {
		b.t.Skip("Chromium took more than four minutes on this machine: the page in a browser was not looked at to the end")
	}
}

// open goes to a page, shown so many pixels wide and in a colour scheme, and waits until it is loaded.
func (b *browser) open(url string, width int, scheme string) {
	b.t.Helper()
	b.must(nil, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
	b.must(nil, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
	before := b.loaded
	b.must(nil, "Page.navigate", map[string]any{"url": url})
	for b.loaded == before {
		if _, err := b.next(); err != nil {
			b.hung(err)
			b.t.Fatal(err)
		}
	}
}

// eval gives the value of an expression, of a promise when it has come.
func (b *browser) eval(into any, expression string) {
	b.t.Helper()
	var res struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.must(&res, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true})
	if res.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, res.ExceptionDetails)
	}
	if err := json.Unmarshal(res.Result.Value, into); err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
}

// drawn counts the charts whose canvas has more than one colour, of those that have one.
const drawn = `[...document.querySelectorAll(".chart canvas")].map(c => {
	const d = new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer);
	return new Set(d).size > 3;
})`

func (b *browser) looks(what string) {
	b.t.Helper()
	var charts []bool
	b.eval(&charts, drawn)
	if len(charts) < 4 || slices.Contains(charts, false) {
		b.t.Errorf("%s: the charts are drawn: %v", what, charts)
	}
	var wide []string // what reaches past the page's edge
	b.eval(&wide, `document.documentElement.scrollWidth <= innerWidth ? [] : [document.documentElement.scrollWidth + " > " + innerWidth,
		...[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth && !e.closest(".scroll")).map(e => e.tagName + "." + e.className)]`)
	if len(wide) > 0 {
		b.t.Errorf("%s: it is wider than the window: %v", what, wide)
	}
	if len(b.wrong) > 0 {
		b.t.Errorf("%s: on the console: %s", what, strings.Join(b.wrong, "\n"))
	}
}

// The report opens from disk and asks for nothing; its charts are drawn, in the light and in the dark, on a wide screen and on a phone.
func TestReportInBrowser(t *testing.T) {
	b := openBrowser(t)
	file := quick(t)
	dir := t.TempDir()
	t.Chdir(dir)
	want(t, exitPass, "run", file, "--out", "out", "--quiet")
	page := "file://" + filepath.ToSlash(filepath.Join(dir, "out", "report.html"))
	grounds := map[string]bool{}
	for _, width := range []int{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			b.requests, b.wrong = nil, nil
			b.open(page, width, scheme)
			what := fmt.Sprintf("%d pixels, %s", width, scheme)
			b.looks(what)
			if len(b.requests) != 1 || b.requests[0] != page {
				t.Errorf("%s: it asked for %q, want the file alone", what, b.requests)
			}
			var ground string
			b.eval(&ground, `getComputedStyle(document.body).backgroundColor`)
			grounds[ground] = true
		}
	}
	if len(grounds) != 2 {
		t.Errorf("the grounds in the light and in the dark are %v, want two", grounds)
	}
}

// The live page moves while the run goes on, asks only drover, and becomes the final report.
func TestUIInBrowser(t *testing.T) {
	b := openBrowser(t)
	file := quick(t)
	t.Chdir(t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	at := make(chan string, 1)
	var once sync.Once
	stderr := &screen{seen: func(text string) {
		if m := livePage.FindStringSubmatch(text); m != nil {
			once.Do(func() { at <- m[1] })
		}
	}}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"run", file, "--out", "out", "--ui", "127.0.0.1:0", "--ui-keep", "--set", "day=1h"}, io.Discard, stderr, testEnv())
	}()
	var url string
	select {
	case url = <-at:
	case code := <-ended:
		t.Fatalf("the run ended with %d\n%s", code, &stderr.text)
	}
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
	for _, r := range b.requests {
		if !strings.HasPrefix(r, url) {
			t.Errorf("the live page asked for %s", r)
		}
	}
	stop()
	if code := <-ended; code != exitInterrupted {
		t.Errorf("the run ended with %d\n%s", code, &stderr.text)
	}
}
