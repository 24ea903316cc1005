package scenario

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"drover/sim/defect"
)

// LoadDefects reads a file that says what a backend does wrong: the fields of target.defects, as a document of its own.
// Mistakes in the file come back as Errors; another error says that it could not be read.
func LoadDefects(path string) (*defect.Set, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read defects: %w", err)
	}
	return parseDefects(path, src)
}

func parseDefects(file string, src []byte) (*defect.Set, error) {
	if len(bytes.TrimSpace(src)) == 0 {
		r := newReport(file)
		r.add(1, 1, "write e.g. lose: {count: 10}", "the file is empty")
		return nil, r.err()
	}
	d, root := begin(file, src, "")
	if root == nil {
		return nil, d.err()
	}
	raw := new(rawDefects)
	d.document(root, raw, "defects")
	set := raw.set(1)
	if !set.Any() && d.err() == nil {
		d.errorf(root, "write e.g. lose: {count: 10}", "the file names no defect")
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return set, nil
}

// defects builds target.defects; nil when there are none.
func (b *builder) defects(t *rawTarget, seed uint64) *defect.Set {
	if t.Defects == nil {
		return nil
	}
	set := t.Defects.set(seed)
	if !set.Any() {
		return nil // shares of 0 %, as params have them
	}
	if t.URL != embedded && b.good(&t.URL, &t.Defects) {
		b.errorf(b.key(&t.Defects), "remove it, or start that backend with drover serve --defects FILE", "target.defects: only the embedded backend can be told to misbehave")
	}
	return set
}

func (r *rawDefects) set(seed uint64) *defect.Set {
	s := &defect.Set{Seed: seed}
	if r.Seed != nil {
		s.Seed = uint64(*r.Seed)
	}
	put := func(k defect.Kind, d *rawDefect, lasts duration, status int) {
		s.Rules[k] = defect.Rule{Share: float64(d.Share), For: time.Duration(lasts), Status: status}
		if d.Count != nil {
			s.Rules[k].Count = int64(*d.Count)
		}
	}
	for k, d := range map[defect.Kind]*rawDefect{
		defect.Lose: r.Lose, defect.SwapTenant: r.SwapTenant, defect.Change: r.Change, defect.Truncate: r.Truncate, defect.Leak: r.Leak,
		defect.StoreTwice: r.StoreTwice, defect.Again: r.IgnoreIdempotency, defect.WrongVerdict: r.WrongVerdict,
		defect.Reset: r.Reset, defect.DropAnswer: r.DropAnswer, defect.Lie: r.Lie, defect.KeepWithdrawn: r.KeepWithdrawn,
		defect.AnswerForeign: r.AnswerForeign,
	} {
		if d != nil {
			put(k, d, 0, 0)
		}
	}
	for k, d := range map[defect.Kind]*rawLasts{
		defect.Delay: r.Delay, defect.CleanWhenSlow: r.CleanWhenSlow, defect.Stall: r.Stall, defect.SlowBody: r.SlowBody,
	} {
		if d != nil {
			put(k, &d.rawDefect, d.For, 0)
		}
	}
	if d := r.Throttle; d != nil {
		put(defect.Throttle, &d.rawDefect, d.RetryAfter, 0)
	}
	if d := r.Fail; d != nil {
		put(defect.Fail, &d.rawDefect, 0, d.Status)
	}
	if c := r.Capacity; c != nil {
		s.Capacity, s.RetryAfter = float64(c.Rate), time.Duration(c.RetryAfter)
	}
	return s
}
