package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// get is what a live page's server answers.
func get(t *testing.T, url, host string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(body)
}

var livePage = regexp.MustCompile(`live page at (http://\S+)\n`)

// A page shows the run while it goes on, tells a device's story, and becomes the report at the end.
func TestUI(t *testing.T) {
	file := quick(t)
	t.Chdir(t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var url, early, story, no, elsewhere string
	var look sync.Once
	var watching sync.WaitGroup
	stderr := &screen{seen: func(text string) {
		if strings.Contains(text, "the report stays at "+url) && url != "" {
			watching.Go(func() {
				defer stop()
				if _, page := get(t, url+"?reader=a", ""); !strings.Contains(page, `data-run="over"`) || !strings.Contains(page, "3 checks passed") {
					t.Errorf("the page after the run is\n%.3000s", page)
				}
			})
		}
		if !strings.Contains(text, "accepted") {
			return
		}
		look.Do(func() {
			url = livePage.FindStringSubmatch(text)[1]
			_, early = get(t, url+"?reader=a", "")
			_, story = get(t, url+"device/17", "")
			_, no = get(t, url+"device/20", "")
			_, elsewhere = get(t, url, "a.name.that.points.here.example:80")
		})
	}}
	var stdout bytes.Buffer
	// A machine that does not keep up makes the run inconclusive, which is no fault of the page.
	if code := run(ctx, []string{"run", file, "--out", "out", "--ui", "127.0.0.1:0", "--ui-keep"}, &stdout, stderr, testEnv()); code != exitPass && code != exitInconclusive {
		t.Fatalf("exit code %d\n%s", code, &stderr.text)
	}
	watching.Wait()
	for _, w := range []string{`data-run="under way"`, "run under way", "of 3</span>", `data-device="17"`, "known when the run is over", "connect-src &#39;self&#39;"} {
		if !strings.Contains(early, w) {
			t.Errorf("the page has no %q:\n%.3000s", w, early)
		}
	}
	if !regexp.MustCompile(`"at":\[0[,\]]`).MatchString(early) {
		t.Errorf("the page has no data of the first second")
	}
	// What the story has is what drover events prints.
	rows := regexp.MustCompile(`<div>([a-z.]+) <span`).FindAllStringSubmatch(story, -1)
	events := strings.Split(strings.TrimSpace(want(t, exitPass, "events", file, "--device", "17", "--format", "table", "--limit", "0")), "\n")[1:]
	all := strings.Join(events, "\n")
	if len(rows) == 0 || len(rows) > len(events) || !strings.Contains(story, "drover events ") {
		t.Errorf("%d events in the story, %d in all:\n%s", len(rows), len(events), story)
	}
	for _, r := range rows {
		if !strings.Contains(all, r[1]) {
			t.Errorf("the story has an event %q; drover events none", r[1])
		}
	}
	if !strings.Contains(no, "want a number from 0 to 19") {
		t.Errorf("device 20 of 20: %q", no)
	}
	if strings.Contains(elsewhere, "quick") || !strings.Contains(elsewhere, "ask by address") {
		t.Errorf("a name that points here: %q", elsewhere)
	}
	if _, err := http.Get(url); err == nil {
		t.Error("the server is still there after the run")
	}
}

// A page that cannot be served is an error before anything was sent.
func TestUIRefuses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Chdir(t.TempDir())
	for _, tt := range []struct{ flags, want string }{
		{"--ui " + l.Addr().String(), "address already in use"},
		{"--ui 8089", "missing port"},
		{"--ui 256.0.0.1:x", "--ui 256.0.0.1:x"},
		{"--ui-keep", "no page to keep without --ui"},
	} {
		code, _, errs := drover(t, testEnv(), append([]string{"run", "smoke", "--out", "out"}, strings.Fields(tt.flags)...)...)
		if code != exitUsage || !strings.Contains(errs, tt.want) {
			t.Errorf("%s: %d, %q; want %q", tt.flags, code, errs, tt.want)
		}
	}
}

// The server stays for those who watched, until they have the final report, but not for ever.
func TestUIWaitsForReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &ui{page: []byte("so far"), readers: map[string]time.Time{}}
		for _, reader := range []string{"a", "b", ""} {
			if _, err := u.render(reader); err != nil {
				t.Fatal(err)
			}
		}
		if u.watched() {
			t.Error("waits for a report that there is not")
		}
		u.over, u.page = true, []byte("final")
		if page, _ := u.render("a"); string(page) != "final" {
			t.Errorf("a gets %q", page)
		}
		if !u.watched() {
			t.Error("does not wait for b")
		}
		time.Sleep(uiFarther)
		if u.watched() {
			t.Error("waits for ever")
		}
	})
}
