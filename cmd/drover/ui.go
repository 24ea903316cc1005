package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"drover/report"
	"drover/sim"
	"drover/sim/check"
)

// ui serves a page of the run under way: the report of what happened so far, rendered when somebody asks. When the run is over it
// serves the final report, until those who watch have it.
type ui struct {
	d       *drive
	url     string
	server  *http.Server
	done    chan struct{} // closed when the server has ended
	ready   chan struct{} // closed when there is something to show
	devices []report.DeviceRow
	stories sync.Mutex // held while a story is told: one at a time, for they take CPU from the run

	mu       sync.Mutex // guards what follows; held while a page is made
	begun    bool
	over     bool
	progress sim.Progress  // the last one; its Window is not valid
	page     []byte        // the last one that was made
	made     time.Time     // when
	took     time.Duration // to make it
	readers  map[string]time.Time
}

const (
	uiEvery   = time.Second
	uiShare   = 20              // a page is made again no sooner than this many times what the last one took
	uiFarther = 3 * time.Second // how long the final report waits for those who watched the run
	uiSample  = 20              // devices listed
)

// openUI listens at addr. Pages are served from then on and answered once the run has begun.
func openUI(d *drive, addr string) (*ui, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	u := &ui{d: d, url: "http://" + l.Addr().String() + "/", done: make(chan struct{}), ready: make(chan struct{}), readers: map[string]time.Time{}}
	if u.devices, err = d.deviceRows(uiSample); err != nil {
		l.Close()
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", u.servePage)
	mux.HandleFunc("GET /device/{number}", u.serveStory)
	u.server = &http.Server{Handler: ownHost(addr, mux), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	go func() {
		defer close(u.done)
		// Serve ends with ErrServerClosed after close; if it ended before, the run goes on and the page says that nobody answers.
		_ = u.server.Serve(l)
	}()
	return u, nil
}

// ownHost refuses requests by a name that is neither an address, nor localhost, nor the one that was given: a page of somebody else's
// could have that name point here, and read what is served.
func ownHost(addr string, next http.Handler) http.Handler {
	given, _, _ := net.SplitHostPort(addr)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if net.ParseIP(host) == nil && host != "localhost" && host != given {
			http.Error(w, "ask by address, by localhost or by the name given to --ui", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}

// add takes in how far the run is.
func (u *ui) add(p *sim.Progress) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.progress = *p
	u.begin()
}

func (u *ui) begin() {
	if !u.begun {
		u.begun = true
		close(u.ready)
	}
}

// ended says that the run is over and its Snapshot must not be asked for any more.
func (u *ui) ended() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.progress.Snapshot = nil
}

func (u *ui) servePage(w http.ResponseWriter, r *http.Request) {
	select {
	case <-u.ready:
	case <-r.Context().Done():
		return
	}
	page, err := u.render(r.URL.Query().Get("reader"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page) // who has gone does not want it
}

// render returns the page, made anew when the last one is old enough, for a reader who is remembered until the final one.
func (u *ui) render(reader string) ([]byte, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over {
		delete(u.readers, reader)
		return u.page, nil
	}
	now := time.Now()
	if reader != "" && len(u.readers) < 1000 {
		u.readers[reader] = now
	}
	snapshot := u.progress.Snapshot
	if snapshot == nil && u.page == nil {
		return nil, errors.New("the run is over and its report not yet written; ask again")
	}
	if snapshot == nil || u.page != nil && now.Sub(u.made) < max(uiEvery, uiShare*u.took) {
		return u.page, nil
	}
	res := snapshot()
	live := u.live(&u.progress)
	live.ElapsedNS = int64(res.Elapsed)
	var b bytes.Buffer
	if err := report.LiveHTML(&b, u.d.soFar(res), live); err != nil {
		return nil, err
	}
	u.page, u.made = b.Bytes(), time.Now()
	u.took = u.made.Sub(now)
	return u.page, nil
}

func (u *ui) live(p *sim.Progress) *report.LivePage {
	phases := u.d.model.Scenario.Load.Phases
	l := &report.LivePage{
		Phase: phases[p.Phase].Name, K: p.Phase + 1, N: len(phases), ElapsedNS: int64(p.Elapsed), TotalNS: int64(p.Total),
		Devices: u.devices, Of: u.d.model.Fleet.Devices(), Shard: u.d.flags.shard.Of > 1,
	}
	if u.d.model.Scenario.Load.Closed {
		l.NoStory = closedStory
	}
	return l
}

// final shows the report of the run that is over.
func (u *ui) final(doc *report.Run) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	live := u.live(&u.progress)
	live.Over, live.NoStory = true, "The run is over: drover ledger prints what became of a device's uploads, and drover replay sends them again."
	var b bytes.Buffer
	if err := report.LiveHTML(&b, doc, live); err != nil {
		return err
	}
	u.page, u.over = b.Bytes(), true
	u.begin()
	return nil
}

// watched reports whether somebody who watched the run a moment ago has not yet got its final report.
func (u *ui) watched() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, seen := range u.readers {
		if time.Since(seen) < uiFarther {
			return u.over
		}
	}
	return false
}

// close ends the server: with keep when ctx does, else when nobody is left who waits for the final report.
func (u *ui) close(ctx context.Context, keep bool, stderr io.Writer) {
	if keep {
		fmt.Fprintf(stderr, "the report stays at %s until Ctrl-C\n", u.url)
		<-ctx.Done()
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for u.watched() {
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		break
	}
	endServer(u.server, u.done)
}

// soFar is the document of a run under way. Checks that are held against what is known at its end alone are not checked yet.
func (d *drive) soFar(res *sim.Result) *report.Run {
	checks := d.model.Scenario.Checks
	outcomes := check.Evaluate(checks, facts(d.model, res, nil))
	for i := range outcomes {
		o, c := &outcomes[i], &checks[i]
		switch {
		case c.Metric == nil && c.Verdicts == nil && c.Generator == nil:
			o.Result, o.Got, o.Evidence = check.NotChecked, "", "known when the run is over"
		case o.Samples == 0:
			o.Result, o.Got, o.Evidence = check.NotChecked, "", "nothing to count yet"
		}
	}
	doc := d.document(res, outcomes, nil)
	doc.Exit = report.Exit{}
	doc.Warnings = nil // of a run that is over
	for _, e := range res.FirstErrors {
		doc.Warnings = append(doc.Warnings, fmt.Sprintf("%s, for example: %s", e.Class, e.Text))
	}
	return doc
}
