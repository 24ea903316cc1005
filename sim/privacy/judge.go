package privacy

import (
	"math/bits"

	"drover/sim/event"
)

// judge holds a document that was read whole to the rules about more than one field.
func (r *Reader) judge() {
	var s Settings
	if r.settings != nil {
		s, r.hasSettings = r.settings(r.device)
		r.private, r.open = s.Private, s.Open
	}
	r.judgeUpload()
	for i := range r.events {
		r.index = i
		e := &r.events[i]
		r.judgeEvent(e)
		if r.hasSettings {
			r.judgeSettings(e, s)
		}
	}
	r.index = -1
}

// judgeUpload looks for what every upload must have.
func (r *Reader) judgeUpload() {
	identifiers, grouped := 0, false
	for i := range r.c.items {
		it := &r.c.items[i]
		if !r.c.local[i] || it.Carried || !it.Needs(Always) {
			continue
		}
		have := r.present&(1<<i) != 0
		switch where := place(it.Name); {
		case it.Group != "":
			grouped = true
			if have {
				identifiers++
			}
		case len(where) > len(eventsPath) && where[:len(eventsPath)] == eventsPath:
			for n := range r.events {
				if r.events[n].present&(1<<i) == 0 {
					r.index = n
					r.note(P15, where, "is missing")
					r.index = -1
				}
			}
		case !have:
			r.note(P15, where, "is missing")
		}
	}
	if grouped && identifiers != 1 && !(r.outside && identifiers == 0) {
		r.notef(P05, "device.id", "has %d identifiers, want exactly one", identifiers)
	}
}

const eventsPath = "events[]."

// judgeEvent holds the fields of one event against its kind and its own verdict.
func (r *Reader) judgeEvent(e *fact) {
	switch {
	case !e.known:
	case e.kind == event.WebThreat && e.verdict == benign:
		r.note(P06, "events[].detection.category", "a benign visit was reported")
	case e.kind == event.WebThreat && e.verdict == noVerdict && e.present&r.c.about[e.kind] != 0: // told below, of each
	case e.kind == event.WebThreat && e.verdict == noVerdict && r.c.Setting:
		r.note(P02, "events[].detection", "is missing: whatever is withheld, the alert is sent")
	case e.kind == event.WebThreat && e.verdict == noVerdict:
		r.note(P01, "events[].detection", "is missing: without a verdict there is nothing to report")
	case e.kind != event.WebThreat && e.verdict != noVerdict:
		r.notef(P13, "events[].detection", "in a record of kind %s", e.kindOf())
	case e.kind == event.Diagnostics && e.present&r.c.about[e.kind] == 0:
		r.note(P13, "events[].diag", "is missing in a record of kind diagnostics")
	}
	r.judgeMissing(e)
	if e.known && e.kind == event.WebThreat && e.verdict == malicious && r.hasSettings {
		switch {
		case !e.hasRisk:
			r.note(P12, "events[].detection.risk", "is missing")
		case e.rated() && e.risk != event.RiskOf(e.category, e.bypassed == yes):
			r.note(P12, "events[].detection.risk", "is not what follows from category and bypassed")
		}
	}
	for left := e.present; left != 0; left &= left - 1 {
		it := &r.c.items[bits.TrailingZeros64(left)]
		where := eventsPath + it.Name
		wrongKind := it.Carried && e.known && e.kind != it.Kind
		switch {
		case it.Needs(Malicious) && (wrongKind || e.verdict != malicious):
			r.notef(P01, where, "in a record of kind %s without a malicious verdict", e.kindOf())
		case !wrongKind:
		case it.Needs(OptionalOn):
			r.notef(P09, where, "optional data in a record of kind %s", e.kindOf())
		case it.Needs(FeedbackGiven):
			r.notef(P10, where, "in a record of kind %s", e.kindOf())
		default:
			r.notef(P13, where, "in a record of kind %s", e.kindOf())
		}
	}
	if e.known && e.kind == event.Feedback {
		for i := range r.c.items {
			it := &r.c.items[i]
			if r.c.local[i] && it.Needs(FeedbackGiven) && !it.Needs(ValueGiven) && e.present&(1<<i) == 0 {
				r.note(P10, eventsPath+it.Name, "is missing")
			}
		}
	}
}

// judgeMissing looks for what a record of its kind must say: required data whose conditions hold.
func (r *Reader) judgeMissing(e *fact) {
	if !e.known {
		return
	}
	for i := range r.c.items {
		it := &r.c.items[i]
		if !r.c.local[i] || !it.Carried || it.Kind != e.kind || it.Category != Required || e.present&(1<<i) != 0 {
			continue
		}
		where := eventsPath + it.Name
		switch {
		case it.Needs(Malicious) && e.verdict != malicious, it.Needs(OptionalOn), it.Needs(FeedbackGiven):
		case it.Needs(PrivacyOff):
			if r.hasSettings && r.open {
				r.note(P15, where, "is missing, although privacy is not in effect on this device")
			}
		case !r.c.Setting && it.Needs(Malicious) && r.hasSettings && r.private:
			r.note(P04, where, "is missing on a device with the privacy setting, which this contract does not have")
		default:
			r.note(P15, where, "is missing in a record of this kind")
		}
	}
}

// judgeSettings holds an event against what admin and user chose.
func (r *Reader) judgeSettings(e *fact, s Settings) {
	if e.known && e.present&r.c.about[e.kind] == 0 {
		// A record that says nothing says that the user allowed it.
		switch {
		case e.kind == event.Diagnostics && !s.OptionalDiag:
			r.note(P09, "events[].kind", "this device does not allow optional diagnostic data")
		case e.kind == event.Feedback && !s.FeedbackForm:
			r.note(P10, "events[].kind", "this device is not offered the feedback form")
		}
	}
	for left := e.present; left != 0; left &= left - 1 {
		it := &r.c.items[bits.TrailingZeros64(left)]
		where := eventsPath + it.Name
		if s.Private && it.Needs(PrivacyOff) {
			r.note(P02, where, "privacy is in effect on this device")
		}
		if !s.OptionalDiag && it.Needs(OptionalOn) {
			r.note(P09, where, "this device does not allow optional diagnostic data")
		}
		if !s.FeedbackForm && it.Needs(FeedbackGiven) {
			r.note(P10, where, "this device is not offered the feedback form")
		}
	}
}
