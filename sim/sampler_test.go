package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/check"
	"drover/sim/measure"
	"drover/sim/target"
)

// glances is a backend that shows an event some time after it was asked for first, which a run does at the moment of its acknowledgement.
type glances struct {
	after, takes time.Duration // takes: each request; what it shows is what there is at its end
	fail         error         // of the third request for an event
	absent       error         // while it is not there; nil: an answer without it

	mu    sync.Mutex
	first map[string]time.Time
	asked map[string]int
	paths []string
}

// event returns the id that a path asks for, and whether it is visible.
func (g *glances) event(path string) (id string, visible bool, err error) {
	_, id, _ = strings.Cut(path, "id=")
	g.mu.Lock()
	if g.first == nil {
		g.first, g.asked = map[string]time.Time{}, map[string]int{}
	}
	if g.asked[id]++; g.asked[id] == 1 {
		g.first[id] = time.Now()
	}
	g.paths = append(g.paths, path)
	first, n := g.first[id], g.asked[id]
	g.mu.Unlock()
	time.Sleep(g.takes)
	if g.fail != nil && n == 3 {
		return id, false, g.fail
	}
	return id, time.Since(first) >= g.after, nil
}

func (g *glances) Get(_ context.Context, path string, _ int) ([]byte, error) {
	id, visible, err := g.event(path)
	if err != nil || !visible {
		return []byte("{}\n"), err
	}
	return fmt.Appendf(nil, `{"id":%q}`+"\n{}\n", id), nil
}

func (g *glances) Open(_ context.Context, path string, _ []byte, _ int) (io.ReadCloser, error) {
	id, visible, err := g.event(path)
	if err == nil && !visible {
		err = g.absent
	}
	if err != nil {
		return nil, err
	}
	list := `{"meta": {"id": "4a000000-0000-0000-0000-000000000002"}}` // another event's
	if visible {
		list += `, {"meta": {"id": "` + strings.ToUpper(id) + `"}}`
	}
	return io.NopCloser(strings.NewReader(`{"data": {"list": [` + list + `]}}`)), nil
}

// sampled drives 200 uploads in two seconds, of which ten a second are looked for, and for how long that takes.
func sampled(t *testing.T, ctx context.Context, how target.Readback, src Source) (*check.Sampled, time.Duration) {
	t.Helper()
	m := model(t, parse(t, rateLoad("even", "100/s", "2s")))
	start := time.Now()
	sampler := NewSampler(ctx, Sampling{Source: src, How: how, Run: "a b"})
	_, err := Run(ctx, Config{Model: m, Workers: 1, Target: &fake{serve: func(int, *target.Request) (measure.Class, time.Duration) { return measure.OK, time.Millisecond }},
		Adapter: drover, Sampler: sampler})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 2500*time.Millisecond {
		t.Errorf("the run took %v: it waited for samples", took)
	}
	return sampler.Result(), time.Since(start)
}

// The bounds of what is sampled are exact: looks at 0, 2, 5, 9.5 ms and so on after the acknowledgement, each half as much later again, and
// as much later as the answers take.
func TestSampling(t *testing.T) {
	const ms = time.Millisecond
	audit := target.Readback{Adapter: "drover-audit", Sample: 10, Settle: 5 * time.Second}
	mapped := target.Readback{Adapter: "http", Sample: 10, Settle: 5 * time.Second, One: "/one?run={run}&id={id}", Items: "data.list", ID: "meta.id"}

	missing := status(t, http.StatusNotFound)
	for _, tt := range []struct {
		name        string
		how         target.Readback
		src         *glances
		least, most time.Duration
	}{
		{"at once", audit, &glances{}, 0, 0},
		{"at once, slow answers", audit, &glances{takes: 3 * ms}, 0, 3 * ms},
		{"after 10ms", audit, &glances{after: 10 * ms}, 9500 * time.Microsecond, 16250 * time.Microsecond},
		{"after 10ms, slow answers", audit, &glances{after: 10 * ms, takes: ms}, 7 * ms, 13500 * time.Microsecond}, // looks at 0, 3, 7 and 12.5 ms
		{"mapped", mapped, &glances{after: 10 * ms}, 9500 * time.Microsecond, 16250 * time.Microsecond},
		{"mapped, not there", mapped, &glances{after: 10 * ms, absent: missing}, 9500 * time.Microsecond, 16250 * time.Microsecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			src := tt.src
			s, _ := sampled(t, t.Context(), tt.how, src)
			if s.AtLeast.Count() != 20 || s.AtMost.Count() != 20 || s.Unseen+s.Failed+s.Skipped+s.Cut != 0 {
				t.Errorf("%s: %d samples, %+v; want 20", tt.name, s.AtMost.Count(), s)
			}
			near := func(got, want time.Duration) bool { return got >= want-want/500 && got <= want+want/500 } // three figures
			for _, q := range []float64{0.01, 0.5, 1} {
				if l, m := s.AtLeast.Quantile(q), s.AtMost.Quantile(q); !near(l, tt.least) || !near(m, tt.most) {
					t.Errorf("%s: quantile %v is %v to %v, want %v to %v", tt.name, q, l, m, tt.least, tt.most)
				}
			}
			for _, p := range src.paths {
				if !strings.Contains(p, "run=a+b&id=") || len(p) != strings.Index(p, "&id=")+len("&id=")+36 {
					t.Fatalf("%s: asked for %s", tt.name, p)
				}
			}
		})
	}
	// What is not seen is counted, and the run waits for it no longer than it was told to; what cannot be asked is told.
	synctest.Test(t, func(t *testing.T) {
		s, took := sampled(t, t.Context(), audit, &glances{after: time.Hour})
		if s.Unseen != maxSampled || s.Skipped != 20-maxSampled || s.AtMost.Count() != 0 || s.Patience != 5*time.Second || took < 6*time.Second || took > 9*time.Second {
			t.Errorf("never visible: %+v after %v", s, took)
		}
		s, _ = sampled(t, t.Context(), audit, &glances{after: time.Hour, fail: errors.New("gone away")})
		if s.Failed != 20 || s.Why != "gone away" || s.AtMost.Count() != 0 {
			t.Errorf("no answers: %+v", s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s, took = sampled(t, ctx, audit, &glances{after: time.Hour})
		if s.Cut < 9 || s.Unseen != 0 || took > 2*time.Second {
			t.Errorf("interrupted: %+v after %v", s, took)
		}
		quiet := audit
		quiet.Sample = 0
		src := new(glances)
		if s, _ = sampled(t, t.Context(), quiet, src); s != nil || len(src.paths) != 0 {
			t.Errorf("nobody asked for samples: %+v, %d looks", s, len(src.paths))
		}
	})
}
