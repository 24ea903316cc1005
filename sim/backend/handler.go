package backend

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"drover/sim/classify"
	"drover/sim/wire"
)

// handler is the whole backend behind a listener.
type handler struct {
	keys      *keyring // nil: tokens are not required
	tokenLife time.Duration
	judge     classify.Classifier
	store     *store
	scribe    *scribe   // nil: what is stored ends with the process
	mischief  *mischief // nil: an honest backend
	metrics   *metrics
	log       *slog.Logger
	scratches sync.Pool // of *scratch
}

func newHandler(opt Options) (*handler, error) {
	if opt.Secret != nil && len(opt.Secret) == 0 {
		return nil, errors.New("the backend's secret is empty; want a key, or nil for no tokens")
	}
	if opt.MaxEvents < 0 {
		return nil, fmt.Errorf("the backend cannot store at most %d events; want 0 or more", opt.MaxEvents)
	}
	h := &handler{judge: opt.Classifier, store: newStore(opt.MaxEvents), log: opt.Log, mischief: newMischief(opt.Defects)}
	h.store.mischief = h.mischief
	if h.tokenLife = opt.TokenLife; h.tokenLife <= 0 {
		h.tokenLife = defaultTokenLife
	}
	if opt.Secret != nil {
		h.keys = newKeyring(opt.Secret)
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	h.metrics = newMetrics(h.store)
	h.scratches.New = func() any { return new(scratch) }
	if opt.Journal != nil {
		if err := h.open(opt.Journal); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// open goes on with what a journal holds.
func (h *handler) open(j Journal) error {
	sc := newScribe(j, h.log)
	if err := h.store.restore(j, sc); err != nil {
		return err
	}
	h.scribe, h.mischief = sc, h.store.mischief
	if h.mischief != nil {
		h.mischief.scribe = sc
	}
	go sc.run()
	return nil
}

// call is one request on its way through the backend.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	start time.Time
	who   principal
}

type endpoint struct {
	method string
	open   bool // needs no token
	serve  func(*handler, *call) error
}

var endpoints = map[string]endpoint{
	"/v1/enroll":        {http.MethodPost, false, func(h *handler, c *call) error { return h.ingest(c, enrolment) }},
	"/v1/events":        {http.MethodPost, false, func(h *handler, c *call) error { return h.ingest(c, batch) }},
	"/v1/events/single": {http.MethodPost, false, func(h *handler, c *call) error { return h.ingest(c, single) }},
	"/v1/audit/counts":  {http.MethodGet, false, (*handler).auditCounts},
	"/v1/audit/events":  {http.MethodGet, false, (*handler).auditEvents},
	"/v1/config":        {http.MethodGet, false, (*handler).config},
	"/v1/verdict":       {http.MethodGet, false, (*handler).verdict},
	"/v1/withdrawals":   {http.MethodPost, false, (*handler).withdraw},
	"/v1/defects":       {http.MethodGet, false, (*handler).defects},
	"/v1/token":         {http.MethodPost, true, (*handler).grant},
	"/healthz":          {http.MethodGet, true, (*handler).health},
	"/metrics":          {http.MethodGet, true, (*handler).serveMetrics},
}

// ServeHTTP answers one request. A handler either writes its 200 and returns nil, or writes nothing and returns an error.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	name, code := r.URL.Path, http.StatusOK
	ep, known := endpoints[name]
	if err := h.answer(&call{w: w, r: r, start: start}, ep, known); err == errGone {
		code = 0
	} else if err != nil {
		code = h.refuse(w, r, err)
	}
	if !known {
		name = "unknown" // the set of labels must stay small whatever is asked
	}
	h.metrics.request(name, code, time.Since(start))
}

func (h *handler) answer(c *call, ep endpoint, known bool) error {
	if !known {
		return &refusal{status: http.StatusNotFound, msg: "no such path"}
	}
	if c.r.Method != ep.method && (ep.method != http.MethodGet || c.r.Method != http.MethodHead) {
		c.w.Header().Set("Allow", ep.method)
		return &refusal{status: http.StatusMethodNotAllowed, msg: "want method " + ep.method}
	}
	if !ep.open {
		who, err := h.keys.identify(c.r.Header.Get("Authorization"))
		if err != nil {
			challenge := `Bearer realm="drover"`
			if err != errNoToken {
				challenge += `, error="invalid_token"` // RFC 6750 section 3.1
			}
			c.w.Header().Set("WWW-Authenticate", challenge)
			return &refusal{status: http.StatusUnauthorized, msg: err.Error()}
		}
		c.who = who
	}
	return ep.serve(h, c)
}

func (h *handler) health(c *call) error {
	return reply(c, "application/json", []byte(`{"status":"ok"}`))
}

func (h *handler) serveMetrics(c *call) error {
	h.metrics.page.ServeHTTP(c.w, c.r)
	return nil
}

// reply writes a 200. That the client is gone is its own affair.
func reply(c *call, contentType string, body []byte) error {
	head := c.w.Header()
	head.Set("Content-Type", contentType)
	head.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.Write(body)
	return nil
}

// refusal is an answer that is not 200.
type refusal struct {
	status int
	msg    string
}

func (r *refusal) Error() string { return r.msg }

// refuse writes a refusal and returns its status. A document's mistake comes as a *wire.Error.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) int {
	body := struct {
		Error  string `json:"error"`
		Field  string `json:"field,omitempty"`
		Offset *int   `json:"offset,omitempty"`
	}{Error: err.Error()}
	status := http.StatusInternalServerError
	var no *refusal
	var bad *wire.Error
	switch {
	case errors.As(err, &no):
		status = no.status
	case errors.As(err, &bad):
		status = http.StatusBadRequest
		body.Error, body.Field, body.Offset = bad.Msg, bad.Field, &bad.Offset
	}
	h.log.Debug("refused", "method", r.Method, "path", r.URL.Path, "status", status, "error", err)
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings and a number
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(b)
	return status
}
