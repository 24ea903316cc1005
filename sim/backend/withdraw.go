package backend

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"drover/sim/defect"
	"drover/sim/event"
	"drover/sim/wire"
)

// maxWithdrawal bounds the body of a withdrawal: 100,000 devices.
const maxWithdrawal = 4 << 20

// withdraw takes the news that the users of some devices took back their consent to optional diagnostic data, and erases what is
// stored of it: {"devices":["account.device_id",...]}, of the tenants that the token may see. Who asks twice erases nothing more.
func (h *handler) withdraw(c *call) error {
	name, err := runAsked(c.r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxWithdrawal+1))
	if err != nil {
		return &refusal{http.StatusBadRequest, "the body breaks off"}
	}
	var said struct {
		Devices []string `json:"devices"`
	}
	if len(body) > maxWithdrawal {
		return &refusal{http.StatusRequestEntityTooLarge, "want at most 4 MiB; ask more than once"}
	}
	if json.Unmarshal(body, &said) != nil || len(said.Devices) == 0 {
		return &refusal{http.StatusBadRequest, `want {"devices":["the account.device_id of a device"]}`}
	}
	devices := make(map[string]bool, len(said.Devices))
	for _, d := range said.Devices {
		devices[d] = true
	}
	var out struct {
		Erased int64 `json:"erased"`
	}
	if r := h.store.run(name); r != nil {
		if out.Erased, err = h.erase(r.list(), c.who, devices); err != nil {
			return err
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return reply(c, "application/json", b)
}

// erase removes what some devices of tenants no longer consent to, and returns when it is gone.
func (h *handler) erase(of []*tenant, who principal, devices map[string]bool) (n int64, err error) {
	if err := h.scribe.begin(); err != nil {
		return 0, err
	}
	for _, t := range of {
		if who.may(t.id) {
			n += t.erase(devices, h.mischief, h.scribe)
		}
	}
	h.scribe.end()
	return n, h.scribe.wait()
}

// erase removes the optional data of some devices from everybody's sight, but for what a defect keeps, and returns how many events
// that is.
func (t *tenant) erase(devices map[string]bool, m *mischief, s *scribe) (n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := make([]bool, len(t.envelopes))
	for i, text := range t.envelopes {
		var e struct {
			Account struct {
				DeviceID string `json:"device_id"`
			} `json:"account"`
		}
		of[i] = json.Unmarshal([]byte("{"+text+"}"), &e) == nil && devices[e.Account.DeviceID]
	}
	for i := range uint32(t.n) {
		rec := t.record(i)
		if !of[rec.envelope] {
			continue
		}
		raw := t.raw(rec)
		if k, ok := kindIn(raw); !ok || k != event.Diagnostics || t.hidden[i].gone {
			continue
		}
		if id, ok := idIn(raw); ok {
			if hit, _ := m.strikes(defect.KeepWithdrawn, id); hit {
				continue
			}
		}
		if !t.hidden[i].from(true, time.Now()) {
			n++
		}
		t.hide(i, hidden{gone: true, leak: t.hidden[i].leak})
		s.erased(rec)
	}
	return n
}

// idIn reads the id of an event from its bytes.
func idIn(raw []byte) (event.ID, bool) {
	e := struct {
		ID string `json:"id"`
	}{}
	if json.Unmarshal(raw, &e) != nil {
		return event.ID{}, false
	}
	id, ok := wire.ParseGUID(e.ID)
	return event.ID(id), ok
}
