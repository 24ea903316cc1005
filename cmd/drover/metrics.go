package main

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"drover/sim"
	"drover/sim/measure"
)

// metrics serves a run's figures to Prometheus. All labels are bounded by the scenario: phases, operations, outcomes and
// classes, never devices or tenants.
type metrics struct {
	url    string
	server *http.Server
	done   chan struct{}
	phases []string

	mu       sync.Mutex // guards what follows
	counts   [][measure.NumOps]measure.Counts
	response measure.Histogram
	service  measure.Histogram
	sendLag  measure.Histogram
	phase    int
	open     int
	rate     float64
	elapsed  time.Duration
}

var (
	uploadsDesc = prometheus.NewDesc("drover_uploads_total", "Uploads by what became of them.", []string{"phase", "op", "outcome"}, nil)
	dueDesc     = prometheus.NewDesc("drover_uploads_due_total", "Uploads that fell due.", []string{"phase", "op"}, nil)
	classDesc   = prometheus.NewDesc("drover_attempts_total", "Attempts by how they ended, retries included.", []string{"phase", "op", "class"}, nil)
	eventsDesc  = prometheus.NewDesc("drover_events_accepted_total", "Events in accepted uploads.", []string{"phase", "op"}, nil)
	bytesDesc   = prometheus.NewDesc("drover_accepted_bytes_total", "Bytes of accepted uploads before compression.", []string{"phase", "op"}, nil)

	responseDesc = prometheus.NewDesc("drover_response_seconds", "Done minus intended: what a device waited.", nil, nil)
	serviceDesc  = prometheus.NewDesc("drover_service_seconds", "Done minus sent, of the last attempt.", nil, nil)
	sendLagDesc  = prometheus.NewDesc("drover_send_lag_seconds", "Sent minus intended: the harness's own lateness.", nil, nil)

	phaseDesc   = prometheus.NewDesc("drover_phase", "1 for the phase under way, 0 for the others.", []string{"phase"}, nil)
	openDesc    = prometheus.NewDesc("drover_open_uploads", "Uploads that have fallen due and have no fate yet.", nil, nil)
	rateDesc    = prometheus.NewDesc("drover_asked_rate", "Uploads per second that the load shape asks for; 0 when the devices' behaviour decides.", nil, nil)
	elapsedDesc = prometheus.NewDesc("drover_elapsed_seconds", "Time since the run's start.", nil, nil)
	buildDesc   = prometheus.NewDesc("drover_build_info", "1, with drover's version.", []string{"version", "goversion"}, nil)
)

// classic are the upper bounds, in seconds, of the classic buckets; a native histogram goes with them.
var classic = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// serveMetrics starts to serve /metrics at addr.
func serveMetrics(addr string, phases []string) (*metrics, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	m := &metrics{url: "http://" + l.Addr().String() + "/metrics", phases: phases, done: make(chan struct{}),
		counts: make([][measure.NumOps]measure.Counts, len(phases))}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	go func() {
		defer close(m.done)
		// Serve always ends with an error, and after close with ErrServerClosed. If it ended before, the run goes on:
		// scrapes then fail, and Prometheus says so.
		_ = m.server.Serve(l)
	}()
	return m, nil
}

// close ends the server, after the scrapes under way, and waits for it.
func (m *metrics) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := m.server.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		m.server.Close()
	}
	<-m.done
}

// add takes in what happened since the last call.
func (m *metrics) add(p *sim.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range p.Window.Phases {
		for op := range p.Window.Phases[i] {
			m.counts[i][op].Add(&p.Window.Phases[i][op])
		}
	}
	m.response.Merge(&p.Window.Response)
	m.service.Merge(&p.Window.Service)
	m.sendLag.Merge(&p.Window.SendLag)
	m.phase, m.open, m.rate, m.elapsed = p.Phase, p.Open, p.Rate, p.Elapsed
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{uploadsDesc, dueDesc, classDesc, eventsDesc, bytesDesc, responseDesc, serviceDesc, sendLagDesc,
		phaseDesc, openDesc, rateDesc, elapsedDesc, buildDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	count := func(d *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for i, phase := range m.phases {
		for op := range measure.NumOps {
			c := &m.counts[i][op]
			if c.Due == 0 {
				continue
			}
			for outcome, n := range [measure.NumOutcomes]int64{c.Accepted, c.Refused, c.Failed, c.Dropped} {
				count(uploadsDesc, n, phase, op.String(), measure.Outcome(outcome).String())
			}
			for class, n := range c.AttemptClass {
				if n > 0 {
					count(classDesc, n, phase, op.String(), measure.Class(class).String())
				}
			}
			count(dueDesc, c.Due, phase, op.String())
			count(eventsDesc, c.Events, phase, op.String())
			count(bytesDesc, c.Bytes, phase, op.String())
		}
		under := 0.0
		if i == m.phase {
			under = 1
		}
		gauge(phaseDesc, under, phase)
	}
	ch <- histogramMetric(responseDesc, &m.response)
	ch <- histogramMetric(serviceDesc, &m.service)
	ch <- histogramMetric(sendLagDesc, &m.sendLag)
	gauge(openDesc, float64(m.open))
	gauge(rateDesc, m.rate)
	gauge(elapsedDesc, m.elapsed.Seconds())
	gauge(buildDesc, 1, versionOf(), runtime.Version())
}

// nativeSchema makes buckets that grow by 2^(1/8), 9 %.
const nativeSchema = 3

// both is a histogram in the native form with the classic buckets beside it, as an old Prometheus needs them.
type both struct {
	prometheus.Metric
	buckets []*dto.Bucket
}

// Write implements prometheus.Metric.
func (b both) Write(out *dto.Metric) error {
	if err := b.Metric.Write(out); err != nil {
		return err
	}
	out.Histogram.Bucket = b.buckets
	return nil
}

// histogramMetric turns our cells, which are at most 0.1 % wide, into buckets. A cell goes where its upper end belongs.
func histogramMetric(d *prometheus.Desc, h *measure.Histogram) prometheus.Metric {
	const zero = 1e-9 // seconds; what took no time at all
	native := map[int]int64{}
	sums := make([]uint64, len(classic))
	var zeroes uint64
	h.Each(func(_, to time.Duration, n int64) {
		v := (to - 1).Seconds()
		if v <= zero {
			zeroes += uint64(n)
		} else {
			native[int(math.Ceil(math.Log2(v)*(1<<nativeSchema)))] += n
		}
		for i, bound := range classic {
			if v <= bound {
				sums[i] += uint64(n)
				break
			}
		}
	})
	m := prometheus.MustNewConstNativeHistogram(d, uint64(h.Count()), h.Mean().Seconds()*float64(h.Count()), native, nil, zeroes,
		nativeSchema, zero, time.Time{})
	b := both{Metric: m}
	var upTo uint64
	for i, bound := range classic {
		upTo += sums[i]
		n, bound := upTo, bound
		b.buckets = append(b.buckets, &dto.Bucket{CumulativeCount: &n, UpperBound: &bound})
	}
	return b
}
