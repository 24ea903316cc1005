package backend

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/wire"
)

const (
	defaultPage = 1000 // events
	maxPage     = 10_000
	maxPageSize = 16 << 20 // bytes, after which a page ends early
	perLock     = 256      // events that are read before writers get their turn
)

// query takes apart the query of an audit. A parameter that the audit does not have is an error: a misspelt filter would
// show too much.
func query(r *http.Request, names ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "malformed query"}
	}
	for name, values := range q {
		if !slices.Contains(names, name) || len(values) != 1 {
			return nil, &refusal{http.StatusBadRequest, "parameter " + strconv.Quote(name) + " is unknown or given twice; want " + strings.Join(names, ", ")}
		}
	}
	return q, nil
}

// runAsked is the run that a request is about whose only parameter it is.
func runAsked(r *http.Request) (string, error) {
	q, err := query(r, "run")
	if err != nil {
		return "", err
	}
	return runOf(r, q.Get("run"))
}

func (h *handler) auditCounts(c *call) error {
	name, err := runAsked(c.r)
	if err != nil {
		return err
	}
	// A run of which nothing was stored is not an error: nothing is the answer.
	counts := wire.Counts{Run: name, Tenants: []wire.TenantCounts{}, Total: wire.TenantCounts{Kinds: make(map[string]int64)}}
	for _, k := range event.Kinds() {
		counts.Total.Kinds[k.String()] = 0
	}
	if r := h.store.run(name); r != nil {
		for _, t := range r.list() {
			if c.who.may(t.id) {
				counts.Tenants = append(counts.Tenants, t.counts())
			}
		}
	}
	slices.SortFunc(counts.Tenants, func(a, b wire.TenantCounts) int { return strings.Compare(a.Tenant, b.Tenant) })
	for _, t := range counts.Tenants {
		sum := &counts.Total
		sum.Events += t.Events
		sum.Duplicates += t.Duplicates
		sum.Refused += t.Refused
		sum.Unenrolled += t.Unenrolled
		sum.Devices += t.Devices
		sum.Enrolled += t.Enrolled
		for k, n := range t.Kinds {
			sum.Kinds[k] += n
		}
	}
	b, err := json.Marshal(&counts)
	if err != nil {
		return err
	}
	return reply(c, "application/json", b)
}

func (t *tenant) counts() wire.TenantCounts {
	t.mu.RLock()
	defer t.mu.RUnlock()
	c := wire.TenantCounts{
		Tenant: t.id.String(), Kinds: make(map[string]int64, event.NumKinds),
		Duplicates: t.duplicates, Refused: t.refused, Unenrolled: t.unenrolled,
		Devices: int64(len(t.devices)), Enrolled: t.enrolled,
	}
	for k, n := range t.kinds {
		c.Kinds[event.Kind(k).String()] = n
		c.Events += n
	}
	now := time.Now()
	for i, h := range t.hidden {
		if !h.leak && h.from(true, now) { // what nobody sees does not count
			if k, ok := kindIn(t.raw(t.record(i))); ok {
				c.Kinds[k.String()]--
				c.Events--
			}
		}
	}
	return c
}

// auditEvents pages through a run: tenant after tenant in the order in which they first appeared, and each tenant's events
// in the order in which they were stored. While others write, a walk shows no event twice and every event that was stored
// before the walk began; the walk of one tenant can go on from its last cursor later.
func (h *handler) auditEvents(c *call) error {
	q, err := query(c.r, "run", "tenant", "after", "limit", "id")
	if err != nil {
		return err
	}
	name, err := runOf(c.r, q.Get("run"))
	if err != nil {
		return err
	}
	only, all, as := c.who.tenant, c.who.all, viewer{operator: c.who.all}
	if s := q.Get("tenant"); s != "" {
		id, ok := wire.ParseGUID(s)
		switch {
		case !ok:
			return &refusal{http.StatusBadRequest, "parameter tenant: want a UUID in lower case"}
		case !c.who.may(id) && h.mischief.opens():
			as.stranger = h.mischief
		case !c.who.may(id):
			return &refusal{http.StatusForbidden, "the token belongs to another tenant"}
		}
		only, all = id, false
	}
	limit := defaultPage
	if s := q.Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > maxPage {
			return &refusal{http.StatusBadRequest, "parameter limit: want 1 to 10000"}
		}
	}
	if s := q.Get("id"); s != "" {
		id, ok := wire.ParseGUID(s)
		switch {
		case !ok:
			return &refusal{http.StatusBadRequest, "parameter id: want a UUID in lower case"}
		case q.Has("after"):
			return &refusal{http.StatusBadRequest, "parameters id and after: want one of them"}
		}
		body, err := h.store.run(name).one(only, all, as, event.ID(id))
		if err != nil {
			return err
		}
		return reply(c, "application/x-ndjson", body)
	}
	body, err := h.store.run(name).page(only, all, as, q.Get("after"), limit)
	if err != nil {
		return err
	}
	return reply(c, "application/x-ndjson", body)
}

// page writes up to limit events behind the cursor, and a wire.PageEnd.
func (r *run) page(only fleet.GUID, all bool, as viewer, after string, limit int) ([]byte, error) {
	at, ok := parseCursor(after)
	if !ok {
		return nil, errCursor
	}
	var tenants []*tenant
	if r != nil {
		tenants = r.list()
	}
	last := len(tenants) - 1
	if !all {
		last = -1
		if i := slices.IndexFunc(tenants, func(t *tenant) bool { return t.id == only }); i >= 0 {
			if after != "" && at.tenant != i {
				return nil, errCursor
			}
			at.tenant, last = i, i
		}
	}
	if after != "" && at.tenant >= len(tenants) {
		return nil, errCursor
	}
	var dst []byte
	more := false
	for n := 0; at.tenant <= last; {
		t := tenants[at.tenant]
		var took, held int
		dst, took, held = t.appendEvents(dst, at.event, min(limit-n, perLock), as)
		if at.event > held {
			return nil, errCursor
		}
		n += took
		at.event += took
		left := held - at.event
		if left > 0 && (n >= limit || len(dst) >= maxPageSize) {
			more = true
			break
		}
		if left > 0 {
			continue
		}
		if at.tenant == last {
			break // stay, so that the cursor can go on here when more is stored
		}
		at = cursor{at.tenant + 1, 0}
	}
	end := wire.PageEnd{Next: after, More: more}
	if last >= 0 {
		end.Next = at.String()
	}
	b, err := json.Marshal(end)
	if err != nil {
		return nil, err
	}
	return append(append(dst, b...), '\n'), nil
}

// one writes the event with an id, as its tenant sent it, if the reader may see it by now, and a wire.PageEnd. What a defect put elsewhere is
// not looked for.
func (r *run) one(only fleet.GUID, all bool, as viewer, id event.ID) (dst []byte, err error) {
	var tenants []*tenant
	if r != nil {
		tenants = r.list()
	}
	for _, t := range tenants {
		if !all && t.id != only {
			continue
		}
		if i, ok := t.find(id); ok {
			dst, _, _ = t.appendEvents(dst, int(i), 1, as)
		}
	}
	b, err := json.Marshal(wire.PageEnd{})
	return append(append(dst, b...), '\n'), err
}

func (t *tenant) find(id event.ID) (uint32, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	i, ok := t.ids[id]
	return i, ok
}

// appendEvents writes up to n events from index from on, each as a document and a line of its own, but for those that a
// defect hides from the reader. It returns how many it went through, and how many are stored.
func (t *tenant) appendEvents(dst []byte, from, n int, as viewer) ([]byte, int, int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n = max(0, min(n, t.n-from))
	for i := from; i < from+n; i++ {
		rec := t.record(uint32(i))
		if !as.sees(t.raw(rec), t.hidden[uint32(i)]) {
			continue
		}
		start := len(dst)
		dst = append(dst, `{"v":1,`...)
		dst = append(dst, t.envelopes[rec.envelope]...)
		dst = append(dst, `,"events":[`...)
		dst = append(dst, t.raw(rec)...)
		dst = append(dst, `]}`...)
		// A document may be sent on many lines. Line ends are only ever between its tokens.
		for j := start; j < len(dst); j++ {
			if dst[j] == '\n' || dst[j] == '\r' {
				dst[j] = ' '
			}
		}
		dst = append(dst, '\n')
	}
	return dst, n, t.n
}

// cursor is the next event to show.
type cursor struct{ tenant, event int }

var errCursor = &refusal{http.StatusBadRequest, "parameter after: want the cursor of an earlier page of the same walk"}

func (c cursor) String() string { return strconv.Itoa(c.tenant) + "." + strconv.Itoa(c.event) }

func parseCursor(s string) (cursor, bool) {
	if s == "" {
		return cursor{}, true
	}
	before, behind, _ := strings.Cut(s, ".")
	t, err1 := strconv.ParseUint(before, 10, 31)
	e, err2 := strconv.ParseUint(behind, 10, 31)
	c := cursor{int(t), int(e)}
	return c, err1 == nil && err2 == nil && c.String() == s
}

// kindIn reads the kind of an event from its bytes, which begin with it unless a defect cut them off.
func kindIn(raw []byte) (event.Kind, bool) {
	_, rest, ok := bytes.Cut(raw, []byte(`"kind":"`))
	name, _, closed := bytes.Cut(rest, []byte(`"`))
	if !ok || !closed {
		return 0, false
	}
	return event.ParseKind(string(name))
}
