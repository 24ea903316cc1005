package backend

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"drover/sim/classify"
	"drover/sim/defect"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/wire"
)

// mischief plants the defects of a set and keeps count of them. A nil mischief plants none. It is safe for concurrent use.
type mischief struct {
	set    *defect.Set
	scribe *scribe // to whom each strike is told

	mu      sync.Mutex
	hit     [defect.NumKinds]map[event.ID]struct{}
	planted [defect.NumKinds]int64
	refused int64 // requests over the capacity

	tokens float64 // of the capacity's bucket, which holds a tenth of a second
	filled time.Time
}

func newMischief(set *defect.Set) *mischief {
	if !set.Any() {
		return nil
	}
	return newMischiefs(set)
}

func newMischiefs(set *defect.Set) *mischief {
	m := &mischief{set: set}
	for k := range m.hit {
		m.hit[k] = make(map[event.ID]struct{})
	}
	return m
}

// strikes reports whether a defect hits the event, or the request that begins with it, and whether it does so for the first
// time. What was hit stays hit when it comes again.
func (m *mischief) strikes(k defect.Kind, id event.ID) (hit, first bool) {
	if m == nil || !m.set.Hits(k, id) {
		return false, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.hit[k][id]; ok {
		return true, false
	}
	first = m.plant(k, id)
	return first, first
}

// plant counts one more strike, unless there were as many as there are to be. The caller holds mu.
func (m *mischief) plant(k defect.Kind, id event.ID) bool {
	if most := m.set.Rules[k].Count; most > 0 && m.planted[k] >= most {
		return false
	}
	m.hit[k][id] = struct{}{}
	m.planted[k]++
	m.scribe.planted(k, id)
	return true
}

// once is strikes for what must not hit the same request twice: a device that sends again would never get through.
func (m *mischief) once(k defect.Kind, id event.ID) bool {
	_, first := m.strikes(k, id)
	return first
}

// struck is once for the defects of a request. It waits until the strike is in the journal: the client must not learn of one that
// a crash undoes. Where it cannot be written nothing else can, and nothing is acknowledged.
func (m *mischief) struck(k defect.Kind, id event.ID) bool {
	if !m.once(k, id) {
		return false
	}
	_ = m.scribe.wait()
	return true
}

// copies counts one more copy of an event that came again and is stored again. Unlike strikes it hits an event every time.
func (m *mischief) copies(k defect.Kind, id event.ID) bool {
	if m == nil || !m.set.Hits(k, id) {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.plant(k, id)
}

// full reports whether a request is one too many for the capacity.
func (m *mischief) full(now time.Time) bool {
	if m == nil || m.set.Capacity <= 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	most := max(1, m.set.Capacity/10)
	if m.filled.IsZero() {
		m.tokens = most
	} else {
		m.tokens = min(most, m.tokens+now.Sub(m.filled).Seconds()*m.set.Capacity)
	}
	m.filled = now
	if m.tokens < 1 {
		m.refused++
		return true
	}
	m.tokens--
	return false
}

// stored are the defects of an event in store, of which at most one hits it. The order is a part of what a seed decides.
var stored = [...]defect.Kind{defect.Lose, defect.SwapTenant, defect.Change, defect.Truncate, defect.Delay, defect.Leak}

// fate is what becomes of an event that is not held yet: the defect that hits it, if any, and whether it is the first time.
// others says whether there is another tenant.
func (m *mischief) fate(e *wire.Event, others bool) (k defect.Kind, hit, first bool) {
	if m == nil {
		return 0, false, false
	}
	for _, k := range stored {
		switch {
		case (k == defect.SwapTenant || k == defect.Leak) && !others:
			continue
		case k == defect.Change && changed(e.Raw) == nil:
			continue
		}
		if hit, first := m.strikes(k, e.ID); hit {
			return k, true, first
		}
	}
	return 0, false, false
}

// misplace decides what is stored of an event that is not held: its bytes, and whom they are hidden from. gone says that
// nothing is, and again that so it was when the event came before. What other is to get is appended to away.
func (m *mischief) misplace(e *wire.Event, other *tenant, away *[]moved) (raw []byte, hide hidden, gone, again bool) {
	k, hit, first := m.fate(e, other != nil)
	if !hit {
		return e.Raw, hidden{}, false, false
	}
	switch k {
	case defect.Lose:
		return nil, hidden{}, true, !first
	case defect.SwapTenant:
		if first {
			*away = append(*away, moved{to: other, event: e})
		}
		return nil, hidden{}, true, !first
	case defect.Change:
		return changed(e.Raw), hidden{}, false, false
	case defect.Truncate:
		return e.Raw[:len(e.Raw)/2], hidden{}, false, false
	case defect.Delay:
		return e.Raw, hidden{until: time.Now().Add(m.set.Rules[k].For)}, false, false
	}
	*away = append(*away, moved{to: other, event: e, leak: true})
	return e.Raw, hidden{}, false, false
}

// again reports whether an event that came again is stored again.
func (m *mischief) again(id event.ID) bool {
	return m != nil && (m.once(defect.StoreTwice, id) || m.copies(defect.Again, id))
}

// altered reports whether an event that is held was changed on its way into the store, so that its bytes say nothing.
func (m *mischief) altered(id event.ID) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, changed := m.hit[defect.Change][id]
	_, cut := m.hit[defect.Truncate][id]
	return changed || cut
}

// changed returns the event with the last digit of its time counted up, or nil where there is none.
func changed(raw []byte) []byte {
	at := bytes.Index(raw, []byte(`"time"`))
	if at < 0 {
		return nil
	}
	end := bytes.Index(raw[at:], []byte(`Z"`))
	if end < 1 {
		return nil
	}
	out := bytes.Clone(raw)
	digit := &out[at+end-1]
	*digit = '0' + (*digit-'0'+1)%10
	return out
}

// reset ends a request without an answer: the client sees its connection reset.
func reset(w http.ResponseWriter) error {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 and tests have no connection to give
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // RST instead of FIN
	}
	conn.Close()
	return errGone
}

// errGone is an answer that will never be: there is nothing left to write to.
var errGone = errors.New("the backend hung up")

// before plants the defects of a request that strike before anything is stored. An error is the answer.
func (m *mischief) before(c *call, id event.ID) error {
	if m.struck(defect.Stall, id) {
		m.wait(c.r, defect.Stall)
	}
	switch {
	case m.struck(defect.Throttle, id):
		return busy(c, m.set.Rules[defect.Throttle].For)
	case m.struck(defect.Fail, id):
		return &refusal{m.set.Rules[defect.Fail].Status, "the backend was told to fail"}
	case m.struck(defect.Reset, id):
		return reset(c.w)
	}
	return nil
}

// wait waits for a rule's time, or until the client is gone.
func (m *mischief) wait(r *http.Request, k defect.Kind) {
	timer := time.NewTimer(m.set.Rules[k].For)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// busy is 429, with Retry-After in whole seconds, rounded up, unless after is 0.
func busy(c *call, after time.Duration) error {
	if after > 0 {
		c.w.Header().Set("Retry-After", strconv.FormatInt(int64((after+time.Second-1)/time.Second), 10))
	}
	return &refusal{http.StatusTooManyRequests, "too many requests"}
}

// lies turns the answer into one that refuses every event.
func (m *mischief) lies(u *wire.Upload, ans *wire.Answer) bool {
	if !m.struck(defect.Lie, u.Events[0].ID) {
		return false
	}
	*ans = wire.Answer{Verdicts: ans.Verdicts[:0], Refused: ans.Refused[:0]}
	for i := range u.Events {
		ans.Refused = append(ans.Refused, wire.Refusal{Seq: u.Events[i].Seq, Reason: []byte("internal error")})
	}
	return true
}

// verdict plants what is wrong with a verdict. took is how long the request has taken.
func (m *mischief) verdict(v *wire.Verdict, id event.ID, took time.Duration) {
	if m == nil || !v.Known {
		return
	}
	wrong := classify.Verdict{Category: event.Phishing, Score: 0.9}
	if v.Category != event.Benign {
		wrong = classify.Verdict{Category: event.Benign}
	}
	if hit, _ := m.strikes(defect.WrongVerdict, id); hit {
		v.Category, v.Score = wrong.Category, wrong.Score
	}
	if slow := m.set.Rules[defect.CleanWhenSlow]; slow.Share > 0 && took >= slow.For && v.Category != event.Benign {
		if hit, _ := m.strikes(defect.CleanWhenSlow, id); hit {
			v.Category, v.Score = event.Benign, 0
		}
	}
}

// answer sends an answer, or what a defect makes of it.
func (m *mischief) answer(c *call, id event.ID, body []byte) error {
	switch {
	case m.struck(defect.DropAnswer, id):
		return reset(c.w)
	case !m.struck(defect.SlowBody, id):
		return reply(c, "application/json", body)
	}
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Write(body[:len(body)/2])
	http.NewResponseController(c.w).Flush()
	m.wait(c.r, defect.SlowBody)
	c.w.Write(body[len(body)/2:])
	return nil
}

// hidden is an event in store that not everybody sees.
type hidden struct {
	gone  bool      // erased, as the device's user has the right to
	until time.Time // nobody sees it before
	leak  bool      // another tenant's: only this tenant's readers see it
}

func (h hidden) from(all bool, now time.Time) bool {
	return h.gone || h.leak && all || now.Before(h.until)
}

// planted is what /v1/defects tells of one kind.
type planted struct {
	Defect  string   `json:"defect"`
	Planted int64    `json:"planted"` // events, copies of events or requests that were hit
	Events  []string `json:"events"`  // some of them: ids, of a request the first event's
}

const maxPlanted = 100

// defects shows what was planted: {"seed":7,"defects":[...],"over_capacity":0}.
func (h *handler) defects(c *call) error {
	if !c.who.all {
		return &refusal{http.StatusForbidden, "only the operator's token may ask what was planted"}
	}
	out := struct {
		Seed    uint64    `json:"seed"`
		Defects []planted `json:"defects"`
		Over    int64     `json:"over_capacity"` // requests beyond the capacity
	}{Defects: []planted{}}
	if m := h.mischief; m != nil {
		m.mu.Lock()
		out.Seed, out.Over = m.set.Seed, m.refused
		for k := range defect.NumKinds {
			if m.set.Rules[k].Share <= 0 && m.planted[k] == 0 { // the latter is what a database has of earlier
				continue
			}
			p := planted{Defect: k.String(), Planted: m.planted[k], Events: []string{}}
			for id := range m.hit[k] {
				if len(p.Events) == maxPlanted {
					break
				}
				p.Events = append(p.Events, fleet.GUID(id).String())
			}
			out.Defects = append(out.Defects, p)
		}
		m.mu.Unlock()
	}
	b, err := json.Marshal(&out)
	if err != nil {
		return err
	}
	return reply(c, "application/json", b)
}

// elsewhere picks another tenant than t, nil when there is none.
func (r *run) elsewhere(t *tenant, id event.ID) *tenant {
	all := r.list()
	if len(all) < 2 {
		return nil
	}
	i := (t.place + 1 + int(id[15])%(len(all)-1)) % len(all)
	return all[i]
}

// smuggle puts an event of another tenant into t: as t's own, or as a leak.
func (t *tenant) smuggle(s *store, from fleet.GUID, u *wire.Upload, e *wire.Event, leak bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	env := s.envelope(t, u)
	if leak {
		t.hide(uint32(t.n), hidden{leak: true})
		s.write(t, e, e.Raw, env, Leaked)
		return
	}
	text := string(bytes.Replace([]byte(t.envelopes[env]), []byte(from.String()), []byte(t.id.String()), 1))
	i, ok := t.known[text]
	if !ok {
		i = s.sender(t, u.Device.ID, text)
	}
	t.kinds[e.Kind]++
	s.kinds[e.Kind].Add(1)
	s.held.Add(1)
	s.write(t, e, e.Raw, i, Swapped)
}

func (t *tenant) hide(i uint32, h hidden) {
	if t.hidden == nil {
		t.hidden = make(map[uint32]hidden)
	}
	t.hidden[i] = h
}
