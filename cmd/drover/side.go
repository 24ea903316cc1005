package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"drover/sim"
	"drover/sim/backend"
	"drover/sim/backend/db"
	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/measure"
	"drover/sim/target"
	"drover/sim/wire"
)

// embedded is the target.url that stands for the reference backend.
const embedded = "embedded"

// side is the other side of a run: how it is spoken to, our handle on it and, when it is embedded, the backend itself.
type side struct {
	adapter *wire.Adapter
	target  target.Handle
	http    *target.HTTP                                                 // target, where it is one; else nil
	again   func(url, run string, as *target.Auth) (*target.HTTP, error) // makes another handle, by the target's credential or by another
	server  *backend.Server                                              // nil: somebody else's
	own     bool                                                         // it speaks drover's own API
	url     string
	run     string
}

// adapterOf makes the adapter of a scenario's target for one run.
func adapterOf(m *sim.Model, run string) *wire.Adapter {
	c := wire.Constants{Run: run, Send: m.Behavior.Sends.All}
	a := m.Scenario.Target.Adapter.Adapter(c)
	if m.Scenario.Target.Protocol.Messages() {
		for op := range a.Ops {
			if !a.Has(measure.Op(op)) {
				continue
			}
			a.Ops[op].Read = wire.Trust
			if m.Scenario.Target.Protocol.Name == "syslog" {
				h := m.Scenario.Target.Syslog
				a.Ops[op].Format = wire.Syslog(a.Ops[op].Format, wire.SyslogHeader{Facility: h.Facility, App: h.App, Run: run, Send: c.Send})
			}
			if t := m.Scenario.Target.Place; t != nil {
				a.Ops[op].Place = wire.NameText(&c, t, m.Scenario.Target.Protocol.Unfit)
			}
		}
	}
	return a
}

// formatOf is how the uploads of a model's runs are written.
func formatOf(m *sim.Model) wire.Format { return adapterOf(m, "run").Ops[measure.Upload].Format }

// openSide makes the handle on the scenario's target. It starts the reference backend where the scenario asks for it, but
// sends nothing to anybody else's. stdout is where events go when the target is that, file the reference backend's database.
func openSide(m *sim.Model, run string, stdout io.Writer, file string) (*side, error) {
	sc := m.Scenario
	if file != "" && sc.Target.URL != embedded {
		return nil, fail(exitUsage, fmt.Errorf("--db %s: the target is %s; only the embedded backend has a database. drover serve --db is one in a process of its own", file, sc.Target.URL))
	}
	secret, err := secretOf(sc.Target.URL, sc.Target.Auth)
	if err != nil {
		return nil, fail(exitUsage, err)
	}
	s := &side{adapter: adapterOf(m, run), own: sc.Target.Adapter.Own, url: sc.Target.URL, run: run}
	trust := sc.Target.TLS
	var issuer *target.Authority // of the devices' certificates
	if s.url == embedded {
		opt := backend.Options{Addr: "127.0.0.1:0", Classifier: sim.Reference(m), Defects: sc.Target.Defects}
		if secret != "" {
			opt.Secret, opt.TokenLife = []byte(secret), sc.Target.Auth.Lifetime
		}
		if sc.Target.Secure {
			authority, err := target.NewAuthority("drover embedded backend")
			if err != nil {
				return nil, err
			}
			if opt.TLS, err = serverTLS(authority, "127.0.0.1"); err != nil {
				return nil, err
			}
			trust.RootCAs = authority.Pool()
			if sc.Target.Identity != nil {
				issuer = authority
				requireClients(opt.TLS, authority.Pool())
			}
		}
		if file != "" {
			if opt.Journal, err = newDatabase(file); err != nil {
				return nil, fail(exitUsage, err)
			}
		}
		s.server, err = backend.Start(context.Background(), opt)
		if err != nil {
			return nil, err
		}
		s.url = s.server.URL()
	}
	if sc.Target.Identity != nil && issuer == nil {
		if issuer, err = target.ReadAuthority(sc.Target.Identity.CAFrom, sc.Target.Identity.KeyFrom); err != nil {
			return nil, fail(exitUsage, err)
		}
	}
	s.again = func(url, run string, as *target.Auth) (*target.HTTP, error) {
		return handle(m, url, run, secret, way{trust: trust, issuer: issuer, as: as})
	}
	by := way{trust: trust, faults: sc.Target.Faults, issuer: issuer}
	if sc.Target.Protocol.Messages() {
		s.target, err = messages(m, s.url, run, secret, by, stdout)
	} else if s.http, err = handle(m, s.url, run, secret, by); err == nil {
		s.target = s.http
	}
	if err != nil {
		s.close()
		return nil, fail(exitUsage, err)
	}
	return s, nil
}

// newDatabase opens a database that has nothing of another run: one run's events are what a report is about.
func newDatabase(file string) (*db.DB, error) {
	d, err := db.Open(file)
	if err != nil {
		return nil, err
	}
	run, err := d.Run()
	if err == nil && run != "" {
		err = fmt.Errorf("--db %s: it has the events of run %s; want a new file. drover serve --db shows what is in this one", file, run)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// messages makes the handle on a target of messages.
func messages(m *sim.Model, url, run, secret string, by way, stdout io.Writer) (target.Handle, error) {
	t := m.Scenario.Target
	far := target.Remote{URL: url, AllowHosts: t.AllowHosts, Client: t.Client, TLS: by.trust, Identity: identity(m, by.issuer), Faults: by.faults, Run: run}
	switch t.Auth.Type {
	case "basic":
		far.User, far.Password = t.Auth.User, secret
	case "bearer":
		far.Token = secret
	}
	switch _, path, _ := strings.Cut(url, ":"); t.Protocol.Name {
	case "discard":
		return target.NewDiscard(t.Client, by.faults)
	case "stdout":
		return target.NewWriter("stdout", stdout, t.Client, by.faults)
	case "file":
		return target.NewFile(path, t.Existing, t.Client, by.faults)
	case "syslog":
		return target.NewSyslog(far)
	case "nats":
		return target.NewNATS(target.NATSOptions{Remote: far, JetStream: t.JetStream, Example: examplePlace(m, run)})
	case "mqtt":
		q := t.MQTT
		return target.NewMQTT(target.MQTTOptions{Remote: far, Version: q.Version, QoS: q.QoS, Keep: q.Keep, KeepAlive: q.KeepAlive, InFlight: q.InFlight, ClientID: deviceNames(m, run, q.ClientID)})
	case "kafka":
		k := t.Kafka
		opt := target.KafkaOptions{Remote: far, Acks: k.Acks, Key: deviceNames(m, run, k.Key), Example: examplePlace(m, run)}
		if t.Auth.Type == "basic" {
			opt.SASL = k.SASL
		}
		return target.NewKafka(opt)
	default:
		return nil, fmt.Errorf("target url %s: %s is not spoken", url, t.Protocol.Name)
	}
}

// examplePlace is where the messages of the first device go.
func examplePlace(m *sim.Model, run string) string {
	var d fleet.Device
	m.Fleet.Device(0, &d)
	return string(adapterOf(m, run).Ops[measure.Upload].Place(nil, &d, nil, nil))
}

// deviceNames is a template of what names devices to a broker: their sessions, or the keys of their messages.
func deviceNames(m *sim.Model, run string, t *wire.Template) func(device int) string {
	name := wire.NameText(&wire.Constants{Run: run, Send: m.Behavior.Sends.All}, t, "")
	return func(device int) string {
		var d fleet.Device
		m.Fleet.Device(device, &d)
		return string(name(nil, &d, nil, nil))
	}
}

// oauth2 is where the devices of a model get their tokens for the backend at base; nil where they do not fetch any.
func oauth2(m *sim.Model, a target.Auth, base, run, secret string) *target.OAuth2 {
	switch a.Type {
	case "token":
		return mappedToken(m, base, run, secret)
	case "oauth2":
	default:
		return nil
	}
	url := a.TokenURL
	if m.Scenario.Target.URL == embedded {
		url = base + "/v1/token"
	}
	// A client of tenants or of all is one of few; a device's is made when it asks, which costs less than to keep it.
	clients := make([]string, 1+len(m.Fleet.Tenants()))
	clients[0] = strings.NewReplacer("{tenant}", "*", "{device}", "*").Replace(a.ClientID)
	for i, t := range m.Fleet.Tenants() {
		clients[1+i] = strings.ReplaceAll(a.ClientID, "{tenant}", t.ID.String())
	}
	return &target.OAuth2{TokenURL: url, Secret: secret, Scope: a.Scope, Clients: func(tenant, device int) string {
		switch {
		case a.Per == "all" || tenant == target.Admin:
			return clients[0]
		case a.Per == "tenant":
			return clients[1+tenant]
		}
		return strings.ReplaceAll(clients[1+m.Fleet.TenantOf(device)], "{device}", deviceName(m.Fleet, device))
	}}
}

// mappedToken is how the devices of a model ask for their tokens where the adapter says it.
func mappedToken(m *sim.Model, base, run, secret string) *target.OAuth2 {
	x := m.Scenario.Target.Adapter.Adapter(wire.Constants{Run: run, Send: m.Behavior.Sends.All, Secret: secret}).Token
	return &target.OAuth2{
		TokenURL: cmp.Or(m.Scenario.Target.Auth.TokenURL, strings.TrimRight(base, "/")),
		Clients:  func(_, device int) string { return strconv.Itoa(device) },
		Mapped: &target.MappedToken{Method: x.Method, ContentType: x.ContentType, Read: x.Granted, Make: func(_, device int) (place string, header, body []byte) {
			var d fleet.Device
			m.Fleet.Device(device, &d)
			if place = x.Path; x.Place != nil {
				place = string(x.Place(nil, &d, nil, nil))
			}
			if x.Header != nil {
				header = x.Header(nil, &d, nil, nil)
			}
			return place, header, x.Begin(nil, &d, m.Behavior.Sends.All)
		}},
	}
}

// deviceName is a device's identifier as its documents have it.
func deviceName(f *fleet.Fleet, i int) string {
	var d fleet.Device
	f.Device(i, &d)
	return wire.DeviceID{HasMAC: d.HasMAC, GUID: d.GUID, MAC: d.MAC}.String()
}

// identity is what devices show by certificates of an issuer; nil without one.
func identity(m *sim.Model, issuer *target.Authority) *target.Identity {
	if issuer == nil {
		return nil
	}
	return &target.Identity{Authority: issuer, Name: func(device int) string {
		if device == target.Admin {
			return backend.AllTenants
		}
		return deviceName(m.Fleet, device)
	}}
}

// requireClients makes a server ask its clients for certificates.
func requireClients(conf *tls.Config, by *x509.CertPool) {
	conf.ClientAuth, conf.ClientCAs = tls.RequireAndVerifyClientCert, by
}

// serverTLS is how a backend of ours speaks TLS: by a certificate for these hosts.
func serverTLS(authority *target.Authority, hosts ...string) (*tls.Config, error) {
	cert, err := authority.Server(hosts...)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}

// way is what of a handle depends on more than the scenario.
type way struct {
	trust  target.TLS
	faults *target.Faults
	issuer *target.Authority // of the devices' certificates; nil: they have none
	as     *target.Auth      // whose credential goes with requests; nil: the target's
}

// handle makes the handle on a backend at url that takes what the scenario's takes.
func handle(m *sim.Model, url, run, secret string, by way) (*target.HTTP, error) {
	sc := m.Scenario
	ids := make([]string, len(m.Fleet.Tenants()))
	for i, t := range m.Fleet.Tenants() {
		ids[i] = t.ID.String()
	}
	auth := sc.Target.Auth
	if by.as != nil {
		var err error
		auth = *by.as
		if secret, err = auth.Secret(); err != nil {
			return nil, fmt.Errorf("target.readback.auth: %w", err)
		}
	}
	tokens, err := target.Tokens(auth, secret, ids)
	if err != nil {
		return nil, err
	}
	opt := target.HTTPOptions{
		URL: url, AllowHosts: sc.Target.AllowHosts, Client: sc.Target.Client, Tokens: tokens, Run: run, TLS: by.trust, Faults: by.faults,
		OAuth2: oauth2(m, auth, url, run, secret), Identity: identity(m, by.issuer),
	}
	opt.KeyHeader, opt.Credential, opt.Mapped = sc.Target.Adapter.KeyHeader, auth.Credential(), !sc.Target.Adapter.Own
	if sc.Target.Sign != nil && by.as == nil {
		key, err := sc.Target.Sign.KeyFrom.Read()
		if err != nil {
			return nil, err
		}
		sign := sc.Target.Sign.Signature
		sign.Key = []byte(key)
		opt.Sign = &sign
	}
	requests(&opt, adapterOf(m, run))
	return target.NewHTTP(opt)
}

// requests tells a target what an adapter's requests have in common.
func requests(opt *target.HTTPOptions, a *wire.Adapter) {
	for op, x := range a.Ops {
		opt.Methods[op], opt.Paths[op], opt.ContentTypes[op] = x.Method, x.Path, x.ContentType
	}
}

// secretOf reads the secret of a target. The embedded backend is ours and lives no longer than the run: where the variable
// that the scenario names is not set, any secret will do for both sides.
func secretOf(url string, auth target.Auth) (string, error) {
	if url != embedded || auth.Type == "" || auth.Type == "none" {
		return auth.Secret()
	}
	if auth.Type == "bearer" && auth.Per != "tenant" {
		return "", errors.New(`target.auth: the embedded backend wants a token for each tenant; set tokenPer: tenant, or type: none`)
	}
	if env := auth.SecretFrom.Env; env != "" && os.Getenv(env) == "" {
		return rand.Text(), nil
	}
	return auth.Secret()
}

// reader is the handle by which the backend is read back. The caller closes it.
func (s *side) reader(m *sim.Model, run string) (reader, error) {
	return readerOf(m, s.url, func(url string) (*target.HTTP, error) { return s.again(url, run, m.Scenario.Target.Readback.Auth) })
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
	if !s.own {
		return nil, fmt.Sprintf("adapter %s has no audit that counts what is stored", s.adapter.Name)
	}
	// An interrupted run is settled, too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	body, err := s.http.Get(ctx, "/v1/audit/counts?run="+url.QueryEscape(s.run), target.Admin)
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
