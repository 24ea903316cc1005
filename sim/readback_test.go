package sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/ledger"
	"drover/sim/measure"
	"drover/sim/target"
)

// shelf is a backend that shows documents from a time on, by the audit of drover's own backend and by a foreign one.
type shelf struct {
	docs  []string
	from  []time.Time
	asked int
	takes time.Duration // each request
	fail  error         // of the tenth request
}

func (s *shelf) Get(_ context.Context, path string, tenant int) ([]byte, error) {
	if s.asked++; s.asked == 10 && s.fail != nil {
		return nil, s.fail
	}
	time.Sleep(s.takes)
	var now []string
	for i, d := range s.docs {
		if !time.Now().Before(s.from[i]) {
			now = append(now, d)
		}
	}
	if strings.HasPrefix(path, "/v1/audit/counts") {
		return fmt.Appendf(nil, `{"total":{"events":%d,"kinds":{}}}`, len(now)), nil
	}
	at := 0
	for _, name := range []string{"after=", "offset="} {
		if _, rest, ok := strings.Cut(path, name); ok {
			rest, _, _ = strings.Cut(rest, "&")
			at, _ = strconv.Atoi(rest)
		}
	}
	end := min(at+7, len(now))
	page := now[at:end]
	if strings.HasPrefix(path, "/v1/audit/events") {
		return fmt.Appendf(nil, "%s{\"next\":\"%d\",\"more\":%t}\n", strings.Join(append(page, ""), "\n"), end, end < len(now)), nil
	}
	var items []string
	for _, d := range page {
		_, ev, _ := strings.Cut(d, `"events":[`)
		ev = strings.TrimSuffix(ev, "]}")
		_, rest, _ := strings.Cut(d, `"tenant_id":"`)
		_, id, _ := strings.Cut(ev, `"id":"`)
		whole := d
		if strings.HasPrefix(path, "/alone") {
			whole = ev
		}
		sum := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(ev)))
		_, phone, _ := strings.Cut(d, `"account":{"device_id":"`) // devices have two names
		if phone = phone[:36]; len(items)%2 == 0 {
			_, phone, _ = strings.Cut(d, `"device":{"id":{`)
			phone, _, _ = strings.Cut(phone, `"}`)
			phone = strings.ToUpper(phone[strings.LastIndexByte(phone, '"')+1:])
		}
		items = append(items, fmt.Sprintf(`{"meta": {"id": %q, "org": %q, "phone": %q, "sum": %q}, "doc": %s, "sort": ["%d"]}`,
			strings.ToUpper(id[:36]), rest[:36], phone, sum, whole, at+len(items)+1))
	}
	if strings.HasPrefix(path, "/lines") {
		return []byte(strings.Join(items, "\n")), nil
	}
	next := "null"
	if end < len(now) {
		next = strconv.Quote(strconv.Itoa(end))
	}
	return fmt.Appendf(nil, `{"data": {"list": [%s]}, "next": %s}`, strings.Join(items, ","), next), nil
}

func (s *shelf) Open(ctx context.Context, path string, body []byte, tenant int) (io.ReadCloser, error) {
	if _, rest, ok := strings.Cut(string(body), `"after": `); ok { // as a search goes on
		path += "after=" + strings.Trim(rest, `"[]}`)
	}
	b, err := s.Get(ctx, path, tenant)
	return io.NopCloser(bytes.NewReader(b)), err
}

// run makes a run whose every event a backend took, and the shelf of what it holds.
func shelved(t *testing.T, how string, with ...string) (*Settlement, *shelf) {
	t.Helper()
	m := model(t, parse(t, rateLoad("even", "40/s", "2s"), append(with, "    url: embedded\n", "    url: embedded\n    readback: "+how+"\n")...))
	dir := filepath.Join(t.TempDir(), "ledger")
	keep(t, t.Context(), m, &fake{serve: func(int, *target.Request) (measure.Class, time.Duration) { return measure.OK, time.Millisecond }}, 2, dir)
	x, err := ledger.ReadIndex(dir, m.Fleet.Partition)
	if err != nil {
		t.Fatal(err)
	}
	s := new(shelf)
	r := NewRetracer(m, native)
	if err := r.Walk(x, func(a *Arrival, _ *ledger.Fate) error {
		return r.Documents(&a.Upload, func(_ *event.Event, doc []byte) error {
			s.docs, s.from = append(s.docs, string(doc)), append(s.from, time.Time{})
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	return &Settlement{Model: m, Format: native, Adapter: drover, Index: x, Temp: t.TempDir()}, s
}

// read reads the shelf back, and settles.
func (s *shelf) settle(t *testing.T, c *Settlement, start time.Time) (*check.Settlement, string) {
	t.Helper()
	return settleFrom(t, c, ReadBack{Source: s, Wanted: int64(len(s.docs)), Since: func() time.Duration { return time.Since(start) }})
}

// settleFrom reads back what a source shows, and settles.
func settleFrom(t *testing.T, c *Settlement, rb ReadBack) (*check.Settlement, string) {
	t.Helper()
	var out bytes.Buffer
	rb.How, rb.Run, rb.Out = c.Model.Scenario.Target.Readback, "r", &out
	if err := rb.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	c.Readback = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	got, err := c.Settle()
	if err != nil {
		t.Fatal(err)
	}
	return got, text
}

var adapters = map[string]string{
	"audit":      "{adapter: drover-audit, settle: 30s}",
	"whole":      "{adapter: http, settle: 30s, request: '/whole?run={run}&after={cursor}', items: data.list, next: next, id: meta.id, tenant: meta.org, event: doc}",
	"alone":      "{adapter: http, settle: 30s, request: '/alone?after={cursor}', items: data.list, next: next, id: meta.id, tenant: meta.org, event: doc}",
	"lines":      "{adapter: http, settle: 30s, request: '/lines?offset={offset}&n={limit}', limit: 7, id: meta.id, tenant: meta.org, event: doc}",
	"search":     `{adapter: http, settle: 30s, request: /whole, body: '{"size": {limit}, "after": {cursor}}', start: '[""]', after: sort, items: data.list, id: meta.id, tenant: meta.org, event: doc}`,
	"hashes":     "{adapter: http, settle: 30s, request: '/whole?after={cursor}', items: data.list, next: next, id: meta.id, tenant: meta.org, device: meta.phone, hash: meta.sum}",
	"ids alone":  "{adapter: http, settle: 30s, request: '/whole?after={cursor}', items: data.list, next: next, id: meta.id}",
	"no waiting": "{adapter: drover-audit, settle: 0s}",
}

// Whichever way a backend is read, what it holds is settled: one of each fate, and the rest once.
func TestReadBack(t *testing.T) {
	for name, how := range adapters {
		synctest.Test(t, func(t *testing.T) {
			c, s := shelved(t, how)
			n := int64(len(s.docs))
			got, _ := s.settle(t, c, time.Now())
			blind := name == "ids alone"
			if got.Once != n || got.Shown != n || got.Blind != "" || got.Lost+got.Duplicated+got.Altered+got.WrongTenant+got.Unexpected+got.Late != 0 || got.Contents == blind || got.Tenants == blind {
				t.Errorf("%s: honest, %d events: %+v", name, n, got)
			}
			other, moved := s.docs[8], s.docs[11]
			s.docs[3] = s.docs[5] // one is lost, another one is there twice
			s.docs[8] = strings.Replace(other, `"kind":"`, `"kind":"x`, 1)
			_, tenant, _ := strings.Cut(moved, `"tenant_id":"`)
			s.docs[11] = strings.Replace(moved, tenant[:8], "00000000", 1)
			got, _ = s.settle(t, c, time.Now())
			var field string
			for _, f := range got.AlteredFields {
				field += f.Field
			}
			want := [5]int64{1, 1, 1, 1, n - 4}
			if blind {
				want, field = [5]int64{1, 1, 0, 0, n - 2}, "kind"
			}
			if name == "hashes" && field == "(hash)" {
				field = "kind"
			}
			if have := [5]int64{got.Lost, got.Duplicated, got.Altered, got.WrongTenant, got.Once}; have != want || field != "kind" || got.Unexpected != 0 {
				t.Errorf("%s: lost, duplicated, altered, in the wrong tenant, once: %v, want %v; altered fields %q", name, have, want, field)
			}
		})
	}
}

// An event that is stored as another device's is altered, and so is one whose hash is none.
func TestReadBackDeviceAndHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		how := "{adapter: http, settle: 0s, request: '/whole?after={cursor}', items: data.list, next: next, id: meta.id, device: meta.phone, hash: meta.sum, event: doc}"
		c, s := shelved(t, how)
		n := int64(len(s.docs))
		b := &bent{shelf: s}
		for _, tt := range []struct {
			bend func(page string) string
			want string // altered fields and in how many events
		}{
			{func(page string) string { return page }, ""},
			{func(page string) string { return strings.Replace(page, `"phone": "`, `"phone": "0`, 1) }, "(device) 1"},
			{func(page string) string { return strings.Replace(page, `"sum": "sha256:`, `"sum": "md5:`, 1) }, "(hash) 1"},
			{func(page string) string { return strings.ReplaceAll(page, `"sum": "sha256:`, `"sum": "SHA256-`) }, ""},
			{func(page string) string {
				return strings.Replace(strings.Replace(page, `"phone": "`, `"phone": "0`, 1), `"kind":"`, `"kind":"x`, 1)
			}, "kind 1"}, // which is told first, and is enough
		} {
			b.bend = tt.bend
			got, _ := settleFrom(t, c, ReadBack{Source: b, Wanted: n, Since: func() time.Duration { return 0 }})
			var fields []string
			for _, f := range got.AlteredFields {
				fields = append(fields, fmt.Sprintf("%s %d", f.Field, f.Events))
			}
			altered := int64(min(1, len(fields)))
			if have := strings.Join(fields, ", "); have != tt.want || got.Altered != altered || got.Once != n-altered || !got.Contents || got.Blind != "" {
				t.Errorf("altered fields %q, want %q; %+v", have, tt.want, got)
			}
		}
	})
}

// bent is a shelf whose first page is bent.
type bent struct {
	*shelf
	bend func(page string) string
}

func (b *bent) Open(ctx context.Context, path string, body []byte, tenant int) (io.ReadCloser, error) {
	got, err := b.Get(ctx, path, tenant)
	if strings.HasSuffix(path, "after=") {
		got = []byte(b.bend(string(got)))
	}
	return io.NopCloser(bytes.NewReader(got)), err
}

// What is shown late is waited for, and the wait is told; what is not shown in time is lost.
func TestLate(t *testing.T) {
	for name, how := range adapters {
		if name == "hashes" { // it differs from others in what it shows
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			c, s := shelved(t, how)
			start := time.Now()
			for i := range 20 {
				s.from[i*3] = start.Add(3 * time.Second)
			}
			got, _ := s.settle(t, c, start)
			if name == "no waiting" {
				if got.Late != 0 || got.Lost != 20 {
					t.Errorf("%s: %+v", name, got)
				}
				return
			}
			if got.Late != 20 || got.Lost != 0 || got.Once != int64(len(s.docs)) || got.Blind != "" {
				t.Errorf("%s: %d late, %d lost, %d once of %d; blind %q", name, got.Late, got.Lost, got.Once, len(s.docs), got.Blind)
			}
			for i := range 20 {
				s.from[i*3] = time.Now().Add(time.Hour)
			}
			before := time.Now()
			got, _ = s.settle(t, c, before)
			if waited := time.Since(before); got.Lost != 20 || got.Late != 0 || waited < 20*time.Second || waited > 40*time.Second {
				t.Errorf("%s: %d lost after %v", name, got.Lost, waited)
			}
		})
	}
}

// A look takes its time, and what it shows was visible when it was over at the latest.
func TestVisibleBetweenLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := shelved(t, adapters["lines"])
		start := time.Now().Add(-10 * time.Second) // all was acknowledged in the first two seconds or so
		s.takes = 10 * time.Millisecond
		late := len(s.docs) - 1
		s.from[late] = time.Now().Add(time.Second)
		got, _ := s.settle(t, c, start)
		pages := func(n int) time.Duration { return time.Duration(n/7+1) * s.takes }
		first, looks := got.Looks[0], len(got.Looks)
		if first.At != 10*time.Second || first.Until != first.At+pages(late) {
			t.Errorf("the first look: %+v, want %v for %d events", first, pages(late), late)
		}
		// The truth is known here: visible 11 s after the start.
		shows := got.Looks[looks-2] // the last one shows the same
		if before := got.Looks[looks-3]; got.Late != 1 || before.At > 11*time.Second || shows.Until < 11*time.Second || shows.Until != shows.At+pages(late+1) {
			t.Errorf("%d late, looks %+v", got.Late, got.Looks)
		}
		if v := got.Visible; v.AtMost.Count() != int64(len(s.docs)) || v.AtOnce != int64(late) || v.AtMost.Max() < 10*time.Second-2*time.Second {
			t.Errorf("%d visible of %d, %d at once, at most %v", v.AtMost.Count(), len(s.docs), v.AtOnce, v.AtMost.Max())
		}
	})
}

// A read-back that breaks off is of use as far as it goes, and never a pass; what is not one is refused.
func TestReadBackCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := shelved(t, adapters["audit"])
		_, text := s.settle(t, c, time.Now())
		c.Readback = func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(text[:len(text)*2/3])), nil
		}
		got, err := c.Settle()
		if err != nil || got.Blind != "the read-back was cut short" || got.Lost == 0 {
			t.Errorf("%+v, %v", got, err)
		}
		for bad, want := range map[string]string{
			"{}\n": "not a read-back",
			strings.Replace(text, "drover-audit", "http", 1): `not of adapter "drover-audit"`,
			text[:strings.Index(text, "#look")] + "{}\n":     "before its first look",
			strings.Replace(text, "#end", "#ende", 1):        "newer drover",
			strings.Replace(text, `#look {`, `#look x{`, 1):  "the read-back says",
			text + `#as {"tenant":"x"}` + "\n":               `"x" is no tenant`,
			strings.Replace(text, "/v1 ", "/v2 ", 1):         "not a read-back",
		} {
			c.Readback = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(bad)), nil }
			if _, err := c.Settle(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.60q: %v, want %q", bad, err, want)
			}
		}
		s.fail, s.asked = errors.New("the backend is gone"), 0
		var out bytes.Buffer
		rb := ReadBack{Source: s, How: c.Model.Scenario.Target.Readback, Wanted: 1, Since: func() time.Duration { return 0 }, Out: &out}
		if err := rb.Do(t.Context()); !errors.Is(err, s.fail) || out.Len() == 0 {
			t.Errorf("Do = %v after %d bytes", err, out.Len())
		}
	})
}

// answers is a source with one answer to everything, or none.
type answers struct {
	body string
	err  error // of the request
	cut  error // of the answer's end
}

func (a *answers) Get(context.Context, string, int) ([]byte, error) { return nil, a.err }

func (a *answers) Open(context.Context, string, []byte, int) (io.ReadCloser, error) {
	end := io.Reader(strings.NewReader(""))
	if a.cut != nil {
		end = iotest.ErrReader(a.cut)
	}
	return io.NopCloser(io.MultiReader(strings.NewReader(a.body), end)), a.err
}

// An error of reading back says once where: the source of an answer that does not come, or not whole, and the reader of one that is wrong.
func TestReadBackSaysOnceWhere(t *testing.T) {
	list := target.Readback{Adapter: "http", Request: "/all?run={run}", Limit: 10, Items: "hits", ID: "id"}
	rows := target.Readback{Adapter: "http", Request: "/rows", Limit: 10, ID: "id"}
	file := target.Readback{Adapter: "http", Base: "file:/var/got.ndjson", Limit: 10, ID: "id"}
	gone := errors.New("get http://127.0.0.1:9200/all?run=r: 404 Not Found")
	for _, tt := range []struct {
		how  target.Readback
		from answers
		want string
	}{
		{list, answers{err: gone}, gone.Error()},
		{list, answers{body: `{"hits":[`, cut: gone}, gone.Error()},
		{list, answers{body: `{"hits":7}`}, `/all?run=r: the answer has no list at "hits": "{\"hits\":7}"`},
		{rows, answers{err: gone}, gone.Error()},
		{rows, answers{body: `{"id":"1"}`, cut: gone}, gone.Error()},
		{rows, answers{body: `{"id":`}, "/rows: an item is no JSON: unexpected end of JSON input"},
		{rows, answers{body: strings.Repeat(" ", maxLine+1)}, "/rows: a line is longer than 67108864 bytes"},
		{file, answers{err: errors.New("open /var/got.ndjson: no such file")}, "open /var/got.ndjson: no such file"},
		{file, answers{body: "x"}, "/var/got.ndjson: an item is no JSON: invalid character 'x' looking for beginning of value"},
	} {
		r := ReadBack{Source: &tt.from, How: tt.how, Run: "r", Since: func() time.Duration { return 0 }, Out: io.Discard}
		if err := r.Do(t.Context()); err == nil || err.Error() != tt.want {
			t.Errorf("%.30q, %v: %v\nwant %s", tt.from.body, tt.from.err, err, tt.want)
		}
	}
}
