package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// files are what WriteDir writes, beside scenario.yaml.
var files = [...]struct {
	name, what string
	write      func(io.Writer, *Run) error
}{
	{"run.json", "everything the reports show, for programs", JSON},
	{"report.html", "the report for people; opens without a network", HTML},
	{"report.md", "the summary for a pull request", Markdown},
	{"junit.xml", "the checks for a CI server", JUnit},
}

// scenarioFile holds the scenario as it was resolved.
const scenarioFile = "scenario.yaml"

// Attachment is one more file of a report directory.
type Attachment struct {
	Name, What string
	Content    []byte
}

// WriteDir writes run.json, report.html, report.md, junit.xml and, unless resolved is nil, scenario.yaml into dir, which
// it creates, and then what else is given. Each file appears whole or not at all. It returns the paths it wrote, also beside an error. r.Files is set
// to what lies in the directory.
func WriteDir(dir string, r *Run, resolved []byte, more ...Attachment) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create report directory: %w", err)
	}
	for _, f := range files {
		r.list(f.name, f.what)
	}
	if resolved != nil {
		r.list(scenarioFile, "the scenario as resolved; run it again with it")
	}
	for _, a := range more {
		r.list(a.Name, a.What)
	}
	var written []string
	put := func(name string, content []byte) error {
		path := filepath.Join(dir, name)
		err := WriteWhole(path, func(w io.Writer) error {
			_, err := w.Write(content)
			return err
		})
		if err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		written = append(written, path)
		return nil
	}
	for _, f := range files {
		var b bytes.Buffer
		if err := f.write(&b, r); err != nil {
			return written, fmt.Errorf("make %s: %w", f.name, err)
		}
		if err := put(f.name, b.Bytes()); err != nil {
			return written, err
		}
	}
	if resolved != nil {
		if err := put(scenarioFile, resolved); err != nil {
			return written, err
		}
	}
	for _, a := range more {
		if err := put(a.Name, a.Content); err != nil {
			return written, err
		}
	}
	return written, nil
}

// list adds a file to r.Files unless it is there.
func (r *Run) list(name, what string) {
	for _, f := range r.Files {
		if f.Name == name {
			return
		}
	}
	r.Files = append(r.Files, File{Name: name, What: what})
}

// WriteWhole has write fill a file beside path and renames it, so that path holds all of it or what was there before, and a reader
// never sees half of it.
func WriteWhole(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
