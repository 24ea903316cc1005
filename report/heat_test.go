package report

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// Every response time is in one cell of the heat map, and in the right one.
func TestHeatHoldsEverySample(t *testing.T) {
	r := stalled(t)
	h := heatData(r)
	var want, got, slow int64
	for _, p := range r.Timeline {
		want += p.Response.Count
	}
	for i, n := range h.N {
		got += n
		if math.Pow(10, float64(h.Row[i])/heatRows) >= float64(500*ms) {
			slow += n
			if h.At[i]+h.Step <= 19 || h.At[i] >= 22 {
				t.Errorf("%d uploads of row %d at %v s; the backend froze at 20 s", n, h.Row[i], h.At[i])
			}
		}
	}
	if got != want || slow == 0 {
		t.Errorf("%d uploads in cells, of them %d slow; want %d and some", got, slow, want)
	}
}

// hour is a run of an hour at 2,000/s: every second has its own cells.
func hour(tb testing.TB) *Run {
	r := stalled(tb)
	r.DurationNS = int64(time.Hour)
	r.Timeline = nil
	for i := range 3600 {
		p := Point{FromNS: int64(i) * 1e9, WidthNS: 1e9, Due: 2000, Sent: 2000, Done: 2000, Accepted: 1990, Refused: 7, Failed: 3, Events: 20000,
			Classes: map[string]int64{"4xx": 7, "5xx": int64(1 + i%40), "timeout": 3, "reset": int64(1 + i%7)}, Kinds: map[string]int64{}}
		for k, kind := range r.Kinds {
			p.Kinds[kind.Kind] = int64(1 + (k*k*317+i)%4000)
		}
		for c := range 180 {
			ns := int64(float64(700+i%97) * 1000 * math.Pow(1.0315, float64(c)))
			p.Heat = append(p.Heat, Cell{ns, int64(1 + (c*7+i)%21)})
			p.Response.Count += p.Heat[c].N
		}
		p.Response.P50NS, p.Response.P90NS, p.Response.P99NS, p.Response.MaxNS = p.Heat[80].UpToNS, p.Heat[140].UpToNS, p.Heat[170].UpToNS, p.Heat[179].UpToNS
		p.Service, p.SendLag = p.Response, p.Response
		r.Timeline = append(r.Timeline, p)
	}
	return r
}

// saved is an hour's run.json.
func saved(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "run.json")
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(JSON(f, hour(tb)), f.Close())
	}
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// renderSaved is what "drover report --format html" does.
func renderSaved(tb testing.TB, path string, w io.Writer) {
	tb.Helper()
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	r, err := Decode(f)
	if err == nil {
		err = HTML(w, r)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// An hour's page stays below 1.5 MB, and reading its run.json and rendering it takes less than 300 MB in all, of which most is garbage by
// the end.
func TestHourIsSmall(t *testing.T) {
	path := saved(t)
	var before, after runtime.MemStats
	var b bytes.Buffer
	runtime.ReadMemStats(&before)
	renderSaved(t, path, &b)
	runtime.ReadMemStats(&after)
	if b.Len() > 1_500_000 {
		t.Errorf("the page has %d bytes", b.Len())
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 300<<20 {
		t.Errorf("it took %d MB to make", n>>20)
	}
}

// BenchmarkReportOfAnHour reads the run.json of one hour at 2,000/s from disk and renders its page.
func BenchmarkReportOfAnHour(b *testing.B) {
	path := saved(b)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		renderSaved(b, path, &out)
	}
	b.ReportMetric(float64(out.Len()), "page-bytes")
	b.ReportMetric(float64(info.Size()), "json-bytes")
}
