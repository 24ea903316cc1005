package wire

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"drover/sim/event"
)

// The tags that are written: number of the field and its form (protobuf.dev/programming-guides/encoding), of
// opentelemetry/proto/logs/v1/logs.proto, common/v1/common.proto and resource/v1/resource.proto.
const (
	tagResourceLogs = 1<<3 | 2 // ExportLogsServiceRequest
	tagResource     = 1<<3 | 2 // ResourceLogs
	tagScopeLogs    = 2<<3 | 2
	tagSchemaURL    = 3<<3 | 2
	tagScope        = 1<<3 | 2 // ScopeLogs
	tagLogRecord    = 2<<3 | 2
	tagScopeName    = 1<<3 | 2 // InstrumentationScope
	tagResourceAttr = 1<<3 | 2 // Resource

	tagTime      = 1<<3 | 1 // LogRecord
	tagNumber    = 2 << 3
	tagText      = 3<<3 | 2
	tagBody      = 5<<3 | 2
	tagAttribute = 6<<3 | 2
	tagObserved  = 11<<3 | 1
	tagEventName = 12<<3 | 2

	tagKey    = 1<<3 | 2 // KeyValue
	tagValue  = 2<<3 | 2
	tagString = 1<<3 | 2 // AnyValue
	tagBool   = 2 << 3
	tagInt    = 3 << 3
	tagDouble = 4<<3 | 1
)

// longSize is the bytes of a length that is not known when what it is of begins. A varint may be longer than it needs to be.
const longSize = 4

// beginProto writes what is before the records. The lengths of the two messages around them are written by endProto.
func (t *otlp) beginProto(dst []byte, s *source) []byte {
	dst = append(dst, tagResourceLogs, 0, 0, 0, 0, tagResource, 0, 0)
	from := len(dst)
	for i := range t.resource {
		dst = t.resource[i].proto(dst, tagResourceAttr, s)
	}
	dst = sized(dst, from, 2)
	dst = append(dst, tagScopeLogs, 0, 0, 0, 0)
	return append(dst, "\x0a\x08\x0a\x06"+otlpScope...) // tagScope, its length, tagScopeName, its length
}

// endProto writes what is after the records, and the lengths that are due.
func endProto(dst []byte, from int) []byte {
	at := from + 1 + longSize + 1
	n, size := binary.Uvarint(dst[at:])
	at += size + int(n) + 1
	putLong(dst[at:], len(dst)-at-longSize)
	dst = append(dst, tagSchemaURL, byte(len(otlpSchema)))
	dst = append(dst, otlpSchema...)
	putLong(dst[from+1:], len(dst)-from-1-longSize)
	return dst
}

func putLong(dst []byte, n int) {
	dst[0], dst[1], dst[2], dst[3] = byte(n)|0x80, byte(n>>7)|0x80, byte(n>>14)|0x80, byte(n>>21)&0x7f
}

// sized writes the length of dst[from:] into the bytes before it, which are so many. They are what the length of nearly all such parts
// takes: of another one the part is moved.
func sized(dst []byte, from, left int) []byte {
	n := len(dst) - from
	if more := varintSize(uint64(n)) - left; more != 0 {
		dst = slices.Grow(dst, max(0, more))[:from+n+more]
		copy(dst[from+more:], dst[from:from+n])
	}
	binary.PutUvarint(dst[from-left:], uint64(n))
	return dst
}

func varintSize(n uint64) int { return (bits.Len64(n|1) + 6) / 7 }

// recordProto writes a record.
func (t *otlp) recordProto(dst []byte, kind event.Kind, s *source) []byte {
	r := &t.kinds[kind]
	dst = append(dst, tagLogRecord, 0, 0)
	from := len(dst)
	nanos := uint64(s.e.At.UnixNano())
	dst = binary.LittleEndian.AppendUint64(append(dst, tagTime), nanos)
	dst = smallNumber(append(dst, tagNumber), pick(r.number, s), s)
	dst = appendProtoText(append(dst, tagText), pick(r.text, s), s)
	if c := pick(r.body, s); c != nil {
		dst = append(dst, tagBody, 0)
		at := len(dst)
		dst = sized(appendProtoText(append(dst, tagString), c, s), at, 1)
	}
	for i := range r.attributes {
		dst = r.attributes[i].proto(dst, tagAttribute, s)
	}
	dst = binary.LittleEndian.AppendUint64(append(dst, tagObserved), nanos)
	dst = append(dst, tagEventName, byte(len(otlpNames[kind])))
	dst = append(dst, otlpNames[kind]...)
	return sized(dst, from, 2)
}

// smallNumber writes a number below 100.
func smallNumber(dst []byte, c *choice, s *source) []byte {
	from := len(dst)
	dst = c.json(dst, s)
	n := byte(0)
	for _, d := range dst[from:] {
		n = 10*n + d - '0'
	}
	return append(dst[:from], n)
}

// appendProtoText writes a text with its length.
func appendProtoText(dst []byte, c *choice, s *source) []byte {
	dst = append(dst, 0)
	from := len(dst)
	if c.field == nil { // JSON, of plain characters
		dst = append(dst, c.lit[1:len(c.lit)-1]...)
	} else {
		dst = c.plain(dst, s)
	}
	return sized(dst, from, 1)
}

// proto writes an attribute, if it has a value.
func (m *limb) proto(dst []byte, tag byte, s *source) []byte {
	c := pick(m.cell, s)
	if c == nil {
		return dst
	}
	dst = append(dst, tag, 0)
	from := len(dst)
	dst = append(dst, tagKey, byte(len(m.name)))
	dst = append(append(dst, m.name...), tagValue, 0)
	at := len(dst)
	switch c.otlp() {
	case asString:
		dst = appendProtoText(append(dst, tagString), c, s)
	case asTruth:
		word := len(dst)
		dst = c.plain(dst, s)
		truth := byte(0)
		if dst[word] == 't' {
			truth = 1
		}
		dst = append(dst[:word], tagBool, truth)
	case asInt:
		dst = appendProtoNumber(dst, c, s)
	case asDouble:
		text := len(dst)
		dst = c.plain(dst, s)
		f := decimal(dst[text:])
		dst = binary.LittleEndian.AppendUint64(append(dst[:text], tagDouble), math.Float64bits(f))
	}
	return sized(sized(dst, at, 1), from, 1)
}

// appendProtoNumber writes a whole number that is not negative.
func appendProtoNumber(dst []byte, c *choice, s *source) []byte {
	from := len(dst)
	dst = c.plain(dst, s)
	n := uint64(0)
	for _, d := range dst[from:] {
		n = 10*n + uint64(d-'0')
	}
	return binary.AppendUvarint(append(dst[:from], tagInt), n)
}

// decimal is the number that a short text is, which strconv.ParseFloat would have to copy.
func decimal(text []byte) float64 {
	n, scale, point := 0.0, 1.0, false
	for _, d := range text {
		if d == '.' {
			point = true
			continue
		}
		if d < '0' || d > '9' || n > 1e14 || scale > 1e21 {
			f, _ := strconv.ParseFloat(string(text), 64)
			return f
		}
		if n = 10*n + float64(d-'0'); point {
			scale *= 10
		}
	}
	return n / scale // both are exact, so this is the nearest
}
