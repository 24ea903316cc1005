package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"

	"drover/report"
)

// printJSON writes v as a document that people can read too. Only where a document per line is wanted do commands encode by
// themselves.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// text is how w's terminal likes a summary of what lies in dir.
func (e env) text(w io.Writer, dir string) report.TextOptions {
	opt := report.TextOptions{Color: e.color(w), Width: e.width(w), Dir: dir}
	if e.height != nil {
		opt.Height = e.height(w)
	}
	return opt
}

// writeOut lets print write to w as w's terminal likes it or, if a file is named, into that: whole or, after an error, not at all.
func (e env) writeOut(w io.Writer, file string, print func(io.Writer, report.TextOptions) error) error {
	if file == "" {
		return print(w, e.text(w, ""))
	}
	var b bytes.Buffer
	if err := print(&b, report.TextOptions{}); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}
