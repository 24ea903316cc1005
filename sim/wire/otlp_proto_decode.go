package wire

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
)

// protoRecords reads the protobuf encoding.
func protoRecords(body []byte, each func(flat []byte) error) error {
	var around, record, flat []byte
	request := protoReader{left: body}
	for request.next() {
		if request.tag != tagResourceLogs {
			return request.unknown("request")
		}
		var resource, schema []byte
		var scopes [][]byte
		for r := (protoReader{left: request.data, all: &request}); r.next(); {
			switch r.tag {
			case tagResource:
				resource = r.data
			case tagScopeLogs:
				scopes = append(scopes, r.data)
			case tagSchemaURL:
				schema = r.data
			default:
				return r.unknown("resource_logs")
			}
		}
		if len(scopes) == 0 {
			request.fail("resource_logs without a record")
		}
		for _, scope := range scopes {
			around = request.text(append(around[:0], `"schemaUrl":`...), schema)
			around = append(around, `,"resource":{`...)
			n := 0
			for r := (protoReader{left: resource, all: &request}); r.next(); n++ {
				if r.tag != tagResourceAttr {
					return r.unknown("resource")
				}
				around = request.attribute(around, n, r.data)
			}
			around = append(around, `},"scope":{`...)
			var records [][]byte
			for r := (protoReader{left: scope, all: &request}); r.next(); {
				switch r.tag {
				case tagScope:
					for s := (protoReader{left: r.data, all: &request}); s.next(); {
						if s.tag != tagScopeName {
							return s.unknown("scope")
						}
						around = request.text(append(around, `"name":`...), s.data)
					}
				case tagLogRecord:
					records = append(records, r.data)
				default:
					return r.unknown("scope_logs")
				}
			}
			around = append(around, '}')
			if len(records) == 0 {
				request.fail("scope_logs without a record")
			}
			for _, of := range records {
				record = request.record(record[:0], of)
				if request.err != nil {
					return request.err
				}
				flat = flatRecord(flat[:0], around, record)
				if err := each(flat); err != nil {
					return err
				}
			}
		}
	}
	if request.err != nil {
		return request.err
	}
	return nil
}

// record writes the members of a record.
func (p *protoReader) record(dst, record []byte) []byte {
	var attributes []byte
	n := 0
	for r := (protoReader{left: record, all: p}); r.next(); {
		switch r.tag {
		case tagTime:
			dst = append(strconv.AppendUint(append(dst, `,"timeUnixNano":"`...), r.num, 10), '"')
		case tagObserved:
			dst = append(strconv.AppendUint(append(dst, `,"observedTimeUnixNano":"`...), r.num, 10), '"')
		case tagNumber:
			dst = strconv.AppendUint(append(dst, `,"severityNumber":`...), r.num, 10)
		case tagText:
			dst = p.text(append(dst, `,"severityText":`...), r.data)
		case tagEventName:
			dst = p.text(append(dst, `,"eventName":`...), r.data)
		case tagBody:
			dst = p.value(append(dst, `,"body":`...), r.data)
		case tagAttribute:
			attributes = p.attribute(attributes, n, r.data)
			n++
		default:
			r.unknown("log_record")
			return dst
		}
	}
	dst = append(append(dst, `,"attributes":{`...), attributes...)
	return append(dst, '}')
}

// attribute writes a KeyValue as a member, the n-th of its object.
func (p *protoReader) attribute(dst []byte, n int, data []byte) []byte {
	if n > 0 {
		dst = append(dst, ',')
	}
	var key, value []byte
	for r := (protoReader{left: data, all: p}); r.next(); {
		switch r.tag {
		case tagKey:
			key = r.data
		case tagValue:
			value = r.data
		default:
			r.unknown("attribute")
		}
	}
	return p.value(append(p.text(dst, key), ':'), value)
}

// value writes an AnyValue.
func (p *protoReader) value(dst, data []byte) []byte {
	n := 0
	for r := (protoReader{left: data, all: p}); r.next(); n++ {
		switch r.tag {
		case tagString:
			dst = p.text(dst, r.data)
		case tagInt:
			dst = strconv.AppendInt(dst, int64(r.num), 10)
		case tagBool:
			dst = strconv.AppendBool(dst, r.num != 0)
		case tagDouble:
			if f := math.Float64frombits(r.num); f-f == 0 {
				dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
			} else {
				p.fail("value: a double that is no number")
			}
		default:
			r.unknown("value")
		}
	}
	if n != 1 {
		p.fail("value: want exactly one")
	}
	return dst
}

func (p *protoReader) text(dst, text []byte) []byte {
	if !utf8.Valid(text) {
		p.fail("a text that is not UTF-8")
	}
	return appendEscaped(dst, text)
}

// protoReader goes through the fields of a message.
type protoReader struct {
	left []byte
	all  *protoReader // of the whole, which has the error; nil: this one
	err  error

	tag  uint64
	num  uint64 // of a varint or a fixed number
	data []byte // of a text or a message
}

func (p *protoReader) fail(msg string) {
	if p.all != nil {
		p = p.all
	}
	if p.err == nil {
		p.err = &Error{Msg: msg}
	}
}

func (p *protoReader) unknown(in string) error {
	p.fail(in + ": field " + strconv.FormatUint(p.tag>>3, 10) + " does not belong here")
	if p.all != nil {
		return p.all.err
	}
	return p.err
}

// next reads a field; false at the end and after an error.
func (p *protoReader) next() bool {
	if len(p.left) == 0 || p.err != nil || p.all != nil && p.all.err != nil {
		return false
	}
	varint := func() (n uint64) {
		n, size := binary.Uvarint(p.left)
		if size <= 0 {
			p.fail("a varint that does not end")
			p.left = nil
			return 0
		}
		p.left = p.left[size:]
		return n
	}
	p.tag = varint()
	p.num, p.data = 0, nil
	size := uint64(0)
	switch p.tag & 7 {
	case 0:
		p.num = varint()
	case 1:
		size = 8
	case 2:
		size = varint()
	default:
		p.fail("a field of a form that the format does not have")
	}
	if size > uint64(len(p.left)) {
		p.fail("a field that goes over the end of its message")
		return false
	}
	p.data, p.left = p.left[:size], p.left[size:]
	if p.tag&7 == 1 {
		p.num = binary.LittleEndian.Uint64(p.data)
	}
	return p.err == nil && (p.all == nil || p.all.err == nil)
}
