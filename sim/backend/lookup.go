package backend

import (
	"encoding/json"
	"net/http"
)

// config answers a device that fetches its configuration. This backend manages no device, so there is nothing in it.
func (h *handler) config(c *call) error {
	if _, err := query(c.r); err != nil {
		return err
	}
	return reply(c, "application/json", []byte(`{"revision":0,"settings":{}}`))
}

// verdict answers what the backend makes of a domain, as it would judge a threat that was found there. Defects are not planted in it.
func (h *handler) verdict(c *call) error {
	q, err := query(c.r, "domain")
	if err != nil {
		return err
	}
	domain := q.Get("domain")
	if domain == "" || len(domain) > 253 {
		return &refusal{http.StatusBadRequest, "want ?domain=NAME"}
	}
	answer := struct {
		Domain  string   `json:"domain"`
		Verdict string   `json:"verdict"`
		Score   *float32 `json:"score,omitempty"`
	}{Domain: domain, Verdict: "unknown"}
	if h.judge != nil {
		got := h.judge.Classify([]byte(domain))
		answer.Verdict, answer.Score = got.Category.String(), &got.Score
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return reply(c, "application/json", body)
}
