package ledger

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/event"
	"drover/sim/measure"
)

// sample makes upload i of a run: 25 events each, as a device would send them.
func sample(r *rand.Rand, i int) Upload {
	at := time.Duration(i)*500*time.Microsecond + time.Duration(r.IntN(400_000))
	u := Upload{
		Op: measure.Upload, Phase: i % 3, Device: r.IntN(100_000), FirstSeq: uint32(r.IntN(3000)), Events: 25,
		Attempts: 1, Intended: at, First: at + time.Duration(r.IntN(900_000)),
	}
	u.Sent = u.First
	switch r.IntN(20) {
	case 0:
		u.Attempts, u.Outcome, u.Class, u.Unsure = 3, measure.Failed, measure.Timeout, true
		u.Sent += 3 * time.Second
	case 1:
		u.Outcome, u.Class = measure.Refused, measure.Status400
	case 2:
		u.Outcome, u.Class, u.Attempts, u.First, u.Sent = measure.Dropped, measure.Overflow, 0, 0, 0
		u.Done = at + time.Duration(r.IntN(1000))
		return u
	case 3, 4:
		u.Notes = []Note{{u.FirstSeq + 24, Said(event.Phishing)}, {u.FirstSeq, Unjudged}, {u.FirstSeq + 3, NotTaken}, {u.FirstSeq + 4, Unheard}}
	}
	u.Done = u.Sent + time.Duration(200_000+r.IntN(2_000_000))
	return u
}

func create(t testing.TB, dir string, worker int) *Writer {
	t.Helper()
	w, err := Create(dir, Header{Run: "run", Digest: "d", Worker: worker, Partitions: []int{worker}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func readAll(t *testing.T, dir string) (*Ledger, []Upload) {
	t.Helper()
	var got []Upload
	l, err := Read(dir, func(u *Upload) error {
		c := *u
		c.Notes = slices.Clone(u.Notes)
		got = append(got, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, got
}

// What is written is read, over many blocks and files, and costs less than 3 bytes an event.
func TestRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	r := rand.New(rand.NewPCG(1, 2))
	const n = 20_000
	var want []Upload
	for worker := range 12 {
		w := create(t, dir, worker)
		for i := range n {
			u := sample(r, i)
			want = append(want, u)
			w.Add(&u)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l, got := readAll(t, dir)
	if !l.Whole() || len(l.Files) != 12 || l.Files[10].Worker != 10 || l.Uploads != int64(len(want)) || l.Events != int64(len(want))*25 {
		t.Errorf("ledger %+v", l)
	}
	for i := range want {
		if len(want[i].Notes) == 0 {
			want[i].Notes = nil
		}
		if len(got[i].Notes) == 0 {
			got[i].Notes = nil
		}
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("upload %d = %+v, want %+v", i, got[i], want[i])
		}
	}
	var size int64
	for _, f := range l.Files {
		info, err := os.Stat(filepath.Join(dir, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	per := float64(size) / float64(l.Events)
	t.Logf("%.2f bytes an event, %.1f an upload", per, per*25)
	if per > 3 {
		t.Errorf("%.2f bytes an event, want 3 at most", per)
	}
}

// Wherever a file breaks off, what is before is read, and it is not called whole.
func TestCutShort(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	w := create(t, dir, 0)
	const n = 10_000
	for i := range n {
		u := sample(r, i)
		w.Add(&u)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "worker-0.ledger")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, all := readAll(t, dir)
	last := -1
	for cut := len(whole) - 1; cut > 200; cut -= 1 + r.IntN(5000) {
		if err := os.WriteFile(path, whole[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		l, got := readAll(t, dir)
		if l.Whole() {
			t.Fatalf("cut at %d of %d: called whole", cut, len(whole))
		}
		if len(got) > n || last >= 0 && len(got) > last || !reflect.DeepEqual(got, all[:len(got)]) && len(got) > 0 {
			t.Fatalf("cut at %d: %d uploads, and not the first ones", cut, len(got))
		}
		last = len(got)
	}
	// A bit that flipped in the middle takes that block and what follows.
	bad := slices.Clone(whole)
	bad[len(bad)/2] ^= 4
	if err := os.WriteFile(path, bad, 0o644); err != nil {
		t.Fatal(err)
	}
	if l, got := readAll(t, dir); l.Whole() || len(got) == 0 || len(got) >= n || l.Files[0].Lost == 0 {
		t.Errorf("a flipped bit: %d uploads, %+v", len(got), l)
	}
	for text, want := range map[string]string{"": "not a ledger", "DRVLEDG1": "not a ledger", "hello, ledger": "not a ledger"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir, func(*Upload) error { return nil }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := Read(t.TempDir(), nil); !errors.Is(err, ErrNone) {
		t.Errorf("an empty folder: %v", err)
	}
}

// What was added reaches the disk within about a second, without Close: a crash takes no more than that.
func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		w := create(t, dir, 0)
		u := sample(rand.New(rand.NewPCG(1, 2)), 5)
		w.Add(&u)
		time.Sleep(flushAfter)
		synctest.Wait()
		if _, got := readAll(t, dir); len(got) != 1 {
			t.Errorf("%d uploads are on the disk, want the one", len(got))
		}
		if _, err := Create(dir, Header{Worker: 0}); err == nil {
			t.Error("a ledger was written over another")
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// Many add at once, and nothing is lost.
func TestConcurrentAdds(t *testing.T) {
	dir := t.TempDir()
	w := create(t, dir, 0)
	var g sync.WaitGroup
	for s := range 8 {
		g.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(s)))
			for i := range 5000 {
				u := sample(r, i)
				u.Device = s
				w.Add(&u)
			}
		})
	}
	g.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, got := readAll(t, dir)
	count := map[int]int{}
	for _, u := range got {
		count[u.Device]++
	}
	if len(got) != 40_000 || len(count) != 8 || count[3] != 5000 || !l.Whole() {
		t.Errorf("%d uploads of %d senders", len(got), len(count))
	}
}

// A disk that fails is told by Close, and nobody waits for it.
func TestDiskFails(t *testing.T) {
	w := create(t, t.TempDir(), 0)
	w.file.Close()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		u := sample(r, i)
		w.Add(&u)
	}
	if err := w.Close(); err == nil {
		t.Error("Close says that all is well")
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	w := create(t, t.TempDir(), 0)
	defer w.Close()
	u := sample(rand.New(rand.NewPCG(1, 2)), 5)
	if n := testing.AllocsPerRun(10_000, func() { w.Add(&u) }); n > 0.01 {
		t.Errorf("%v allocations an upload", n)
	}
}

// What an upload of 25 events costs: the worker's time, with the waiting for a disk that is slower than it, and bytes on disk.
func BenchmarkAdd(b *testing.B) {
	w := create(b, b.TempDir(), 0)
	r := rand.New(rand.NewPCG(1, 2))
	var us [1024]Upload
	for i := range us {
		us[i] = sample(r, i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.Add(&us[i&1023])
		i++
	}
	b.StopTimer()
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(w.file.Name())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/float64(i)/25, "bytes/event")
}

// No file makes the reader panic, allocate without bound or hand out an upload that cannot be.
func FuzzRead(f *testing.F) {
	dir := f.TempDir()
	w := create(f, dir, 0)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 30 {
		u := sample(r, i)
		w.Add(&u)
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "worker-0.ledger"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, false)
	f.Add(whole[len(magic)+headLen:], true)
	f.Fuzz(func(t *testing.T, b []byte, block bool) {
		if block { // a payload of uploads, behind a checksum that holds
			head := append([]byte(magic), make([]byte, headLen)...)
			head = append(head, "{}"...)
			seal(head[len(magic):], 'H')
			body := append(make([]byte, headLen), b...)
			seal(body, 'U')
			b = append(head, body...)
		}
		l := new(Ledger)
		_, _ = l.blocks(bytes.NewReader(b), new(File), func(u *Upload) error {
			if u.Outcome >= measure.NumOutcomes || u.Class >= measure.NumClasses || u.Op >= measure.NumOps || u.Device < 0 || u.Events < 0 {
				t.Fatalf("%+v", u)
			}
			_, _, _ = u.Outcome.String(), u.Class.String(), u.Op.String()
			for _, n := range u.Notes {
				_ = n.Said.String()
			}
			var again cursor
			again.left = appendUpload(nil, u, 0)
			var v Upload
			if err := again.upload(&v, 0); err != nil {
				t.Fatalf("%+v written and read: %v", u, err)
			}
			return nil
		})
	})
}
