package wire

import (
	"bytes"
	"errors"
)

// decodeOTLP makes a Decode. records turns a body into documents as otlpRows has them: a record with its resource and scope each.
func decodeOTLP(records func(body []byte, each func(flat []byte) error) error) func(body []byte, each func(native []byte) error) error {
	return func(body []byte, each func(native []byte) error) error {
		var c capture
		return records(body, func(flat []byte) error {
			native, err := otlpTable().document(flat, &c)
			if e := (*Error)(nil); errors.As(err, &e) {
				e.Offset = 0 // it is not of the body
				return e
			}
			return each(native)
		})
	}
}

// flatRecord puts a document together. around is what is the same for all records of a scope.
func flatRecord(dst, around, record []byte) []byte {
	dst = append(append(dst, '{'), around...)
	return append(append(dst, record...), '}')
}

// jsonRecords reads the JSON encoding.
func jsonRecords(body []byte, each func(flat []byte) error) error {
	if err := whole(body); err != nil {
		return err
	}
	var around, record, flat []byte
	var err error
	no := func(field string) { err = errors.Join(err, &Error{Field: field, Msg: "does not belong here"}) }
	// What has no record in it would be looked at by nobody.
	object := func(value []byte, field string) {
		if value == nil || value[0] != '{' {
			err = errors.Join(err, &Error{Field: field, Msg: "want an object"})
		}
	}
	object(bytes.TrimSpace(body), "")
	for key, list := range membersOf(body) {
		if string(key) != "resourceLogs" || list[0] != '[' {
			no(string(key))
		}
		for _, of := range elements(list) {
			object(of, "resourceLogs[]")
			empty := true
			var resource, schema, scopes []byte
			for key, value := range membersOf(of) {
				switch string(key) {
				case "resource":
					resource = value
				case "schemaUrl":
					schema = value
				case "scopeLogs":
					scopes = value
				default:
					no("resourceLogs[]." + string(key))
				}
			}
			for _, scope := range elements(scopes) {
				object(scope, "scopeLogs[]")
				around = append(append(around[:0], `"schemaUrl":`...), orNull(schema)...)
				around = append(around, `,"resource":`...)
				var found bool
				for key, value := range membersOf(resource) {
					switch string(key) {
					case "attributes":
						around, found = flatAttributes(around, value, no), true
					default:
						no("resourceLogs[].resource." + string(key))
					}
				}
				if !found {
					around = append(around, "null"...)
				}
				var records []byte
				for key, value := range membersOf(scope) {
					switch string(key) {
					case "scope":
						around = append(append(around, `,"scope":`...), value...)
					case "logRecords":
						records = value
					default:
						no("scopeLogs[]." + string(key))
					}
				}
				empty = true
				for _, of := range elements(records) {
					empty = false
					object(of, "logRecords[]")
					record = flatJSON(record[:0], of, no)
					if err != nil {
						return first(err)
					}
					flat = flatRecord(flat[:0], around, record)
					if err := each(flat); err != nil {
						return err
					}
				}
				if empty {
					no("scopeLogs[]")
				}
			}
			if empty {
				no("resourceLogs[]")
			}
		}
	}
	if err != nil {
		return first(err)
	}
	return nil
}

// first is the first of joined mistakes.
func first(err error) error {
	e := (*Error)(nil)
	errors.As(err, &e)
	return e
}

func orNull(value []byte) []byte {
	if value == nil {
		return []byte("null")
	}
	return value
}

// flatJSON writes the members of a record.
func flatJSON(dst, record []byte, no func(field string)) []byte {
	for key, value := range membersOf(record) {
		switch string(key) {
		case "traceId", "spanId":
			if len(textOf(value)) > 0 {
				no("logRecords[]." + string(key))
			}
			continue // some receivers show that there is none
		case "body":
			if d := (&decoder{data: value, event: -1}); d.peek() == '{' {
				if d.pos++; d.peek() == '}' {
					continue // or so
				}
			}
		case "flags", "droppedAttributesCount":
			if string(value) != "0" {
				no("logRecords[]." + string(key))
			}
			continue
		}
		dst = append(appendEscaped(append(dst, ','), key), ':')
		switch string(key) {
		case "attributes":
			dst = flatAttributes(dst, value, no)
		case "body":
			dst = flatValue(dst, value, no)
		case "timeUnixNano", "observedTimeUnixNano": // a number is the same
			dst = appendEscaped(dst, textOf(value))
		default:
			dst = append(dst, value...)
		}
	}
	return dst
}

// flatAttributes writes attributes as one object.
func flatAttributes(dst, list []byte, no func(field string)) []byte {
	dst = append(dst, '{')
	n := 0
	for _, a := range elements(list) {
		var key, value []byte
		for name, v := range membersOf(a) {
			switch string(name) {
			case "key":
				key = textOf(v)
			case "value":
				value = v
			default:
				no("attributes[]." + string(name))
			}
		}
		if n++; n > 1 {
			dst = append(dst, ',')
		}
		dst = append(appendEscaped(dst, key), ':')
		dst = flatValue(dst, value, no)
	}
	return append(dst, '}')
}

// flatValue writes an AnyValue of one of the kinds that the format uses.
func flatValue(dst, value []byte, no func(field string)) []byte {
	n := 0
	for kind, v := range membersOf(value) {
		n++
		switch string(kind) {
		case "intValue":
			v = textOf(v)
			if d := (&decoder{data: v, event: -1}); d.number() == nil || d.finish() != nil {
				no("value." + string(kind))
				v = nil
			}
			fallthrough
		case "stringValue", "doubleValue", "boolValue":
			dst = append(dst, orNull(v)...)
		default:
			no("value." + string(kind))
		}
	}
	if n != 1 {
		no("value")
		return append(dst, "null"...)
	}
	return dst
}
