package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"drover/sim/classify"
)

const (
	maxLine    = 64 << 10 // that "classify -" keeps of a line, in bytes
	maxReasons = 5        // of the model's that are shown
)

// verdictPrinter judges URLs and prints a line for each. It allocates nothing for a line.
type verdictPrinter struct {
	out   *bufio.Writer
	judge *classify.Rules
	json  bool

	why  classify.Explanation
	line []byte
}

// lines judges the lines of a reader.
func (p *verdictPrinter) lines(ctx context.Context, r io.Reader) error {
	in := bufio.NewReaderSize(r, maxLine)
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return fail(exitInterrupted, ctx.Err())
		}
		line, err := in.ReadSlice('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 { // before the next read, which goes over it
			if err := p.print(line, errors.Is(err, bufio.ErrBufferFull)); err != nil {
				return err
			}
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
	}
}

// print judges a URL, of which more stood there when it is cut.
func (p *verdictPrinter) print(url []byte, cut bool) error {
	v := p.judge.Classify(url)
	explain := explained(&v)
	if explain {
		p.judge.Explain(&p.why, url)
	}
	if p.json {
		p.line = p.appendJSON(p.line[:0], url, cut, &v, explain)
	} else {
		p.line = p.appendText(p.line[:0], url, cut, &v, explain)
	}
	_, err := p.out.Write(p.line)
	return err
}

// explained reports whether a verdict is one for which the model owes its reasons.
func explained(v *classify.Verdict) bool { return v.Probability > 0 && (v.Malicious() || v.Suspicious) }

// word is malicious, suspicious or benign.
func word(v *classify.Verdict) string {
	switch {
	case v.Malicious():
		return "malicious"
	case v.Suspicious:
		return "suspicious"
	}
	return "benign"
}

func (p *verdictPrinter) appendText(dst, url []byte, cut bool, v *classify.Verdict, explain bool) []byte {
	dst = appendColumn(dst, word(v), 10)
	dst = strconv.AppendFloat(append(dst, "  "...), float64(v.Score), 'f', 2, 32)
	dst = strconv.AppendFloat(append(dst, "  p "...), float64(v.Probability), 'f', 2, 32)
	kind := append(append(dst, "  "...), v.Category.String()...)
	if v.Hint() {
		kind = append(kind, '?')
	}
	dst = padded(kind, len(dst)+2+9)
	dst = appendPrintable(append(dst, "  "...), url)
	if cut {
		dst = append(dst, "..."...)
	}
	if v.Reasons.Len() > 0 || explain {
		dst = append(appendReasons(append(dst, "  ("...), v, &p.why, explain), ')')
	}
	return append(dst, '\n')
}

// appendReasons appends the rules, and of what the model found malicious or suspicious its own reasons, which come last.
func appendReasons(dst []byte, v *classify.Verdict, why *classify.Explanation, explain bool) []byte {
	sep := ""
	for _, r := range v.Reasons.All() {
		if explain && r.Rule == classify.ModelRule {
			continue
		}
		dst = append(append(dst, sep...), r.Rule...)
		if r.Weight != 0 {
			dst = classify.AppendWeight(append(dst, ' '), float64(r.Weight))
		}
		sep = ", "
	}
	if explain {
		dst = append(append(append(dst, sep...), classify.ModelRule...), ' ')
		dst = why.Append(dst, maxReasons)
	}
	return dst
}

// judgement is one line of the JSON output, which appendJSON writes.
type judgement struct {
	URL         string  `json:"url"`
	Cut         bool    `json:"cut,omitempty"`
	Verdict     string  `json:"verdict"`
	Category    string  `json:"category"`
	CategoryIs  string  `json:"category_is,omitempty"` // hint: what the model is not sure of
	Score       float32 `json:"score"`
	Probability float32 `json:"probability"`
	Reasons     []struct {
		Rule   string  `json:"rule"`
		Weight float32 `json:"weight"`
	} `json:"reasons"`
	Model *modelReasons `json:"model,omitempty"` // of what it finds malicious or suspicious
}

type modelReasons struct {
	LogOdds float64 `json:"log_odds"`
	Parts   []struct {
		What   string  `json:"what"`
		Weight float64 `json:"weight"`
	} `json:"parts"`
	Others float64 `json:"others"`
}

func (p *verdictPrinter) appendJSON(dst, url []byte, cut bool, v *classify.Verdict, explain bool) []byte {
	dst = appendJSONString(append(dst, `{"url":`...), url)
	if cut {
		dst = append(dst, `,"cut":true`...)
	}
	dst = append(append(dst, `,"verdict":"`...), word(v)...)
	dst = append(append(dst, `","category":"`...), v.Category.String()...)
	if v.Hint() {
		dst = append(dst, `","category_is":"hint`...)
	}
	dst = strconv.AppendFloat(append(dst, `","score":`...), float64(v.Score), 'g', -1, 32)
	dst = strconv.AppendFloat(append(dst, `,"probability":`...), float64(v.Probability), 'g', -1, 32)
	dst = append(dst, `,"reasons":[`...)
	for i, r := range v.Reasons.All() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, `{"rule":"`...), r.Rule...)
		dst = append(strconv.AppendFloat(append(dst, `","weight":`...), float64(r.Weight), 'g', -1, 32), '}')
	}
	dst = append(dst, ']')
	if explain {
		top, others := p.why.Strongest(maxReasons)
		dst = strconv.AppendFloat(append(dst, `,"model":{"log_odds":`...), p.why.LogOdds, 'f', 4, 64)
		dst = append(dst, `,"parts":[`...)
		for i, part := range top {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSONString(append(dst, `{"what":`...), part.What)
			dst = append(strconv.AppendFloat(append(dst, `,"weight":`...), part.Weight, 'f', 4, 64), '}')
		}
		dst = append(strconv.AppendFloat(append(dst, `],"others":`...), others, 'f', 4, 64), '}')
	}
	return append(dst, "}\n"...)
}

// appendJSONString appends a JSON string (RFC 8259, section 7). What is no UTF-8 becomes U+FFFD, as in encoding/json.
func appendJSONString(dst, s []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, "\ufffd"...)
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ' || r == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			dst = append(dst, s[:n]...)
		}
		s = s[n:]
	}
	return append(dst, '"')
}

func appendColumn(dst []byte, s string, width int) []byte {
	return padded(append(dst, s...), len(dst)+width)
}

// padded appends blanks up to a length.
func padded(dst []byte, length int) []byte {
	for len(dst) < length {
		dst = append(dst, ' ')
	}
	return dst
}

// appendPrintable appends what a terminal may show: no control codes, with which a line could write over others.
func appendPrintable(dst, s []byte) []byte {
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError && n == 1 {
			dst = append(dst, '?')
		} else {
			dst = append(dst, s[:n]...)
		}
		s = s[n:]
	}
	return dst
}
