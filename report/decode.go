package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDocument bounds what Decode reads: far more than the largest run.json, of a run of any length.
const maxDocument = 64 << 20

// Decode reads a run.json. A document of another major version is an error that says so; fields that a later minor
// version added are skipped.
func Decode(r io.Reader) (*Run, error) {
	src, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("read run document: %w", err)
	}
	if len(src) > maxDocument {
		return nil, fmt.Errorf("run document is larger than %d MiB", maxDocument>>20)
	}
	var head struct {
		Schema *string `json:"schema"`
	}
	if err := json.Unmarshal(src, &head); err != nil {
		return nil, fmt.Errorf("run document: %w; is it a run.json?", err)
	}
	switch {
	case head.Schema == nil:
		return nil, errors.New("run document has no schema; is it a run.json?")
	case *head.Schema == Schema:
	case strings.HasPrefix(*head.Schema, "drover.run/"):
		return nil, fmt.Errorf("run document has schema %q, this drover reads %q; use the drover that wrote it", *head.Schema, Schema)
	default:
		return nil, fmt.Errorf("run document has schema %q; want %q", *head.Schema, Schema)
	}
	var run Run
	if err := json.Unmarshal(src, &run); err != nil {
		return nil, fmt.Errorf("run document: %w", err)
	}
	return &run, nil
}

// JSON writes the document, indented, in a fixed order of fields.
func JSON(w io.Writer, r *Run) error {
	out := *r
	out.Schema = Schema
	out.fill()
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(&out)
}

// fill makes missing lists empty: readers in other languages would trip over null. Only lists of out itself are replaced.
func (r *Run) fill() {
	list(&r.Checks)
	list(&r.Warnings)
	list(&r.Scenario.Params)
	list(&r.Phases)
	list(&r.Operations)
	list(&r.Cohorts)
	list(&r.Tenants)
	list(&r.Classes)
	list(&r.Timeline)
	list(&r.Latency.Response.Curve)
	list(&r.Latency.Service.Curve)
	list(&r.Latency.SendLag.Curve)
	list(&r.Changes)
	list(&r.Kinds)
	list(&r.Versions)
	list(&r.Files)
}

func list[T any](s *[]T) {
	if *s == nil {
		*s = []T{}
	}
}
