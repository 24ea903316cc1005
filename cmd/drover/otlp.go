package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	"google.golang.org/protobuf/proto"
)

// otlpEvery is how often a run under way tells its metrics. Source: OpenTelemetry, SDK environment variables: exporters of metrics
// do so once a minute; a run often does not last as long.
const otlpEvery = 10 * time.Second

// otlp tells a run's metrics to a receiver of OpenTelemetry's protocol over HTTP, in protobuf: all of them each time, counted from the
// run's start, so that one that got lost is made good by the next.
// Source: OpenTelemetry Protocol 1.7, "OTLP/HTTP", https://opentelemetry.io/docs/specs/otlp/ (2025).
type otlp struct {
	metrics  *metrics
	to       string // without credentials
	header   http.Header
	resource []*common.KeyValue
	every    time.Duration
	started  time.Time
	now      func() time.Time
	client   http.Client
	ending   sync.Once     // closes stop
	stop     chan struct{} // closed: tell no more
	done     chan struct{} // closed when loop has ended
}

// otlpURL checks the argument of --otlp-metrics. Without a path it is that of the protocol.
func otlpURL(text string) (*url.URL, error) {
	u, err := httpURL(text, "want the URL of a receiver of OTLP over HTTP, e.g. http://127.0.0.1:4318; OTLP over gRPC is not spoken")
	if err == nil && (u.Path == "" || u.Path == "/") {
		u.Path = "/v1/metrics"
	}
	return u, err
}

// otlpHeaders are what OpenTelemetry's own variables add to each request: "name=value,name=value", values escaped as in URLs.
// Source: OpenTelemetry, OTLP exporter configuration, OTEL_EXPORTER_OTLP_HEADERS (2025).
func otlpHeaders(getenv func(string) string) (http.Header, error) {
	h := http.Header{}
	for _, name := range [...]string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"} {
		for pair := range strings.SplitSeq(getenv(name), ",") {
			if strings.TrimSpace(pair) == "" {
				continue
			}
			key, value, ok := strings.Cut(pair, "=")
			value, err := url.PathUnescape(strings.TrimSpace(value))
			if !ok || err != nil || strings.TrimSpace(key) == "" {
				return nil, fmt.Errorf("$%s: want name=value, with commas between them and values escaped as in a URL", name)
			}
			h.Set(strings.TrimSpace(key), value)
		}
	}
	return h, nil
}

// tell begins to tell what w watches of a run that starts, if --otlp-metrics asks for that; else it returns nil, which tells nothing.
func (d *drive) tell(ctx context.Context, w *watch, started time.Time) *otlp {
	to, header := d.flags.receiver, d.flags.header
	if to == nil {
		return nil
	}
	if to.User != nil {
		password, _ := to.User.Password()
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(to.User.Username()+":"+password)))
	}
	bare := *to
	bare.User = nil
	o := &otlp{
		metrics: w.metrics, to: bare.String(), header: header, every: otlpEvery, started: started, now: d.now, stop: make(chan struct{}), done: make(chan struct{}),
		resource: []*common.KeyValue{
			otlpText("service.name", "drover"), otlpText("service.version", versionOf()), otlpText("service.instance.id", d.id),
			otlpText("drover.scenario", d.model.Scenario.Name), otlpText("drover.shard", d.flags.shard.String()),
		},
	}
	go o.loop(ctx)
	return o
}

func (o *otlp) loop(ctx context.Context) {
	defer close(o.done)
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			once, cancel := context.WithTimeout(ctx, pushTimeout)
			_, _ = o.export(once) // the next one has it all
			cancel()
		case <-o.stop:
			return
		case <-ctx.Done():
			return
		}
	}
}

// end stops telling, and waits until that is done.
func (o *otlp) end() {
	if o == nil {
		return
	}
	o.ending.Do(func() { close(o.stop) })
	<-o.done
}

// finish tells the final figures, again and again for a while if the receiver asks for that.
func (o *otlp) finish(ctx context.Context) error {
	if o == nil {
		return nil
	}
	o.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushTimeout) // also of a run that was interrupted
	defer cancel()
	for wait := time.Second / 4; ; wait *= 2 {
		again, err := o.export(ctx)
		if err == nil {
			return nil
		}
		if again {
			pause := time.NewTimer(wait)
			select {
			case <-pause.C:
			case <-ctx.Done():
				again = false
			}
			pause.Stop()
		}
		if !again {
			return fmt.Errorf("tell the metrics to %s: %w%s", o.to, err, o.overGRPC(err))
		}
	}
}

// overGRPC says what to do where an error looks as if the receiver were one of gRPC; else "". Its port is 4317, and that of HTTP 4318. To a request of
// HTTP/1.1 it says no by a frame of HTTP/2, and over TLS, where both speak that, it knows the body's type not.
// Source: OpenTelemetry Protocol 1.7, "OTLP/gRPC Default Port" and "OTLP/HTTP Default Port", https://opentelemetry.io/docs/specs/otlp/ (2025).
func (o *otlp) overGRPC(err error) string {
	u, bad := url.Parse(o.to)
	if bad != nil || u.Port() != "4317" && !isFrame(err) && !strings.HasPrefix(err.Error(), "415 ") {
		return ""
	}
	return "; is it a receiver of OTLP over gRPC, whose port is 4317? drover tells metrics over HTTP, whose port is 4318"
}

// isFrame reports whether an answer was not HTTP/1.1. The error has no type.
func isFrame(err error) bool { return strings.Contains(err.Error(), "malformed HTTP response") }

// export makes one request. again says that another one may do better.
func (o *otlp) export(ctx context.Context) (again bool, err error) {
	families, err := o.metrics.registry.Gather()
	if err != nil {
		return false, err
	}
	body, err := proto.Marshal(otlpRequest(families, o.resource, o.started, o.now()))
	if err != nil {
		return false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.to, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	for name, values := range o.header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := o.client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // the URL is in our own words already
		}
		return ctx.Err() == nil && !isFrame(err), err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return true, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true, errors.New(resp.Status)
	default:
		return false, errors.New(resp.Status)
	}
	var answer collector.ExportMetricsServiceResponse
	if err := proto.Unmarshal(text, &answer); err != nil {
		return false, fmt.Errorf("the answer is none of OTLP: %w", err)
	}
	if p := answer.GetPartialSuccess(); p.GetRejectedDataPoints() > 0 {
		return false, fmt.Errorf("%s refused: %.200q", plural(p.GetRejectedDataPoints(), "data point was", "data points were"), p.GetErrorMessage())
	}
	return false, nil
}
