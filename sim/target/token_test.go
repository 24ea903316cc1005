package target

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drover/sim/measure"
)

// A token that a mapping asks for is a device's own, is used until it is refused, and then asked for again; why there is none says
// the class, and not what was answered.
func TestMappedToken(t *testing.T) { eachClient(t, testMappedToken) }

func testMappedToken(t *testing.T, m mode) {
	var mu sync.Mutex
	var asked, seen []string
	revoked, status := map[string]bool{}, http.StatusOK
	s := m.serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !strings.HasPrefix(r.URL.Path, "/base/tokens/") {
			token := r.Header.Get("X-Session")
			seen = append(seen, token)
			if revoked[token] || token == "" {
				w.WriteHeader(http.StatusUnauthorized)
			}
			return
		}
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("X-Code")+" "+r.Header.Get("Content-Type")+" "+string(body))
		w.WriteHeader(status)
		fmt.Fprintf(w, "t%d%s", len(asked), r.URL.Path)
	})
	h := m.open(t, HTTPOptions{URL: s.URL, Credential: Credential{Header: "X-Session", Bare: true}, OAuth2: &OAuth2{
		TokenURL: s.URL + "/base", Clients: func(_, device int) string { return fmt.Sprint(device) },
		Mapped: &MappedToken{Method: http.MethodPut, ContentType: "text/x",
			Make: func(_, device int) (string, []byte, []byte) {
				return fmt.Sprintf("/tokens/%d?a=b", device), []byte("X-Code: c\r\n"), fmt.Append(nil, "body ", device)
			},
			Read: func(class measure.Class, status int, body []byte) (string, time.Duration, measure.Class, error) {
				if class != measure.OK {
					return "", 0, class, fmt.Errorf("status %d", status)
				}
				token, _, _ := strings.Cut(string(body), "/")
				return token, time.Hour, measure.OK, nil
			}}}})
	upload := func(device int) *Answer {
		ans := new(Answer)
		h.Send(context.Background(), &Request{Op: measure.Upload, Device: device, Body: []byte("x")}, ans)
		return ans
	}
	for _, d := range []int{1, 1, 2, 1} {
		if ans := upload(d); ans.Class != measure.OK {
			t.Fatalf("device %d: %v, %v", d, ans.Class, ans.Err)
		}
	}
	if want := []string{"PUT /base/tokens/1?a=b c text/x body 1", "PUT /base/tokens/2?a=b c text/x body 2"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	if want := []string{"t1", "t1", "t2", "t1"}; !slices.Equal(seen, want) {
		t.Errorf("uploads came with %q, want %q", seen, want)
	}
	mu.Lock()
	revoked["t1"] = true
	mu.Unlock()
	if ans := upload(1); ans.Class != measure.Status401 || !ans.Again {
		t.Errorf("with a revoked token: %v, again %t; want to be told to come again", ans.Class, ans.Again)
	}
	if ans := upload(1); ans.Class != measure.OK || len(asked) != 3 {
		t.Errorf("and again: %v, %d tokens asked for; want a third one", ans.Class, len(asked))
	}
	mu.Lock()
	status = http.StatusTooManyRequests
	mu.Unlock()
	if ans := upload(3); ans.Class != measure.Status429 || ans.Status != 0 || !strings.HasSuffix(ans.Err.Error(), "/base: status 429") {
		t.Errorf("without a token: %v, status %d, %v; want the class of the answer, and no more of it", ans.Class, ans.Status, ans.Err)
	}
	if st := h.Connections(); st.Tokens.Count() != 3 || st.TokensFailed != 1 {
		t.Errorf("%d tokens were timed, %d failed; want 3 and 1", st.Tokens.Count(), st.TokensFailed)
	}
}
