package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus/push"
)

// pushTimeout bounds what a Pushgateway that hangs costs at the end of a run.
const pushTimeout = 10 * time.Second

// pushURL checks the argument of --push.
func pushURL(text string) (*url.URL, error) {
	return httpURL(text, "want the URL of a Pushgateway, e.g. http://pushgateway:9091")
}

// httpURL reads the URL of a server that metrics go to; want says what it should be.
func httpURL(text, want string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("not a URL; " + want) // url's own error repeats it, with a password in it
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New(want)
	}
	return u, nil
}

// push replaces what a Pushgateway has of the scenario and shard by the run's metrics, under the job "drover".
func (m *metrics) push(ctx context.Context, to *url.URL, scenario, shard string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushTimeout) // also of a run that was interrupted
	defer cancel()
	bare := *to
	bare.User = nil // push's errors have the URL in them
	p := push.New(bare.String(), "drover").Gatherer(m.registry).Grouping("scenario", scenario).Grouping("shard", shard)
	if to.User != nil {
		password, _ := to.User.Password()
		p.BasicAuth(to.User.Username(), password)
	}
	if err := p.PushContext(ctx); err != nil {
		return fmt.Errorf("push the metrics to %s: %w", bare.Redacted(), err)
	}
	return nil
}
