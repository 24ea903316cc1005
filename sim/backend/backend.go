// Package backend is the embedded reference backend: a real HTTP server that takes in telemetry, judges web threats by its
// own classifier, stores what it accepted in memory, and on request in a Journal, and shows it. It knows nothing of scenarios or measurements and shares
// no memory with the simulator: everything that passes between them is on a connection.
//
//	POST /v1/enroll          a native document with one enrolment         -> answer
//	POST /v1/events          a native document with one or more events    -> answer
//	POST /v1/events/single   a native document with exactly one event     -> answer
//	GET  /v1/audit/counts    ?run=R                                       -> wire.Counts as JSON
//	GET  /v1/audit/events    ?run=R&tenant=T&after=CURSOR&limit=N         -> NDJSON: documents, then a wire.PageEnd
//	GET  /v1/audit/events    ?run=R&tenant=T&id=EVENT                     -> the same of one event, if it is shown by now
//	POST /v1/withdrawals     ?run=R  {"devices":[account.device_id,...]}  -> {"erased"}: optional data that is gone from store
//	GET  /v1/defects         (the operator's token)                       -> what Options.Defects planted so far
//	POST /v1/token           a form: grant_type, client_id, client_secret -> {"access_token","token_type","expires_in"}
//	GET  /healthz                                                         -> {"status":"ok"}
//	GET  /metrics                                                         -> Prometheus text
//
// HTTP/1.1 and HTTP/2 are spoken, over TLS where Options.TLS is set.
//
// Documents and the answer are those of package wire; Content-Type is application/json, Content-Encoding gzip and zstd are taken.
// A document may also be in another of wire.Formats, which the header X-Drover-Format names; Content-Type is then the format's. What
// is stored and shown is the native document that it holds, one for each event.
//
// Runs are told apart by the header X-Drover-Run (absent: "default") and stored apart. An audit may name the run in its
// query instead. Within a run and tenant an event is stored once: one that comes again is a duplicate, and the answer is
// still 200. Another event under the same id is refused in the answer; the rest of its upload is taken. Tenants are kept
// apart in this too, so that one tenant's ids can neither block nor reveal another's.
//
// With Options.Secret set, all of /v1 needs Authorization: Bearer and a token of TenantToken. A tenant's token writes and
// reads that tenant alone; the token of tenant "*" writes and reads all. /v1/token gives out tokens that expire, by OAuth2
// client credentials: the client is a tenant's id, alone or before a slash and the name of a device, or "*"; its secret is
// Options.Secret. Devices need not enrol before they send; the
// counts say how many events came from devices that had not.
//
// Where TLS asks for certificates of clients, the common name of one's subject is the identifier of the device whose documents
// it may send, or "*".
//
// Refusals have a JSON body {"error":"...","field":"events[3].seq","offset":311}, the last two only for documents:
//
//	400  malformed: body, packing, document, query or run       413  body over 8 MiB, or over 32 MiB unpacked
//	401  no token or a wrong one (WWW-Authenticate says)     415  content type or encoding
//	403  another tenant's or device's data                    507  Options.MaxEvents are stored; nothing of the upload is
//	404, 405  unknown path, wrong method (Allow says)     503  Options.Journal takes nothing; nothing is acknowledged
package backend

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"drover/sim/classify"
	"drover/sim/defect"
)

// Options are the settings of a Server. The zero value is a backend on a free loopback port that asks for no tokens and
// judges nothing.
type Options struct {
	Addr       string              // host:port; no host means 127.0.0.1, port 0 or an empty Addr any free port
	TLS        *tls.Config         // with a certificate, and ClientCAs where devices show theirs; nil: plain http
	Secret     []byte              // HS256 key of tenant tokens, and secret of OAuth2 clients; nil: tokens are not required
	TokenLife  time.Duration       // of tokens from /v1/token, whole seconds; 0: an hour
	Classifier classify.Classifier // nil: every verdict is "unknown"
	MaxEvents  int                 // stored at most, over all runs; 0: DefaultMaxEvents
	Defects    *defect.Set         // what the backend does wrong on request; nil: nothing
	Journal    Journal             // where what is stored outlives the process; nil: nowhere. Start takes it over, whatever comes of it
	Log        *slog.Logger        // nil: nothing is logged
}

// DefaultMaxEvents is some 2 GiB: a stored event takes its own bytes, about 250, and about 60 for the index.
const DefaultMaxEvents = 5_000_000

const (
	headerTimeout = 10 * time.Second // for the head of a request
	ioTimeout     = 60 * time.Second // for a whole request and for a whole answer
	idleTimeout   = 2 * time.Minute  // between requests of a connection
	maxHeader     = 64 << 10         // bytes
	closeTimeout  = 3 * time.Second  // for requests under way when the server closes
)

// Server is a running backend.
type Server struct {
	url    string
	http   *http.Server
	scribe *scribe
	log    *slog.Logger
	closed sync.Once
	done   chan struct{} // closed when Serve has returned
	err    error         // why, unless closed; to be read after done
}

// Start listens and serves until Close. ctx bounds the start alone: a run that was interrupted still wants its answers and
// its audit. An error names the address.
func Start(ctx context.Context, opt Options) (*Server, error) {
	h, err := newHandler(opt)
	if err != nil {
		if opt.Journal != nil {
			opt.Journal.Close()
		}
		return nil, err
	}
	ln, err := listen(ctx, opt.Addr)
	if err != nil {
		return nil, errors.Join(err, h.scribe.close())
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	s := &Server{
		url: urlOf(ln.Addr(), opt.TLS != nil),
		http: &http.Server{
			Handler:           h,
			Protocols:         &protocols,
			TLSConfig:         opt.TLS,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       ioTimeout,
			WriteTimeout:      ioTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeader,
			ErrorLog:          slog.NewLogLogger(h.log.Handler(), slog.LevelWarn),
		},
		scribe: h.scribe,
		log:    h.log,
		done:   make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		serve := s.http.Serve
		if opt.TLS != nil {
			serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
		}
		if err := serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.err = fmt.Errorf("serve %s: %w", s.url, err)
		}
	}()
	s.log.Info("backend is up", "url", s.url, "tokens", len(opt.Secret) > 0)
	return s, nil
}

// urlOf writes an address that clients on this machine can use: a server that listens everywhere is reached by loopback.
func urlOf(a net.Addr, secure bool) string {
	host, port, _ := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	if secure {
		return "https://" + net.JoinHostPort(host, port)
	}
	return "http://" + net.JoinHostPort(host, port)
}

// URL is where the backend is, e.g. "http://127.0.0.1:41234".
func (s *Server) URL() string { return s.url }

// Close stops listening, lets requests under way end for three seconds, cuts the rest, and returns when the server is
// gone and its journal closed. Its error is what ended the server before Close, if anything did, and what the journal could not
// take. It may be called more than once.
func (s *Server) Close() error {
	s.closed.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if err := s.http.Shutdown(ctx); err != nil {
			s.http.Close()
			s.log.Warn("backend cut the requests that were under way")
		}
		<-s.done
		s.err = errors.Join(s.err, s.scribe.close())
		s.log.Info("backend is down", "url", s.url)
	})
	return s.err
}
