package backend

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"drover/sim/event"
)

// metrics is what /metrics shows. It has a registry of its own: two backends in one process do not meet.
type metrics struct {
	page     http.Handler
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(s *store) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "drover_backend_requests_total", Help: "Requests by endpoint and status code.",
		}, []string{"endpoint", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "drover_backend_request_seconds", Help: "Time from the head of a request to the end of its answer.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 18), // 50 us to 6.5 s
		}, []string{"endpoint"}),
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(m.requests, m.seconds,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "drover_backend_stored_events", Help: "Events in memory, over all runs.",
		}, read(&s.held)),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "drover_backend_duplicate_events_total", Help: "Events that came again.",
		}, read(&s.duplicates)),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "drover_backend_refused_events_total", Help: "Events whose id belongs to another event.",
		}, read(&s.refused)))
	for _, k := range event.Kinds() {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "drover_backend_events_total", Help: "Events stored, by kind.",
			ConstLabels: prometheus.Labels{"kind": k.String()},
		}, read(&s.kinds[k])))
	}
	m.page = promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	return m
}

func read(n *atomic.Int64) func() float64 { return func() float64 { return float64(n.Load()) } }

func (m *metrics) request(endpoint string, code int, took time.Duration) {
	m.requests.WithLabelValues(endpoint, strconv.Itoa(code)).Inc()
	m.seconds.WithLabelValues(endpoint).Observe(took.Seconds())
}
