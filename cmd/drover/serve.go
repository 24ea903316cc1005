package main

import (
	"fmt"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"drover/sim/backend"
)

func newServe(e env) *cobra.Command {
	var (
		addr, secretEnv, known string
		maxEvents              int
		verbose                bool
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the reference backend",
		Long: `serve runs the backend that "target.url: embedded" starts inside a run, as a process of its own, until SIGINT or
SIGTERM. It accepts drover's native format, classifies each detection by itself, keeps the events in memory and shows
them: /v1/audit/counts, /v1/audit/events, /metrics and /healthz.

With --secret-env every request needs a token: a JWT (HS256) with the claims iss "drover" and sub and tid, the tenant's
id, or "*" for the operator, signed with the secret in that environment variable.`,
		Example: `  drover serve --addr 127.0.0.1:8080
  drover run smoke --set target=http://127.0.0.1:8080   # in another terminal`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				return usage(cmd, "--addr %s: want host:port, e.g. 127.0.0.1:8080", addr)
			}
			opt := backend.Options{Addr: addr, MaxEvents: maxEvents}
			if secretEnv != "" {
				secret := e.getenv(secretEnv)
				if secret == "" {
					return usage(cmd, "environment variable %s is empty; set it to the secret", secretEnv)
				}
				opt.Secret = []byte(secret)
			}
			if verbose {
				opt.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			}
			var err error
			if opt.Classifier, err = classifierOf(known); err != nil {
				return err
			}
			ctx, stop := e.interruptible(cmd.Context())
			defer stop()
			srv, err := backend.Start(ctx, opt)
			if err != nil {
				return err
			}
			if err := greet(cmd, srv.URL(), secretEnv); err != nil {
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
	cmd.Flags().IntVar(&maxEvents, "max-events", 0, "keep at most `n` events, then answer 507 (0: the backend's own limit)")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "log to standard error")
	return cmd
}

// greet says where the backend is and how to try it.
func greet(cmd *cobra.Command, url, secretEnv string) error {
	auth := ""
	if secretEnv != "" {
		auth = ` -H "Authorization: Bearer $TOKEN"`
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), `drover's reference backend listens at %[1]s; Ctrl-C ends it.

  drover run smoke --set target=%[1]s
  drover events smoke --limit 1 --format uploads | curl -sS%[2]s -H 'Content-Type: application/json' --data-binary @- %[1]s/v1/events
  curl -sS%[2]s %[1]s/v1/audit/counts
  curl -sS %[1]s/metrics
`, url, auth)
	return err
}
