package backend

import (
	"net/http"
	"testing"
)

// Look-ups are answered to whoever has a token, and store nothing.
func TestLookUps(t *testing.T) {
	h, blind := newClient(t, Options{Classifier: phishy{}, Secret: []byte("secret")}), newClient(t, Options{})
	token := "Bearer " + token(t, []byte("secret"), tenantID(1).String())
	for _, test := range []struct {
		c            *client
		path, bearer string
		status       int
		body         string
	}{
		{h, "/v1/config", token, 200, `{"revision":0,"settings":{}}`},
		{h, "/v1/config", "", 401, ""},
		{h, "/v1/config?all=1", token, 400, ""},
		{h, "/v1/verdict?domain=phish.sim.test", token, 200, `{"domain":"phish.sim.test","verdict":"phishing","score":0.75}`},
		{h, "/v1/verdict?domain=good.sim.test", token, 200, `{"domain":"good.sim.test","verdict":"benign","score":0.25}`},
		{blind, "/v1/verdict?domain=phish.sim.test", "", 200, `{"domain":"phish.sim.test","verdict":"unknown"}`},
		{h, "/v1/verdict", token, 400, ""},
		{h, "/v1/verdict?host=x", token, 400, ""},
	} {
		w := test.c.do(http.MethodGet, test.path, nil, "Authorization: "+test.bearer)
		if w.Code != test.status || test.body != "" && w.Body.String() != test.body {
			t.Errorf("%s: %d %s, want %d %s", test.path, w.Code, w.Body, test.status, test.body)
		}
	}
}
