package backend

import (
	"time"

	"drover/sim/defect"
)

// viewer is who looks at events that are stored.
type viewer struct {
	operator bool      // sees all tenants anyway
	stranger *mischief // not nil: another tenant, whom a defect shows some
}

// sees reports whether the viewer is shown an event. h is what hides it, if anything does.
func (v viewer) sees(raw []byte, h hidden) bool {
	if h != (hidden{}) && h.from(v.operator || v.stranger != nil, time.Now()) {
		return false
	}
	return v.stranger == nil || v.stranger.tells(raw)
}

// opens reports whether a tenant that asks for another one by name may be shown something.
func (m *mischief) opens() bool { return m != nil && m.set.Rules[defect.AnswerForeign].Share > 0 }

// tells reports whether another tenant is shown an event.
func (m *mischief) tells(raw []byte) bool {
	id, ok := idIn(raw)
	if !ok {
		return false
	}
	hit, _ := m.strikes(defect.AnswerForeign, id)
	return hit
}
