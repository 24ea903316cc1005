package target

import (
	"errors"
	"fmt"
	"strings"
)

// streamError has the fields of net/http's error for one stream of HTTP/2, which has no name outside: its As method fills
// any struct that has them.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamError) Error() string { return fmt.Sprintf("stream %d: code %d", e.StreamID, e.Code) }

// isReset2 reports whether the backend ended a stream of HTTP/2, or said goodbye, before a whole answer. What else is wrong
// with a stream was found by our side. net/http has names for none of these errors.
func isReset2(err error) bool {
	var e streamError
	if errors.As(err, &e) {
		return e.Cause != nil && e.Cause.Error() == "received from peer"
	}
	text := err.Error()
	return strings.Contains(text, "GOAWAY") || strings.Contains(text, "http2: Transport: cannot retry err") ||
		strings.Contains(text, "cannot rewind body after connection loss")
}
