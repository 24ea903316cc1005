package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"drover/sim"
	"drover/sim/backend"
	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/target"
	"drover/sim/wire"
)

// embedded is the target.url that stands for the reference backend.
const embedded = "embedded"

// paths are where drover's own adapter posts.
var paths = [measure.NumOps]string{measure.Enroll: "/v1/enroll", measure.Upload: "/v1/events"}

// side is the other side of a run: our handle on it and, when it is embedded, the backend itself.
type side struct {
	target *target.HTTP
	server *backend.Server // nil: somebody else's
	url    string
	run    string
}

// openSide makes the handle on the scenario's target. It starts the reference backend where the scenario asks for it, but
// sends nothing to anybody else's.
func openSide(m *sim.Model, run string) (*side, error) {
	sc := m.Scenario
	secret, err := secretOf(sc.Target.URL, sc.Target.Auth)
	if err != nil {
		return nil, fail(exitUsage, err)
	}
	ids := make([]string, len(m.Fleet.Tenants()))
	for i, t := range m.Fleet.Tenants() {
		ids[i] = t.ID.String()
	}
	tokens, err := target.Tokens(sc.Target.Auth, secret, ids)
	if err != nil {
		return nil, fail(exitUsage, err)
	}
	s := &side{url: sc.Target.URL, run: run}
	if s.url == embedded {
		opt := backend.Options{Addr: "127.0.0.1:0", Classifier: sim.Reference(m)}
		if secret != "" {
			opt.Secret = []byte(secret)
		}
		s.server, err = backend.Start(context.Background(), opt)
		if err != nil {
			return nil, err
		}
		s.url = s.server.URL()
	}
	s.target, err = target.NewHTTP(target.HTTPOptions{
		URL: s.url, AllowHosts: sc.Target.AllowHosts, Client: sc.Target.Client, Tokens: tokens, Run: run,
		ContentType: wire.Native.ContentType, Paths: paths,
	})
	if err != nil {
		s.close()
		return nil, fail(exitUsage, err)
	}
	return s, nil
}

// secretOf reads the secret of a target. The embedded backend is ours and lives no longer than the run: where the variable
// that the scenario names is not set, any secret will do for both sides.
func secretOf(url string, auth target.Auth) (string, error) {
	if url != embedded || auth.Type != "bearer" {
		return auth.Secret()
	}
	if auth.Per != "tenant" {
		return "", errors.New(`target.auth: the embedded backend wants a token for each tenant; set tokenPer: tenant, or type: none`)
	}
	if env := auth.SecretFrom.Env; env != "" && os.Getenv(env) == "" {
		return rand.Text(), nil
	}
	return auth.Secret()
}

func (s *side) close() {
	if s.target != nil {
		s.target.Close()
	}
	if s.server != nil {
		s.server.Close()
	}
}

// counts asks the backend what it holds of the run and puts it beside our own counts. It is nil, and why says so, when the
// backend does not tell.
func (s *side) counts(ctx context.Context, res *sim.Result) (counts *check.BackendCounts, why string) {
	// An interrupted run is settled, too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	body, err := s.target.Get(ctx, "/v1/audit/counts?run="+url.QueryEscape(s.run), target.Admin)
	if err != nil {
		return nil, fmt.Sprintf("the target does not tell what it stored: %v", err)
	}
	var held wire.Counts
	if err := json.Unmarshal(body, &held); err != nil || held.Total.Kinds == nil {
		return nil, "the target does not tell what it stored: the answer to /v1/audit/counts has no total.kinds"
	}
	counts = new(check.BackendCounts)
	for _, k := range event.Kinds() {
		ours := res.Kinds[k]
		counts.Kinds = append(counts.Kinds, check.KindCount{
			Kind: k.String(), Sent: ours.Sent, Accepted: ours.Accepted, Unanswered: ours.Failed, Stored: held.Total.Kinds[k.String()],
		})
	}
	return counts, ""
}
