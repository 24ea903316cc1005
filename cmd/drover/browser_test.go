package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// browser is a page in a headless Chromium, spoken to over a pipe by the DevTools protocol: a JSON message, a NUL. That is all that
// these tests need of it; the usual library for it takes longer to compile, for four platforms, than they take to run.
//
// What a browser does not do because of where it runs skips a test: one that is not there, does not start, cannot draw, or ends or falls silent
// as a whole. What a page does fails it: an error on its console, a renderer that crashed, or a script that never answers while another
// page does.
type browser struct {
	t        *testing.T
	w        io.Writer
	messages chan message // closed when the browser has gone
	page     string       // session of the page that is looked at
	other    string       // of a page with nothing on it
	id       int

	axe      string   // file with the script of axe-core
	requests []string // that pages made
	wrong    []string // errors on the console, exceptions
	loaded   int
}

// patience is how long an answer may take on the slowest of machines.
const patience = 3 * time.Minute

var (
	errGone   = errors.New("the browser has gone")
	errSilent = errors.New("the browser does not answer")
)

// openBrowser starts Chromium, or skips the test where that cannot be.
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
	axe, err := filepath.Abs("testdata/axe-core/axe.min.js") // tests change the working directory
	if err != nil {
		t.Fatal(err)
	}
	fromUs, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, toUs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// The profile is not in t.TempDir, which fails the test when a process of the browser that still ends writes there once more.
	profile, err := os.MkdirTemp("", "drover-chromium-*")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--remote-debugging-pipe", "--user-data-dir="+profile, "about:blank")
	cmd.ExtraFiles = []*os.File{fromUs, toUs}
	if err := cmd.Start(); err != nil {
		t.Skipf("Chromium does not start here: %v", err)
	}
	fromUs.Close()
	toUs.Close()
	b := &browser{t: t, w: w, axe: axe, messages: make(chan message, 1024)}
	go b.read(r)
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = b.send(0, "", "Browser.close", nil)
		late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		for range b.messages { // until it has gone
		}
		<-ended
		late.Stop()
		w.Close()
		os.RemoveAll(profile)
	})
	for _, session := range []*string{&b.other, &b.page} {
		var target struct{ TargetID string }
		var attached struct{ SessionID string }
		err := b.get(&target, "", "Target.createTarget", map[string]any{"url": "about:blank"})
		if err == nil {
			err = b.get(&attached, "", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true})
		}
		*session = attached.SessionID
		if err == nil {
			err = b.alive(*session)
		}
		if err != nil {
			t.Skipf("Chromium does not work here, even on an empty page: %v", err)
		}
	}
	for _, domain := range []string{"Page", "Runtime", "Network", "Log", "Inspector"} {
		b.must(nil, domain+".enable", nil)
	}
	return b
}

// alive draws something on an empty page.
func (b *browser) alive(session string) error {
	var res struct{ Result struct{ Value int } }
	err := b.get(&res, session, "Runtime.evaluate", map[string]any{"returnByValue": true, "expression": `(() => {
		const c = document.createElement("canvas").getContext("2d");
		c.fillStyle = "red"; c.fillRect(0, 0, 9, 9);
		return c.getImageData(4, 4, 1, 1).data[0];
	})()`})
	if err == nil && res.Result.Value != 255 {
		err = errors.New("it does not draw")
	}
	return err
}

type message struct {
	ID        int             `json:"id"`
	SessionID string          `json:"sessionId"`
	Method    string          `json:"method"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     *struct{ Message string }
}

// read passes on what the browser says until it has gone.
func (b *browser) read(r io.ReadCloser) {
	defer close(b.messages)
	defer r.Close()
	for in := bufio.NewReader(r); ; {
		text, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m) == nil {
			b.messages <- m
		}
	}
}

func (b *browser) send(id int, session, method string, params any) error {
	m := map[string]any{"id": id, "method": method}
	if params != nil {
		m["params"] = params
	}
	if session != "" {
		m["sessionId"] = session
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if _, err := b.w.Write(append(text, 0)); err != nil {
		return errGone
	}
	return nil
}

// get sends a command and waits for its answer; what comes before it is noted.
func (b *browser) get(into any, session, method string, params any) error {
	b.id++
	id := b.id
	late := time.NewTimer(patience)
	defer late.Stop()
	if err := b.send(id, session, method, params); err != nil {
		return err
	}
	for {
		got, err := b.next(late.C)
		switch {
		case err != nil:
			return err
		case got.ID != id:
		case got.Error != nil:
			return fmt.Errorf("%s: %s", method, got.Error.Message)
		case into != nil:
			return json.Unmarshal(got.Result, into)
		default:
			return nil
		}
	}
}

// next is the next message. What of a page's doings it tells is noted.
func (b *browser) next(late <-chan time.Time) (message, error) {
	var m message
	var ok bool
	select {
	case m, ok = <-b.messages:
		if !ok {
			return m, errGone
		}
	case <-late:
		return m, errSilent
	}
	if m.SessionID != b.page {
		return m, nil
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
	case "Runtime.exceptionThrown", "Inspector.targetCrashed":
		b.wrong = append(b.wrong, m.Method+" "+string(m.Params))
		if m.Method == "Inspector.targetCrashed" {
			return m, errors.New("the page crashed")
		}
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

// must sends a command to the page.
func (b *browser) must(into any, method string, params any) {
	b.t.Helper()
	b.no(b.get(into, b.page, method, params))
}

// no ends the test if something went wrong: by a failure if it was the page, else by a skip.
func (b *browser) no(err error) {
	b.t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errGone):
		b.t.Skip("Chromium ended by itself, as when memory runs out: the page in a browser was not looked at to the end")
	case errors.Is(err, errSilent):
		if b.alive(b.other) != nil {
			b.t.Skipf("Chromium said nothing for %v on this machine: the page in a browser was not looked at to the end", patience)
		}
		b.t.Fatalf("the page did not answer for %v, while another one does", patience)
	default:
		b.t.Fatal(err)
	}
}

// open goes to a page, shown so many pixels wide and in a colour scheme, and waits until it is loaded.
func (b *browser) open(url string, width int, scheme string) {
	b.t.Helper()
	b.must(nil, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
	b.media("", scheme)
	before := b.loaded
	b.must(nil, "Page.navigate", map[string]any{"url": url})
	late := time.NewTimer(patience)
	defer late.Stop()
	for b.loaded == before {
		_, err := b.next(late.C)
		b.no(err)
	}
}

// media shows the page as on a medium, "" the screen, and in a colour scheme.
func (b *browser) media(medium, scheme string) {
	b.t.Helper()
	b.must(nil, "Emulation.setEmulatedMedia", map[string]any{"media": medium, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
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
		b.t.Fatalf("%.300s: %s", expression, res.ExceptionDetails)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(res.Result.Value, into); err != nil {
		b.t.Fatalf("%.300s: %v", expression, err)
	}
}
