package wire

import (
	"bytes"

	"drover/sim/event"
)

// Answer is what a backend says to an upload it took in. Accepted + Duplicates + len(Refused) is the number of events in
// the upload. It is reused: DecodeAnswer keeps its slices' memory.
//
//	{"accepted":24,"duplicates":1,
//	 "verdicts":[{"seq":7,"verdict":"malicious","category":"phishing","score":0.97},{"seq":9,"verdict":"unknown"}],
//	 "refused":[{"seq":8,"reason":"…"}]}
type Answer struct {
	Accepted   int  // events stored now
	Duplicates int  // events the backend held already
	Unsure     bool // some events may have been stored although the answer is no, and nobody knows which
	Verdicts   []Verdict
	Refused    []Refusal
	Again      []Refusal // events that the backend has not taken and asks to be sent again; only of Items
}

// Verdict is the backend's own opinion of one web threat.
type Verdict struct {
	Seq      uint32         // of the event
	Category event.Category // event.Benign when the backend finds nothing; meaningless unless Known
	Known    bool           // false: the backend could not judge
	Score    float32        // 0 (surely benign) to 1 (surely malicious)
}

// Refusal is one event that the backend did not take while it took the rest of the upload.
type Refusal struct {
	Seq    uint32
	Reason []byte // after DecodeAnswer it points into the body or into memory of its own
}

// AppendAnswer writes a to dst.
func AppendAnswer(dst []byte, a *Answer) []byte {
	dst = append(dst, `{"accepted":`...)
	dst = appendUint(dst, uint32(a.Accepted))
	dst = append(dst, `,"duplicates":`...)
	dst = appendUint(dst, uint32(a.Duplicates))
	if len(a.Verdicts) > 0 {
		dst = append(dst, `,"verdicts":[`...)
		for i, v := range a.Verdicts {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"seq":`...)
			dst = appendUint(dst, v.Seq)
			if !v.Known {
				dst = append(dst, `,"verdict":"unknown"}`...)
				continue
			}
			if v.Category == event.Benign {
				dst = append(dst, `,"verdict":"benign","category":"`...)
			} else {
				dst = append(dst, `,"verdict":"malicious","category":"`...)
			}
			dst = append(dst, v.Category.String()...)
			dst = append(dst, `","score":`...)
			dst = appendScore(dst, v.Score)
			dst = append(dst, '}')
		}
		dst = append(dst, ']')
	}
	if len(a.Refused) > 0 {
		dst = append(dst, `,"refused":[`...)
		for i, r := range a.Refused {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"seq":`...)
			dst = appendUint(dst, r.Seq)
			dst = append(dst, `,"reason":`...)
			dst = appendEscaped(dst, r.Reason)
			dst = append(dst, '}')
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// DecodeAnswer reads the answer to an upload into a. Unlike DecodeUpload it skips fields it does not know, since a backend
// may say more than we asked. accepted is required: without it nobody promised anything. An error is an *Error; a is then
// half filled.
func DecodeAnswer(body []byte, a *Answer) error {
	a.reset()
	if a.short(body) {
		return nil
	}
	return a.decode(body)
}

// short reads an answer that says how many events were taken and nothing of single ones, as AppendAnswer has it or without duplicates: most
// are. False: it is another, or wrong, and a is as it was.
func (a *Answer) short(body []byte) bool {
	accepted, rest := cutCount(body, `{"accepted":`)
	duplicates := 0
	if len(rest) > 1 {
		duplicates, rest = cutCount(rest, `,"duplicates":`)
	}
	if string(rest) != "}" {
		return false
	}
	a.Accepted, a.Duplicates = accepted, duplicates
	return true
}

// cutCount reads a whole number of up to nine digits that follows before, and returns what is behind it; nil where there is none.
func cutCount(text []byte, before string) (n int, rest []byte) {
	if len(text) < len(before) || string(text[:len(before)]) != before {
		return 0, nil
	}
	text = text[len(before):]
	i := 0
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		n = n*10 + int(text[i]-'0')
	}
	if i == 0 || i > 9 || i > 1 && text[0] == '0' {
		return 0, nil
	}
	return n, text[i:]
}

// decode reads any answer. a is empty.
func (a *Answer) decode(body []byte) error {
	doc := decoder{data: body, event: -1}
	d := &doc
	d.checkUTF8()
	for o := d.object(&answerShape); o.next(d); {
		switch o.field {
		case "accepted":
			a.Accepted = int(d.uint32())
		case "duplicates":
			a.Duplicates = int(d.uint32())
		case "verdicts":
			for l := d.list("verdicts[]"); l.next(d); {
				a.Verdicts = append(a.Verdicts, d.verdict())
			}
		case "refused":
			for l := d.list("refused[]"); l.next(d); {
				a.Refused = append(a.Refused, d.refusal())
			}
		}
	}
	return d.finish()
}

var (
	answerShape  = shape{names: []string{"accepted", "duplicates", "verdicts", "refused"}, required: 1, open: true}
	verdictShape = shape{path: "verdicts[]", names: []string{"seq", "verdict", "category", "score"}, required: 1<<0 | 1<<1, open: true}
	refusalShape = shape{path: "refused[]", names: []string{"seq", "reason"}, required: 1 << 0, open: true}
)

func (d *decoder) verdict() Verdict {
	var v Verdict
	var word []byte
	var hasCategory bool
	for o := d.object(&verdictShape); o.next(d); {
		switch o.field {
		case "seq":
			v.Seq = d.uint32()
		case "verdict":
			word = d.text()
		case "category":
			v.Category, hasCategory = d.category(), true
		case "score":
			v.Score = d.score()
		}
	}
	if d.err != nil {
		return Verdict{}
	}
	malicious := bytes.Equal(word, []byte("malicious"))
	switch {
	case bytes.Equal(word, []byte("unknown")):
		return Verdict{Seq: v.Seq}
	case !malicious && !bytes.Equal(word, []byte("benign")):
		d.failAt(&verdictShape, "verdict", `want "malicious", "benign" or "unknown"`)
	case malicious && !hasCategory:
		d.failAt(&verdictShape, "category", "is missing for a malicious verdict")
	case malicious == (v.Category == event.Benign):
		d.failAt(&verdictShape, "category", "contradicts the verdict")
	}
	v.Known = true
	return v
}

func (d *decoder) refusal() Refusal {
	var r Refusal
	for o := d.object(&refusalShape); o.next(d); {
		switch o.field {
		case "seq":
			r.Seq = d.uint32()
		case "reason":
			r.Reason = d.text()
		}
	}
	return r
}
