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

// metrics shows a run's figures to Prometheus, which scrapes them, or to a Pushgateway, to which they are pushed. All labels are bounded by the scenario: phases, operations, outcomes and
// classes, never devices or tenants.
type metrics struct {
	phases   []string
	registry *prometheus.Registry
	url      string       // where they are served
	server   *http.Server // nil: they are not
	done     chan struct{}

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

// family is one of drover's own metrics.
type family struct {
	name, kind, help string
	labels           []string
	desc             *prometheus.Desc
}

func newFamily(name, kind, help string, labels ...string) *family {
	return &family{name, kind, help, labels, prometheus.NewDesc(name, help, labels, nil)}
}

var (
	uploadsFamily = newFamily("drover_uploads_total", "counter", "Uploads by what became of them.", "phase", "op", "outcome")
	dueFamily     = newFamily("drover_uploads_due_total", "counter", "Uploads that fell due.", "phase", "op")
	classFamily   = newFamily("drover_attempts_total", "counter", "Attempts by how they ended, retries included.", "phase", "op", "class")
	eventsFamily  = newFamily("drover_events_accepted_total", "counter", "Events in accepted uploads.", "phase", "op")
	bytesFamily   = newFamily("drover_accepted_bytes_total", "counter", "Bytes of accepted uploads before compression.", "phase", "op")

	responseFamily = newFamily("drover_response_seconds", "histogram", "Done minus intended: what a device waited.")
	serviceFamily  = newFamily("drover_service_seconds", "histogram", "Done minus sent, of the last attempt.")
	sendLagFamily  = newFamily("drover_send_lag_seconds", "histogram", "Sent minus intended: the harness's own lateness.")

	phaseFamily   = newFamily("drover_phase", "gauge", "1 for the phase under way, 0 for the others.", "phase")
	openFamily    = newFamily("drover_open_uploads", "gauge", "Uploads that have fallen due and have no fate yet.")
	rateFamily    = newFamily("drover_asked_rate", "gauge", "Uploads per second that the load shape asks for; 0 when the devices' behaviour decides.")
	elapsedFamily = newFamily("drover_elapsed_seconds", "gauge", "Time since the run's start.")
	buildFamily   = newFamily("drover_build_info", "gauge", "1, with drover's version.", "version", "goversion")
)

// families are all of them, in the order in which they are documented.
var families = [...]*family{
	uploadsFamily, dueFamily, classFamily, eventsFamily, bytesFamily, responseFamily, serviceFamily, sendLagFamily, phaseFamily, openFamily,
	rateFamily, elapsedFamily, buildFamily,
}

// classic are the upper bounds, in seconds, of the classic buckets; a native histogram goes with them.
var classic = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// newMetrics has nothing to show yet.
func newMetrics(phases []string) *metrics {
	m := &metrics{phases: phases, counts: make([][measure.NumOps]measure.Counts, len(phases)), registry: prometheus.NewRegistry()}
	m.registry.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// serve starts to serve /metrics at addr.
func (m *metrics) serve(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	m.url, m.done = "http://"+l.Addr().String()+"/metrics", make(chan struct{})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	go func() {
		defer close(m.done)
		// Serve always ends with an error, and after close with ErrServerClosed. If it ended before, the run goes on:
		// scrapes then fail, and Prometheus says so.
		_ = m.server.Serve(l)
	}()
	return nil
}

// close ends the server, if there is one, after the scrapes under way, and waits for it.
func (m *metrics) close() {
	if m.server == nil {
		return
	}
	endServer(m.server, m.done)
}

// endServer ends a server after the answers under way, which get a second, and waits for done.
func endServer(s *http.Server, done <-chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		s.Close()
	}
	<-done
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
	for _, f := range families {
		ch <- f.desc
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
				count(uploadsFamily.desc, n, phase, op.String(), measure.Outcome(outcome).String())
			}
			for class, n := range c.AttemptClass {
				if n > 0 {
					count(classFamily.desc, n, phase, op.String(), measure.Class(class).String())
				}
			}
			count(dueFamily.desc, c.Due, phase, op.String())
			count(eventsFamily.desc, c.Events, phase, op.String())
			count(bytesFamily.desc, c.Bytes, phase, op.String())
		}
		under := 0.0
		if i == m.phase {
			under = 1
		}
		gauge(phaseFamily.desc, under, phase)
	}
	ch <- histogramMetric(responseFamily.desc, &m.response)
	ch <- histogramMetric(serviceFamily.desc, &m.service)
	ch <- histogramMetric(sendLagFamily.desc, &m.sendLag)
	gauge(openFamily.desc, float64(m.open))
	gauge(rateFamily.desc, m.rate)
	gauge(elapsedFamily.desc, m.elapsed.Seconds())
	gauge(buildFamily.desc, 1, versionOf(), runtime.Version())
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
