package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"drover/report"
	"drover/sim/ledger"
	"drover/sim/measure"
)

// vegetaFile is what run --vegeta writes beside the report.
const vegetaFile = "results.vegeta"

// hit is what of an upload goes into a result of vegeta: small, because all of a run are sorted.
type hit struct {
	intended, took time.Duration
	class          measure.Class
}

// writeVegeta writes the uploads of a run's measured phases as vegeta's own results, in the order of their intended starts:
// what "vegeta report" and "vegeta plot" read. The timestamp is the intended start and the latency the response time, so that their
// percentiles are the report's. It leaves out, and counts, what has no response time: uploads that were never sent, and those
// that the end of the run cut short. dir holds the run's ledger.
//
// A ledger has classes and no statuses: the code is the first of its class, and 0 where nothing answered or where a success is
// none to drover (a redirect, a body that says no), since vegeta calls 200 to 399 a success. It has no sizes: bytes are 0.
func writeVegeta(w io.Writer, run *report.Run, dir string) (left int64, err error) {
	var hits []hit
	l, err := ledger.Read(filepath.Join(dir, ledgerDir), func(u *ledger.Upload) error {
		switch {
		case u.Phase >= len(run.Phases):
			return fmt.Errorf("the ledger has phase %d, run.json %d phases: they are of different runs", u.Phase, len(run.Phases))
		case !run.Phases[u.Phase].Measure:
		case u.Outcome == measure.Dropped || u.Class == measure.Cancelled:
			left++
		default:
			hits = append(hits, hit{u.Intended, u.Done - u.Intended, u.Class})
		}
		return nil
	})
	if err != nil {
		return 0, noLedger(err)
	}
	if l.Files[0].Run != run.ID {
		return 0, fail(exitUsage, fmt.Errorf("the ledger in %s is of run %q, run.json of %q", dir, l.Files[0].Run, run.ID))
	}
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Compare(a.intended, b.intended) })
	out := bufio.NewWriter(w)
	enc := vegeta.NewEncoder(out)
	r := vegeta.Result{Attack: run.Scenario.Name, URL: run.Target.URL}
	for i, h := range hits {
		r.Seq, r.Timestamp, r.Latency = uint64(i), run.Started.Add(h.intended), h.took
		r.Code, r.Error = vegetaCode(h.class), ""
		if h.class != measure.OK {
			r.Error = h.class.String()
		}
		if err := enc.Encode(&r); err != nil {
			return left, err
		}
	}
	return left, out.Flush()
}

// vegetaCode is a status that stands for a class.
func vegetaCode(c measure.Class) uint16 {
	switch c {
	case measure.OK:
		return 200
	case measure.Status400:
		return 400
	case measure.Status401:
		return 401
	case measure.Status413:
		return 413
	case measure.Status429:
		return 429
	case measure.Status5xx:
		return 500
	}
	return 0
}

// saveVegeta writes them into a file, which is there whole or not at all.
func saveVegeta(path string, run *report.Run, dir string) (left int64, err error) {
	err = report.WriteWhole(path, func(w io.Writer) (err error) {
		left, err = writeVegeta(w, run, dir)
		return err
	})
	return left, err
}

// untimed says what vegeta's results have not.
func untimed(n int64) string {
	return fmt.Sprintf("%s not in vegeta's results: never sent, or cut short by the end of the run, and so without a response time",
		plural(n, "upload is", "uploads are"))
}

// vegeta writes the results of a run that asked for them; what is worth knowing of them is a warning in its document.
func (d *drive) vegeta(doc *report.Run, dir string) error {
	if !d.flags.vegeta {
		return nil
	}
	left, err := saveVegeta(filepath.Join(dir, vegetaFile), doc, dir)
	if err != nil {
		err = fmt.Errorf("write %s: %w", vegetaFile, err)
		doc.Warnings = append(doc.Warnings, err.Error())
		return err
	}
	if left > 0 {
		doc.Warnings = append(doc.Warnings, untimed(left))
	}
	doc.Files = append(doc.Files, report.File{Name: vegetaFile, What: "response times for vegeta report and vegeta plot"})
	return nil
}
