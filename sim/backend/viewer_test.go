package backend

import (
	"net/http"
	"strings"
	"testing"

	"drover/sim/defect"
)

// What a tenant asks for by another one's name it gets nothing of, but for what a defect shows: to strangers only, and the same again.
func TestAnswerForeign(t *testing.T) {
	for _, set := range []*defect.Set{nil, rules(1, defect.AnswerForeign, defect.Rule{Share: 1, Count: 3})} {
		c := newClient(t, Options{Secret: testSecret, Defects: set})
		c.token = token(t, testSecret, AllTenants)
		c.post("/v1/events", heartbeats(testDevice(1, 1), 0, 10))
		c.post("/v1/events", heartbeats(testDevice(2, 1), 0, 5))
		for _, asks := range []byte{2, 2, 3} {
			c.token = token(t, testSecret, tenantID(asks).String())
			const path = "/v1/audit/events?tenant="
			w := c.do(http.MethodGet, path+tenantID(1).String(), nil)
			if set == nil {
				if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "events") {
					t.Errorf("an honest backend: %d %s", w.Code, w.Body)
				}
				continue
			}
			if n := strings.Count(w.Body.String(), tenantID(1).String()); w.Code != http.StatusOK || n != 3 {
				t.Errorf("tenant %d asks for tenant 1: %d, %d events; want 3: %s", asks, w.Code, n, w.Body)
			}
			if w := c.do(http.MethodGet, path+tenantID(asks).String(), nil); strings.Contains(w.Body.String(), tenantID(1).String()) || asks == 2 && strings.Count(w.Body.String(), `"v":1`) != 5 {
				t.Errorf("tenant %d asks for itself: %s", asks, w.Body)
			}
		}
		if set != nil {
			c.token = token(t, testSecret, AllTenants)
			if n := c.planted(defect.AnswerForeign); n != 3 {
				t.Errorf("%d planted, want 3", n)
			}
		}
	}
}
