package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"drover/sim/target"
)

// Each of the tenants that are chosen asks once for another one, and is asked for once, whatever their number; the seed decides.
func TestAsksOf(t *testing.T) {
	for _, tenants := range []int{0, 1, 2, 3, 12, 64, 65, 1000, 1 << 20} {
		for seed := range uint64(20) {
			list := asksOf(seed, tenants)
			n := min(tenants, maxAsks)
			if tenants < 2 {
				n = 0
			}
			who, whom := map[int]bool{}, map[int]bool{}
			for _, a := range list {
				if a.tenant == a.of || min(a.tenant, a.of) < 0 || max(a.tenant, a.of) >= tenants {
					t.Fatalf("of %d tenants %d asks for %d", tenants, a.tenant, a.of)
				}
				who[a.tenant], whom[a.of] = true, true
			}
			if len(list) != n || len(who) != n || len(whom) != n {
				t.Errorf("seed %d, %d tenants: %d asks by %d for %d; want %d", seed, tenants, len(list), len(who), len(whom), n)
			}
			if again := asksOf(seed, tenants); fmt.Sprint(again) != fmt.Sprint(list) {
				t.Errorf("seed %d: another time it is %v", seed, again)
			}
		}
	}
	if fmt.Sprint(asksOf(1, 1000)) == fmt.Sprint(asksOf(2, 1000)) {
		t.Error("two seeds ask the same")
	}
}

// borders is a shelf with a credential for each tenant, which sees its own; what it is shown when it asks for another one by name is up to
// answer.
type borders struct {
	*shelf
	tenants []string
	answer  func(b *borders, tenant, of string) ([]string, error)
}

// of are the documents of a tenant.
func (b *borders) of(tenant string) (list []string) {
	for _, d := range b.docs {
		if strings.Contains(d, `"tenant_id":"`+tenant) {
			list = append(list, d)
		}
	}
	return list
}

func (b *borders) Get(ctx context.Context, path string, tenant int) ([]byte, error) {
	if tenant == target.Admin {
		return b.shelf.Get(ctx, path, tenant)
	}
	me := b.tenants[tenant]
	docs := b.of(me)
	if _, name, asks := strings.Cut(path, "tenant="); asks {
		name, _, _ = strings.Cut(name, "&")
		var err error
		if docs, err = b.answer(b, me, name); err != nil {
			return nil, err
		}
	}
	own := shelf{docs: docs, from: make([]time.Time, len(docs))}
	return own.Get(ctx, path, tenant)
}

func (b *borders) Open(ctx context.Context, path string, body []byte, tenant int) (io.ReadCloser, error) {
	got, err := b.Get(ctx, path, tenant)
	return io.NopCloser(strings.NewReader(string(got))), err
}

// status is the error of an answer with this status, as a target gives it.
func status(t *testing.T, code int) error {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
	defer s.Close()
	h, err := target.NewHTTP(target.HTTPOptions{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err = h.Get(t.Context(), "/", target.Admin); err == nil {
		t.Fatalf("status %d is no error", code)
	}
	return err
}

// Who asks for another tenant's data by name gets a no, nothing, or its own: then nothing is leaked. What it does get of the other one is
// counted, once, and an answer that is missing is no answer that says no.
func TestForeignAsks(t *testing.T) {
	no, absent, broken := status(t, http.StatusForbidden), status(t, http.StatusNotFound), status(t, http.StatusBadGateway)
	hows := map[string]string{
		"audit": "{adapter: drover-audit, settle: 0s}",
		"http":  "{adapter: http, settle: 0s, request: '/whole?after={cursor}', tenantRequest: '/whole?tenant={tenant}&after={cursor}', items: data.list, next: next, id: meta.id, tenant: meta.org, event: doc}",
		// Nothing says whose an event is but its id, by what the ledger knows of it.
		"ids": "{adapter: http, settle: 0s, request: '/whole?after={cursor}', tenantRequest: '/whole?tenant={tenant}&after={cursor}', items: data.list, next: next, id: meta.id}",
	}
	tests := []struct {
		name                    string
		answer                  func(b *borders, tenant, of string) ([]string, error)
		leaked, refused, failed int64 // leaked: 1 for all events
	}{
		{"no", func(*borders, string, string) ([]string, error) { return nil, no }, 0, 3, 0},
		{"not there", func(*borders, string, string) ([]string, error) { return nil, absent }, 0, 3, 0},
		{"nothing", func(*borders, string, string) ([]string, error) { return nil, nil }, 0, 0, 0},
		{"its own", func(b *borders, tenant, _ string) ([]string, error) { return b.of(tenant), nil }, 0, 0, 0},
		{"all", func(b *borders, _, of string) ([]string, error) { return b.of(of), nil }, 1, 0, 0},
		{"all twice", func(b *borders, _, of string) ([]string, error) { return append(b.of(of), b.of(of)...), nil }, 1, 0, 0},
		{"broken", func(*borders, string, string) ([]string, error) { return nil, broken }, 0, 0, 3},
		{"gone", func(*borders, string, string) ([]string, error) { return nil, errors.New("hung up") }, 0, 0, 3},
	}
	for name, how := range hows {
		synctest.Test(t, func(t *testing.T) {
			c, s := shelved(t, how, "    url: embedded\n",
				"    url: http://127.0.0.1:9\n    auth: {type: bearer, tokenPer: tenant, secretFrom: {env: SECRET}}\n    readback: "+how+"\n")
			n := int64(len(s.docs))
			b := &borders{shelf: s}
			for _, x := range c.Model.Fleet.Tenants() {
				b.tenants = append(b.tenants, x.ID.String())
			}
			for i, tt := range tests {
				if name != "audit" && i%4 != 0 { // of what makes no difference one is enough
					continue
				}
				b.answer = tt.answer
				got, _ := settleFrom(t, c, ReadBack{Source: b, Wanted: n, Tenants: b.tenants, Since: func() time.Duration { return 0 }})
				if want := n * tt.leaked; got.Leaked != want || got.Once != n || got.Readers != 3 || got.Asks != 3 || got.AsksRefused != tt.refused || got.AsksFailed != tt.failed {
					t.Errorf("%s, %s: %d events, %d leaked, want %d; %+v", name, tt.name, n, got.Leaked, want, got)
				}
				if tt.leaked > 0 && (len(got.Examples) != 10 || got.Examples[0].Fate != "leaked" || !strings.Contains(got.Examples[0].Detail, ", which asked for "+got.Examples[0].Tenant) || got.Examples[0].Device < 0) {
					t.Errorf("%s, %s: examples %+v", name, tt.name, got.Examples)
				}
			}
		})
	}
}
