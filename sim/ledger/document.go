package ledger

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/maphash"
	"math"
	"slices"
	"strconv"
	"strings"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/wire"
)

// Print is what a document says, in a form in which two documents that say the same are equal, however they are written: the
// order of members, white space, escapes and notations of numbers do not count. It is comparable within this process only.
type Print struct {
	Envelope uint64 // all but the events and the tenant
	Event    uint64 // the one event
	Hash     uint64 // of the event's bytes, by HashPrint; 0 where it cannot be read
	Device   uint64 // whose it is, by Word
	Tenant   fleet.GUID
	ID       event.ID
	Has      Parts
}

// Parts says what of a document there was to see.
type Parts uint8

const (
	HasID Parts = 1 << iota
	HasTenant
	HasEnvelope
	HasEvent
	HasHash
	HasDevice
	Broken // the document could not be read to its end
)

// Printer makes prints of native documents with one event. It is owned by one goroutine.
type Printer struct {
	seed maphash.Seed
	path []byte
	text []byte
	leaf func(path, value []byte) // nil, or called for each leaf
}

// NewPrinter returns a printer whose prints can be compared with those of another one with the same seed.
func NewPrinter(seed maphash.Seed) *Printer { return &Printer{seed: seed} }

const tenantPath = "account.tenant_id"

// Document makes the print of {"v":1,...,"events":[{...}]}. A document that breaks off or is no JSON is Broken, and its id
// is what follows the first "id" of its events, if anything does.
func (p *Printer) Document(doc []byte) Print {
	pr := Print{Has: HasEnvelope | HasEvent}
	s := scan{Printer: p, left: doc, print: &pr}
	p.path = p.path[:0]
	if !s.value(0) || len(bytes.TrimSpace(s.left)) > 0 {
		pr.Has |= Broken
		p.salvage(doc, &pr)
	}
	return pr
}

// Single makes the print of an event alone.
func (p *Printer) Single(ev []byte) Print {
	pr := Print{Has: HasEvent}
	s := scan{Printer: p, left: ev, print: &pr}
	p.path = append(p.path[:0], eventPath...)
	if !s.value(0) || len(bytes.TrimSpace(s.left)) > 0 {
		pr.Has |= Broken
		p.salvage(ev, &pr)
	}
	return pr
}

const eventPath = "events[0]"

// salvage finds ids in a document that cannot be read.
func (p *Printer) salvage(doc []byte, pr *Print) {
	_, events, ok := bytes.Cut(doc, []byte(`"events"`))
	if !ok {
		events = doc
	}
	if pr.Has&HasID == 0 {
		if id, ok := guidAfter(events, `"id":"`); ok {
			pr.ID, pr.Has = event.ID(id), pr.Has|HasID
		}
	}
	if pr.Has&HasTenant == 0 {
		if id, ok := guidAfter(doc, `"tenant_id":"`); ok {
			pr.Tenant, pr.Has = id, pr.Has|HasTenant
		}
	}
}

func guidAfter(b []byte, key string) (fleet.GUID, bool) {
	_, rest, ok := bytes.Cut(b, []byte(key))
	if !ok || len(rest) < 36 {
		return fleet.GUID{}, false
	}
	return wire.ParseGUID(string(rest[:36]))
}

// scan reads one document. The path of the value under way is in Printer.path.
type scan struct {
	*Printer
	left  []byte
	print *Print
}

const maxDepth = 32

func (s *scan) space() byte {
	for len(s.left) > 0 {
		switch c := s.left[0]; c {
		case ' ', '\t', '\n', '\r':
			s.left = s.left[1:]
		default:
			return c
		}
	}
	return 0
}

func (s *scan) value(depth int) bool {
	if depth > maxDepth {
		return false
	}
	switch s.space() {
	case '{':
		return s.members(depth)
	case '[':
		return s.elements(depth)
	case '"':
		text, ok := s.string()
		if ok {
			s.take('"', text)
		}
		return ok
	}
	n := 0
	for n < len(s.left) && !strings.ContainsRune(",]} \t\n\r", rune(s.left[n])) {
		n++
	}
	word := s.left[:n]
	s.left = s.left[n:]
	return s.scalar(word)
}

// scalar takes a number or a word. Numbers are equal when their values are.
func (s *scan) scalar(word []byte) bool {
	switch string(word) {
	case "true", "false", "null":
		s.take('w', word)
		return true
	}
	if len(word) == 0 || len(word) > 64 {
		return false
	}
	f, err := strconv.ParseFloat(string(word), 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return false
	}
	s.text = binary.LittleEndian.AppendUint64(s.text[:0], math.Float64bits(f))
	s.take('n', s.text)
	return true
}

func (s *scan) members(depth int) bool {
	s.left = s.left[1:]
	if s.space() == '}' {
		s.left = s.left[1:]
		return true
	}
	for {
		if s.space() != '"' {
			return false
		}
		key, ok := s.string()
		if !ok || len(key) > 200 {
			return false
		}
		at := len(s.path)
		if at > 0 {
			s.path = append(s.path, '.')
		}
		s.path = append(s.path, key...)
		if s.space() != ':' {
			return false
		}
		s.left = s.left[1:]
		if !s.value(depth + 1) {
			return false
		}
		s.path = s.path[:at]
		switch s.space() {
		case ',':
			s.left = s.left[1:]
		case '}':
			s.left = s.left[1:]
			return true
		default:
			return false
		}
	}
}

func (s *scan) elements(depth int) bool {
	s.left = s.left[1:]
	if s.space() == ']' {
		s.left = s.left[1:]
		return true
	}
	for i := 0; ; i++ {
		at := len(s.path)
		s.path = append(s.path, '[')
		s.path = strconv.AppendInt(s.path, int64(i), 10)
		s.path = append(s.path, ']')
		if !s.value(depth + 1) {
			return false
		}
		s.path = s.path[:at]
		switch s.space() {
		case ',':
			s.left = s.left[1:]
		case ']':
			s.left = s.left[1:]
			return true
		default:
			return false
		}
	}
}

// string reads a text. What it returns is valid until the next one.
func (s *scan) string() ([]byte, bool) {
	rest := s.left[1:]
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return nil, false
	}
	if slash := bytes.IndexByte(rest[:end], '\\'); slash < 0 {
		s.left = rest[end+1:]
		return rest[:end], true
	}
	for end = 0; end < len(rest) && rest[end] != '"'; end++ {
		if rest[end] == '\\' {
			end++
		}
	}
	if end >= len(rest) {
		return nil, false
	}
	s.left = rest[end+1:]
	if s.text = unescape(s.text[:0], rest[:end]); s.text == nil {
		return nil, false
	}
	return s.text, true
}

// unescape appends a JSON text without its escapes; nil when there is one that JSON does not have.
func unescape(dst, text []byte) []byte {
	if dst == nil {
		dst = make([]byte, 0, len(text))
	}
	for len(text) > 0 {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		at := strings.IndexByte(`"\/bfnrt`, text[i+1])
		switch {
		case at >= 0:
			dst = append(dst, "\"\\/\b\f\n\r\t"[at])
			text = text[i+2:]
		case text[i+1] == 'u':
			// The rare form goes to the library, with what follows: a surrogate pair is two escapes.
			n := 0
			for n+6 <= len(text)-i && text[i+n] == '\\' && text[i+n+1] == 'u' {
				n += 6
			}
			var one string
			if n == 0 || json.Unmarshal(slices.Concat([]byte{'"'}, text[i:i+n], []byte{'"'}), &one) != nil {
				return nil
			}
			dst = append(dst, one...)
			text = text[i+n:]
		default:
			return nil
		}
	}
	return dst
}

// take adds one leaf to the print. Leaves are added up, so that their order does not count.
func (s *scan) take(kind byte, value []byte) {
	path := s.path
	if string(path) == tenantPath {
		if id, ok := wire.ParseGUID(string(value)); ok {
			s.print.Tenant, s.print.Has = id, s.print.Has|HasTenant
		}
		return
	}
	inEvent := bytes.HasPrefix(path, []byte(eventPath))
	if inEvent && string(path) == eventPath+".id" {
		if id, ok := wire.ParseGUID(string(value)); ok {
			s.print.ID, s.print.Has = event.ID(id), s.print.Has|HasID
		}
	}
	if s.leaf != nil {
		s.leaf(path, value)
	}
	h := mix(maphash.Bytes(s.seed, path)*3 + maphash.Bytes(s.seed, value) + uint64(kind))
	if inEvent {
		s.print.Event += h
	} else {
		s.print.Envelope += h
	}
}

// mix is the finaliser of SplitMix64: without it, a sum of hashes would not tell which value stood at which path.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Differ lists the fields in which two documents differ, sorted: those with another value, and those that only one has. A
// document that breaks off differs in "(cut short)" and nothing else.
func Differ(a, b []byte) []string {
	left, okA := leaves(a)
	right, okB := leaves(b)
	if !okA || !okB {
		return []string{"(cut short)"}
	}
	var names []string
	for path, value := range left {
		if other, ok := right[path]; !ok || other != value {
			names = append(names, path)
		}
	}
	for path := range right {
		if _, ok := left[path]; !ok {
			names = append(names, path)
		}
	}
	slices.Sort(names)
	return names
}

func leaves(doc []byte) (map[string]string, bool) {
	all := map[string]string{}
	p := NewPrinter(maphash.MakeSeed())
	p.leaf = func(path, value []byte) {
		all[strings.TrimPrefix(strings.TrimPrefix(string(path), eventPath), ".")] = string(value)
	}
	pr := p.Document(doc)
	return all, pr.Has&Broken == 0
}
