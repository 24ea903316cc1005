package wire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"drover/sim/event"
	"drover/sim/measure"
)

// Reading says what an answer of somebody else's backend means.
type Reading struct {
	Statuses []Span   // of HTTP that say yes; none: 200 to 299
	Say      Place    // in the answer, something that says yes or no; nil: the status says it all
	Yes      []string // what it says then: a text, or a number or word as JSON has it
	Items    *Items   // the result of each event; nil: there is none
	Verdicts *Verdicts
}

// Span is some statuses, both ends included.
type Span struct{ From, To int }

// Items says where the results of single events are: a list in the order of the upload.
type Items struct {
	List   Place
	Status Place  // in an item: a status that says yes or no
	OK     []Span // none: 200 to 299
	Again  []Span // those that ask for the event to be sent again
	Reason Place  // in an item: why not; nil: nothing says it
}

// Verdicts says where the backend's own opinion of single events is.
type Verdicts struct {
	List  Place // nil: the answer is about one event, and is the item
	ID    Place // in an item: the event's id
	Seq   Place // or its seq; with neither the items are in the order of the upload
	Word  Place // in an item: what the event is
	Score Place // from 0 to 1; nil: nothing says it
	Words map[string]Word
}

// Word is what a word of a backend means.
type Word struct {
	Category event.Category
	Known    bool // false: the backend could not judge
}

// Place is where something is in a JSON document: the names of members, the index of an element, or * for the only member of
// an object whatever its name.
type Place []string

// ParsePlace reads names joined by dots.
func ParsePlace(s string) (Place, bool) {
	names := Place(strings.Split(s, "."))
	return names, !slices.Contains(names, "")
}

// find returns the value at a place of a document, or nil. The document is well formed.
func (p Place) find(doc []byte) []byte {
	for _, name := range p {
		if doc = member(doc, name); doc == nil {
			return nil
		}
	}
	return doc
}

// member returns the value of one member, or element.
func member(doc []byte, name string) []byte {
	for key, value := range membersOf(doc) {
		if name == "*" || string(key) == name {
			return value
		}
	}
	if at, err := strconv.Atoi(name); err == nil {
		for i, item := range elements(doc) {
			if i == at {
				return item
			}
		}
	}
	return nil
}

// textOf is a text without its quotes and escapes, and anything else as it stands.
func textOf(raw []byte) []byte {
	if len(raw) == 0 || raw[0] != '"' {
		return raw
	}
	d := decoder{data: raw, event: -1}
	return d.text()
}

// wellFormed says what is wrong with a JSON document; nil: nothing.
func wellFormed(doc []byte) error {
	d := decoder{data: doc, event: -1}
	d.skip()
	return d.finish()
}

func within(spans []Span, status int) bool {
	if len(spans) == 0 {
		return status >= 200 && status < 300
	}
	return slices.ContainsFunc(spans, func(s Span) bool { return status >= s.From && status <= s.To })
}

// Both is a status that says yes and is among others; 0: there is none.
func Both(yes, others []Span) int {
	for _, o := range others {
		for status := o.From; status <= o.To; status++ {
			if within(yes, status) {
				return status
			}
		}
	}
	return 0
}

// Reader makes the reader of such answers.
func (g *Reading) Reader() Reader {
	return func(r *Reply, a *Answer) (measure.Class, error) {
		a.reset()
		if !within(g.Statuses, r.Status) {
			if r.Class == measure.OK {
				return measure.Rejected, fmt.Errorf("status %d does not mean success here: %.200q", r.Status, r.Body)
			}
			return r.Class, nil
		}
		if r.Class == measure.BadAnswer {
			return r.Class, nil // it was cut
		}
		a.Accepted = r.Events
		if g.Say == nil && g.Items == nil && g.Verdicts == nil {
			return measure.OK, nil
		}
		if err := wellFormed(r.Body); err != nil {
			return measure.BadAnswer, fmt.Errorf("status %d with a body that is no JSON, %.60q: %w", r.Status, r.Body, err)
		}
		if g.Say != nil {
			said := g.Say.find(r.Body)
			if said == nil {
				return measure.BadAnswer, fmt.Errorf("status %d, but the answer has no %s: %.200q", r.Status, strings.Join(g.Say, "."), r.Body)
			}
			if !slices.ContainsFunc(g.Yes, func(y string) bool { return y == string(textOf(said)) }) {
				return measure.Rejected, fmt.Errorf("status %d, but the answer says %s: %.60s: %.200q", r.Status, strings.Join(g.Say, "."), said, r.Body)
			}
		}
		if err := g.items(r, a); err != nil {
			return measure.BadAnswer, err
		}
		g.verdicts(r, a)
		if n := len(a.Again); n > 0 {
			are := "are"
			if n == 1 {
				are = "is"
			}
			return measure.Status429, fmt.Errorf("status %d, but %d of %s %s to be sent again: %.200q", r.Status, n, nEvents(r.Events), are, a.Again[0].Reason)
		}
		if len(a.Refused) == r.Events && r.Events > 0 {
			return measure.Rejected, fmt.Errorf("status %d, but each event is refused: %.200q", r.Status, a.Refused[0].Reason)
		}
		return measure.OK, nil
	}
}

func nEvents(n int) string {
	if n == 1 {
		return "1 event"
	}
	return fmt.Sprintf("%d events", n)
}

// items reads the results of single events. An answer with another number of them is none: then nobody knows whose they are.
func (g *Reading) items(r *Reply, a *Answer) error {
	if g.Items == nil {
		return nil
	}
	list := g.Items.List.find(r.Body)
	if list == nil || list[0] != '[' {
		return fmt.Errorf("status %d, but the answer has no list at %s: %.200q", r.Status, strings.Join(g.Items.List, "."), r.Body)
	}
	n := 0
	for i, item := range elements(list) {
		n++
		raw := g.Items.Status.find(item)
		status, err := strconv.Atoi(string(textOf(raw)))
		if err != nil {
			return fmt.Errorf("item %d of the answer has no status at %s: %.200q", i, strings.Join(g.Items.Status, "."), item)
		}
		if within(g.Items.OK, status) || i >= r.Events {
			continue
		}
		reason := item
		if g.Items.Reason != nil {
			if why := g.Items.Reason.find(item); why != nil {
				reason = textOf(why)
			}
		}
		a.Accepted--
		no := Refusal{Seq: r.seq(i), Reason: reason}
		if len(g.Items.Again) > 0 && within(g.Items.Again, status) {
			a.Again = append(a.Again, no)
		} else {
			a.Refused = append(a.Refused, no)
		}
	}
	if n != r.Events {
		a.reset()
		return fmt.Errorf("the answer to %s has the results of %d", nEvents(r.Events), n)
	}
	return nil
}

// verdicts reads what the backend makes of single events. What it does not mention, or in words that are not known, is not judged.
func (g *Reading) verdicts(r *Reply, a *Answer) {
	w := g.Verdicts
	if w == nil {
		return
	}
	if w.List == nil {
		a.Verdicts = append(a.Verdicts, w.of(r.Body, r.FirstSeq))
		return
	}
	sent := finder{ids: r.IDs}
	for i, item := range elements(w.List.find(r.Body)) {
		if w.ID == nil && w.Seq == nil && i >= r.Events {
			return
		}
		var seq uint32
		switch {
		case w.ID != nil:
			var id [16]byte
			if !anyCaseUUID(textOf(w.ID.find(item)), &id) {
				continue
			}
			at := sent.find(id)
			if at < 0 {
				continue
			}
			seq = r.seq(at)
		case w.Seq != nil:
			n, err := strconv.ParseUint(string(textOf(w.Seq.find(item))), 10, 32)
			if err != nil {
				continue
			}
			seq = uint32(n)
		default:
			seq = r.seq(i)
		}
		a.Verdicts = append(a.Verdicts, w.of(item, seq))
	}
}

// of is what an item says of the event with a seq.
func (w *Verdicts) of(item []byte, seq uint32) Verdict {
	word := w.Words[string(textOf(w.Word.find(item)))]
	v := Verdict{Seq: seq, Category: word.Category, Known: word.Known}
	if w.Score != nil {
		score, _ := strconv.ParseFloat(string(textOf(w.Score.find(item))), 32)
		v.Score = float32(score)
	}
	return v
}

// finder finds the places of ids in a list. A request may have thousands of events, and mostly what is said of them is in their order: then each
// is found behind the one before, and nothing is allocated. Where that takes more than twice the list, it is indexed.
type finder struct {
	ids   [][16]byte
	next  int // behind what was found last
	steps int // ids that were looked at
	index map[[16]byte]int
}

// find returns -1 when an id is not there.
func (f *finder) find(id [16]byte) int {
	if f.index == nil && f.steps > 2*len(f.ids) {
		f.index = make(map[[16]byte]int, len(f.ids))
		for i, id := range f.ids {
			f.index[id] = i
		}
	}
	if f.index != nil {
		if at, ok := f.index[id]; ok {
			return at
		}
		return -1
	}
	for range f.ids {
		if f.next == len(f.ids) {
			f.next = 0
		}
		f.steps++
		f.next++
		if f.ids[f.next-1] == id {
			return f.next - 1
		}
	}
	return -1
}
