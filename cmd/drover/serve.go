package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"drover/report"
	"drover/sim/backend"
	"drover/sim/backend/db"
	"drover/sim/scenario"
	"drover/sim/target"
)

func newServe(e env) *cobra.Command {
	var (
		addr, secretEnv, known, defects, ca, clients, file string
		maxEvents                                          int
		secure, verbose, discard                           bool
		tokenLife                                          time.Duration
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the reference backend",
		Long: `serve runs the backend that "target.url: embedded" starts inside a run, as a process of its own, until SIGINT or
SIGTERM. It accepts the formats of "drover help formats", classifies each detection by itself, keeps the events in memory and shows
them: /v1/audit/counts and /v1/audit/events. It answers the look-ups of "drover help adapters": /v1/config, whose settings are empty,
and /v1/verdict?domain=NAME. There are /metrics and /healthz, too.

With --db they are in an SQLite database, too, before they are acknowledged. A backend that is started on the same file goes on
where the last one ended, however it ended. "drover help database" says what can be read there.

With --secret-env every request needs a token: a JWT (HS256) with the claims iss "drover" and sub and tid, the tenant's
id, or "*" for the operator, signed with the secret in that environment variable. /v1/token gives them out by OAuth2 client
credentials: the client is a tenant's id, or that and a device's name after a slash, or "*".

With --defects the backend does wrong what the file says: a YAML mapping with the fields of a scenario's target.defects, e.g.
"lose: {count: 10}". GET /v1/defects tells how often each was planted, so that what a checker finds can be held against it.

With --tls the backend speaks https, by a certificate for its address, localhost and the loopback addresses. The authority
that issued it is new each time; its certificate is written to the file of --ca. A scenario trusts it by
target.tls.caFrom: {file: FILE}. With --client-ca-key devices need certificates of that authority, with their identifiers
as subjects: target.tls.clientCertificates: {caFrom: {file: FILE}, keyFrom: {file: KEYFILE}}.

With --discard there is no backend behind the port: every upload is answered at once and forgotten, at a fraction of the
CPU, so that what a load generator can do at most shows.`,
		Example: `  drover serve --addr 127.0.0.1:8080
  drover run smoke --set target=http://127.0.0.1:8080   # in another terminal`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				return usage(cmd, "--addr %s: want host:port, e.g. 127.0.0.1:8080", addr)
			}
			if discard {
				return serveDiscard(e, cmd, addr)
			}
			if maxEvents < 0 {
				return usage(cmd, "--max-events %d: want 0 or more", maxEvents)
			}
			opt := backend.Options{Addr: addr, MaxEvents: maxEvents}
			if cmd.Flags().Changed("db") && file == "" {
				return usage(cmd, "--db: want the path of a file")
			}
			if secretEnv != "" {
				secret := e.getenv(secretEnv)
				if secret == "" {
					return usage(cmd, "environment variable %s is empty; set it to the secret", secretEnv)
				}
				opt.Secret = []byte(secret)
			}
			for _, name := range []string{"ca", "client-ca-key"} {
				if cmd.Flags().Changed(name) && !secure {
					return usage(cmd, "--%s is of use with --tls only", name)
				}
			}
			if secure {
				var err error
				if opt.TLS, err = newAuthority(addr, ca, clients); err != nil {
					return err
				}
			}
			if cmd.Flags().Changed("token-life") && (secretEnv == "" || tokenLife < time.Second) {
				return usage(cmd, "--token-life: want a second or more, and --secret-env")
			}
			opt.TokenLife = tokenLife
			if verbose {
				opt.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			}
			var err error
			if defects != "" {
				if opt.Defects, err = scenario.LoadDefects(defects); err != nil {
					return fail(exitUsage, err)
				}
			}
			if opt.Classifier, err = classifierOf(known); err != nil {
				return err
			}
			if file != "" {
				if opt.Journal, err = db.Open(file); err != nil {
					return fail(exitUsage, err)
				}
				if opt.Log == nil { // that a disk is full must not go unsaid
					opt.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError}))
				}
			}
			ctx, stop := e.interruptible(cmd.Context())
			defer stop()
			srv, err := backend.Start(ctx, opt)
			if busy := (*net.OpError)(nil); errors.As(err, &busy) {
				return fail(exitUsage, fmt.Errorf("--addr %s: %w", addr, busy))
			}
			if err != nil {
				return err
			}
			if err := greet(cmd, srv.URL(), secretEnv, ca, clients, file); err != nil {
				srv.Close()
				return err
			}
			<-ctx.Done()
			return srv.Close()
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8080", "listen on this `host:port`; port 0 picks a free one")
	cmd.Flags().StringVar(&secretEnv, "secret-env", "", "ask for tokens signed with the secret in this environment `variable`")
	cmd.Flags().StringVar(&known, "scenario", "", "let the backend's classifier know the sites that this scenario plants (`NAME|FILE`)")
	cmd.Flags().StringVar(&defects, "defects", "", "misbehave as this `file` says, and count it at /v1/defects")
	cmd.Flags().StringVar(&file, "db", "", "keep what is stored in this SQLite database `file`, and go on with what is there")
	cmd.Flags().StringVar(&clients, "client-ca-key", "", "with --tls: ask clients for certificates of the same authority, and write its key to this `file`")
	cmd.Flags().DurationVar(&tokenLife, "token-life", time.Hour, "with --secret-env: how `long` tokens from /v1/token last")
	cmd.Flags().BoolVar(&secure, "tls", false, "speak https")
	cmd.Flags().StringVar(&ca, "ca", "drover-ca.pem", "with --tls: write the certificate to trust to this `file`")
	cmd.Flags().IntVar(&maxEvents, "max-events", 0, "keep at most `n` events, then answer 507 (0: the backend's own limit, 5000000)")
	cmd.Flags().BoolVar(&discard, "discard", false, "answer every upload at once and keep nothing; of the other flags only --addr goes with it")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "log to standard error")
	return cmd
}

// serveDiscard runs the server that keeps nothing.
func serveDiscard(e env, cmd *cobra.Command, addr string) error {
	for _, name := range []string{"secret-env", "token-life", "scenario", "defects", "db", "tls", "ca", "client-ca-key", "max-events", "verbose"} {
		if cmd.Flags().Changed(name) {
			return usage(cmd, "--%s is of no use with --discard, which keeps and judges nothing", name)
		}
	}
	ctx, stop := e.interruptible(cmd.Context())
	defer stop()
	d, err := backend.StartDiscard(ctx, backend.DiscardOptions{Addr: addr})
	if busy := (*net.OpError)(nil); errors.As(err, &busy) {
		return fail(exitUsage, fmt.Errorf("--addr %s: %w", addr, busy))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "drover discards what is sent to %s ; Ctrl-C ends it.\n", d.URL())
	<-ctx.Done()
	return d.Close()
}

// newAuthority makes an authority that vouches for a server at addr, and writes its certificate to a file. Where there is a
// file for its key, clients need certificates of it, too.
func newAuthority(addr, file, keyFile string) (*tls.Config, error) {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && host != "" && !slices.Contains(hosts, host) && (ip == nil || !ip.IsUnspecified()) {
		hosts = append(hosts, host)
	}
	a, err := target.NewAuthority("drover serve")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, a.PEM(), 0o644); err != nil {
		return nil, err
	}
	conf, err := serverTLS(a, hosts...)
	if err != nil || keyFile == "" {
		return conf, err
	}
	key, err := a.KeyPEM()
	if err != nil {
		return nil, err
	}
	requireClients(conf, a.Pool())
	return conf, os.WriteFile(keyFile, key, 0o600)
}

// greet says where the backend is and how to try it. The scenario smoke shows no credential, and curl has no device's certificate.
func greet(cmd *cobra.Command, url, secretEnv, ca, clients, file string) error {
	var tries []string
	auth, trust, env := "", "", ""
	if secretEnv != "" {
		auth = ` -H "Authorization: Bearer $TOKEN"`
	}
	if strings.HasPrefix(url, "https:") {
		ca = report.ShellWord(ca)
		trust, env = " --cacert "+ca, "SSL_CERT_FILE="+ca+" "
	}
	if secretEnv == "" && clients == "" {
		tries = append(tries, env+"drover run smoke --set target="+url)
	}
	if clients == "" {
		tries = append(tries,
			"drover events smoke --limit 1 --format uploads | curl -sS"+trust+auth+" -H 'Content-Type: application/json' --data-binary @- "+url+"/v1/events",
			"curl -sS"+trust+auth+" "+url+"/v1/audit/counts", "curl -sS"+trust+" "+url+"/metrics")
	}
	text := fmt.Sprintf("drover's reference backend listens at %s; Ctrl-C ends it.\n\n", url)
	for _, t := range tries {
		text += "  " + t + "\n"
	}
	if file != "" {
		text += fmt.Sprintf("\nAfter it: sqlite3 %s 'SELECT kind, count(*) FROM events GROUP BY kind'\n", report.ShellWord(file))
	}
	_, err := io.WriteString(cmd.OutOrStdout(), text)
	return err
}
