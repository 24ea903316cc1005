package classify

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"drover/sim/event"
)

// labels are the words that a label may be, in lower case. event.Benign with true is malicious of no known kind.
var labels = map[string]struct {
	malicious bool
	category  event.Category
}{
	"0": {}, "false": {}, "no": {}, "benign": {}, "good": {}, "safe": {}, "clean": {}, "legitimate": {}, "legit": {}, "harmless": {},
	"1": {malicious: true}, "true": {malicious: true}, "yes": {malicious: true}, "malicious": {malicious: true}, "bad": {malicious: true},
	"unsafe": {malicious: true}, "spam": {malicious: true}, "defacement": {malicious: true},
	"phishing": {true, event.Phishing}, "phish": {true, event.Phishing},
	"malware": {true, event.Malware}, "c2": {true, event.C2}, "scam": {true, event.Scam},
}

// LabelHelp says in words which labels ReadExamples takes.
const LabelHelp = "0, false, no, benign, good, safe, clean, legitimate, legit or harmless; 1, true, yes, malicious, bad, unsafe, spam, defacement, phishing, phish, malware, c2 or scam"

// maxMistakes is how many mistakes of one file ReadExamples tells of.
const maxMistakes = 20

// Mistakes are what is wrong with a file of examples, each with its place, in file order.
type Mistakes []error

func (m Mistakes) Error() string { return errors.Join(m...).Error() }

// ReadExamples reads labelled URLs from CSV (RFC 4180), perhaps compressed by gzip. The first line names the columns, in any order
// and case: url and label, and perhaps category, source, form and stratum, which Evaluate breaks its figures down by; others are left
// alone. A byte-order mark, CR LF, blank lines and spaces around a label are fine. The error tells all mistakes, at most 20, each
// with name, line and column, as Mistakes; there are no examples then.
func ReadExamples(name string, r io.Reader) ([]Example, error) {
	in := bufio.NewReader(r)
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, Mistakes{fmt.Errorf("%s: %w", name, err)}
		}
		in = bufio.NewReader(unzipped)
	}
	if mark, _ := in.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		in.Discard(3)
	}
	rows := csv.NewReader(in)
	rows.ReuseRecord = true
	rows.FieldsPerRecord = -1 // so that a short line is a mistake of ours, with its place
	head, err := rows.Read()
	if err == io.EOF {
		return nil, Mistakes{fmt.Errorf("%s:1:1: the file is empty; want a first line with the columns url and label", name)}
	}
	if err != nil {
		return nil, Mistakes{atLine(name, err)}
	}
	cols, err := columnsOf(head)
	if err != nil {
		return nil, Mistakes{fmt.Errorf("%s:1:1: %w", name, err)}
	}
	var set []Example
	var mistakes Mistakes
	for len(mistakes) < maxMistakes {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			mistakes = append(mistakes, atLine(name, err))
			if _, ok := errors.AsType[*csv.ParseError](err); !ok {
				break // nothing more can be read
			}
			continue
		}
		e, field, err := cols.example(row, len(head))
		if err != nil {
			line, col := rows.FieldPos(min(field, len(row)-1))
			mistakes = append(mistakes, fmt.Errorf("%s:%d:%d: %w", name, line, col, err))
			continue
		}
		set = append(set, e)
	}
	if len(mistakes) == maxMistakes {
		mistakes = append(mistakes, fmt.Errorf("%s: perhaps more mistakes; no more were looked for", name))
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return set, nil
}

// atLine puts the place of a mistake in front of it.
func atLine(name string, err error) error {
	if p, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("%s:%d:%d: %w; a quote stands around a whole field, and twice within one", name, p.Line, p.Column, p.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// columns are where the fields of an Example stand; -1: nowhere.
type columns struct{ url, label, category, source, form, stratum int }

func columnsOf(head []string) (columns, error) {
	c := columns{-1, -1, -1, -1, -1, -1}
	known := map[string]*int{"url": &c.url, "label": &c.label, "category": &c.category, "source": &c.source, "form": &c.form, "stratum": &c.stratum}
	for i, title := range head {
		title = strings.ToLower(strings.TrimSpace(title))
		at := known[title]
		if at == nil {
			continue
		}
		if *at >= 0 {
			return c, fmt.Errorf("column %q stands there twice; want it once", title)
		}
		*at = i
	}
	if c.url < 0 || c.label < 0 {
		return c, fmt.Errorf("the columns are %.200q; want url and label among them", head)
	}
	return c, nil
}

// example makes an Example of a row. The error is about the field with that number.
func (c *columns) example(row []string, width int) (e Example, field int, err error) {
	if len(row) != width {
		return e, 0, fmt.Errorf("%d fields; want %d, as in the first line (a URL with a comma stands in quotes)", len(row), width)
	}
	label, ok := labels[strings.ToLower(strings.TrimSpace(row[c.label]))]
	if !ok {
		return e, c.label, fmt.Errorf("label %.40q; want %s", row[c.label], LabelHelp)
	}
	e = Example{URL: strings.Clone(row[c.url]), Malicious: label.malicious, Category: label.category}
	if strings.TrimSpace(e.URL) == "" {
		return e, c.url, errors.New("no URL; want a host at least")
	}
	if c.category >= 0 && e.Malicious {
		for category := event.Benign + 1; category < event.NumCategories; category++ {
			if strings.EqualFold(category.String(), strings.TrimSpace(row[c.category])) {
				e.Category = category
			}
		}
	}
	for _, f := range []struct {
		to *string
		at int
	}{{&e.Source, c.source}, {&e.Form, c.form}, {&e.Stratum, c.stratum}} {
		if f.at >= 0 {
			*f.to = strings.Clone(row[f.at])
		}
	}
	return e, 0, nil
}
