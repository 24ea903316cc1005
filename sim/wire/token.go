package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"drover/sim/measure"
)

// Token is how a device asks for its credential.
type Token struct {
	Exchange
	Granting
}

// Granting says where the answer has it.
type Granting struct {
	Token Place
	Lasts Place // in seconds; nil: nothing says it, and it lasts until it is refused
}

// Granted is what an answer grants: a token, and how long it lasts, 0 for until it is refused. Where it grants none the class is not OK,
// and the error says nothing of what the answer holds.
func (t *Token) Granted(class measure.Class, status int, body []byte) (token string, lasts time.Duration, _ measure.Class, _ error) {
	var a Answer
	class, err := t.Read(&Reply{Class: class, Status: status, Body: body}, &a)
	switch {
	case class == measure.BadAnswer && err == nil:
		return "", 0, class, fmt.Errorf("the answer is too long")
	case class != measure.OK:
		return "", 0, class, fmt.Errorf("status %d", status)
	}
	if err := wellFormed(body); err != nil {
		return "", 0, measure.BadAnswer, fmt.Errorf("status %d with a body that is no JSON", status)
	}
	raw := t.Token.find(body)
	if token = string(textOf(raw)); len(raw) == 0 || raw[0] != '"' || token == "" {
		return "", 0, measure.BadAnswer, fmt.Errorf("status %d, but the answer has no text at %s", status, strings.Join(t.Token, "."))
	}
	if t.Lasts == nil {
		return token, 0, measure.OK, nil
	}
	seconds, err := strconv.ParseFloat(string(textOf(t.Lasts.find(body))), 64)
	if err != nil || !(seconds > 0 && seconds < 1e9) {
		return "", 0, measure.BadAnswer, fmt.Errorf("status %d, but the answer has no number of seconds at %s", status, strings.Join(t.Lasts, "."))
	}
	return token, time.Duration(seconds * float64(time.Second)), measure.OK, nil
}
