package wire

import "bytes"

// OTLPRecord is one log record of an export request in JSON, as a store or a file shows it that holds such requests. Its fields are valid
// until the next one.
type OTLPRecord struct {
	ID, Tenant []byte // what its attributes say, as texts
	Native     []byte // what it says as a native document; nil where that cannot be told
}

// OTLPRecords goes through the records of a run in an export request of OpenTelemetry logs in JSON, and through nothing else: others may
// have written into the same place, whatever they like. False says that doc is no document of JSON.
func OTLPRecords(doc []byte, run string, each func(OTLPRecord) error) (ok bool, err error) {
	if wellFormed(doc) != nil {
		return false, nil
	}
	decode := OTLPJSON(&Constants{}).Decode
	var one, native []byte
	for _, of := range elements(member(doc, "resourceLogs")) {
		resource := member(of, "resource")
		if string(attributeOf(resource, "drover.run.id")) != run {
			continue
		}
		tenant := attributeOf(resource, "defender.account.tenant_id")
		for _, scope := range elements(member(of, "scopeLogs")) {
			for _, record := range elements(member(scope, "logRecords")) {
				one = append(append(one[:0], `{"resourceLogs":[{"resource":`...), resource...)
				one = append(append(one, `,"scopeLogs":[{"scope":`...), orNull(member(scope, "scope"))...)
				one = append(append(append(one, `,"logRecords":[`...), record...), `]}]`...)
				if schema := member(of, "schemaUrl"); schema != nil {
					one = append(append(one, `,"schemaUrl":`...), schema...)
				}
				one = append(one, `}]}`...)
				r := OTLPRecord{ID: attributeOf(record, "log.record.uid"), Tenant: tenant}
				native = native[:0]
				if decode(one, func(n []byte) error { native = append(native, n...); return nil }) == nil {
					r.Native = native
				}
				if err := each(r); err != nil {
					return true, err
				}
			}
		}
	}
	return true, nil
}

// attributeOf is the text of an attribute of a resource or a record; nil without one.
func attributeOf(of []byte, key string) []byte {
	for _, a := range elements(member(of, "attributes")) {
		if string(textOf(member(a, "key"))) == key {
			return bytes.Clone(textOf(member(member(a, "value"), "stringValue")))
		}
	}
	return nil
}

// OTLPRest is what may be a whole request in a line that is none, since its writer died in the middle of one and began another behind
// it; nil: nothing is.
func OTLPRest(line []byte) []byte {
	const begin = `{"resourceLogs":`
	if len(line) == 0 {
		return nil
	}
	at := bytes.Index(line[1:], []byte(begin)) // in a text its quotes are escaped
	if at < 0 {
		return nil
	}
	return line[1+at:]
}
