package wire

import (
	"fmt"
	"strconv"

	"drover/sim/measure"
)

// readOTLP reads the answer to an export of logs, in JSON or in protobuf (opentelemetry-proto, collector/logs/v1): a success may say
// that some records were rejected, though never which. Where that is all of them the upload is refused. Where it is some, nobody knows of
// any of its events whether it was stored, and the answer is Unsure.
func readOTLP(r *Reply, a *Answer) (measure.Class, error) {
	a.reset()
	if r.Class != measure.OK {
		return r.Class, nil
	}
	rejected, why, ok := partialSuccess(r.Body)
	switch {
	case !ok:
		return measure.BadAnswer, fmt.Errorf("status %d with a body that is no ExportLogsServiceResponse: %.60q", r.Status, r.Body)
	case rejected <= 0:
		a.Accepted = r.Events
		return measure.OK, nil
	case rejected < int64(r.Events):
		a.Unsure = true
		return measure.Rejected, fmt.Errorf("status %d, but %d of %d log records are rejected, and the answer does not say which: %.200q", r.Status, rejected, r.Events, why)
	}
	return measure.Rejected, fmt.Errorf("status %d, but each log record is rejected: %.200q", r.Status, why)
}

// partialSuccess finds how many records were rejected; false where the body is no answer of this kind.
func partialSuccess(body []byte) (rejected int64, why []byte, ok bool) {
	if len(body) > 0 && body[0] == '{' {
		if wellFormed(body) != nil {
			return 0, nil, false
		}
		ok := true
		for key, value := range membersOf(member(body, "partialSuccess")) {
			switch string(key) {
			case "rejectedLogRecords": // a text, as 64-bit numbers are, or a number
				n, err := strconv.ParseInt(string(textOf(value)), 10, 64)
				rejected, ok = n, ok && err == nil
			case "errorMessage":
				why = textOf(value)
			}
		}
		return rejected, why, ok
	}
	answer := protoReader{left: body} // no byte at all is a success
	for answer.next() {
		if answer.tag != 1<<3|2 {
			continue // of a newer version
		}
		for part := (protoReader{left: answer.data, all: &answer}); part.next(); {
			switch part.tag {
			case 1 << 3: // a varint
				rejected = int64(part.num)
			case 2<<3 | 2:
				why = part.data
			}
		}
	}
	return rejected, why, answer.err == nil
}
