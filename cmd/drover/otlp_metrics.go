package main

import (
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	otel "go.opentelemetry.io/proto/slim/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
)

// otlpRequest writes metrics as OTLP has them: those of drover and of its process, by their Prometheus names, and histograms as
// exponential ones with the same buckets. Those of the Go runtime stay out: "drover run --metrics" has them.
// Source: OpenTelemetry, Prometheus and OpenMetrics Compatibility (2025).
func otlpRequest(families []*dto.MetricFamily, about []*common.KeyValue, started, now time.Time) *collector.ExportMetricsServiceRequest {
	c := otlpClock{uint64(started.UnixNano()), uint64(now.UnixNano())}
	var list []*otel.Metric
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "drover_") || strings.HasPrefix(f.GetName(), "process_") {
			list = append(list, c.metric(f))
		}
	}
	return &collector.ExportMetricsServiceRequest{ResourceMetrics: []*otel.ResourceMetrics{{
		Resource:     &resource.Resource{Attributes: about},
		ScopeMetrics: []*otel.ScopeMetrics{{Scope: &common.InstrumentationScope{Name: "drover", Version: versionOf()}, Metrics: list}},
	}}}
}

// otlpClock is when the run started and what time it is, in nanoseconds since 1970.
type otlpClock struct{ started, now uint64 }

func (c otlpClock) metric(f *dto.MetricFamily) *otel.Metric {
	m := &otel.Metric{Name: f.GetName(), Description: f.GetHelp(), Unit: otlpUnit(f.GetName())}
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		sum := &otel.Sum{IsMonotonic: true, AggregationTemporality: otel.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE}
		for _, p := range f.Metric {
			sum.DataPoints = append(sum.DataPoints, c.number(p, p.GetCounter().GetValue()))
		}
		m.Data = &otel.Metric_Sum{Sum: sum}
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		all := &otel.ExponentialHistogram{AggregationTemporality: otel.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE}
		for _, p := range f.Metric {
			all.DataPoints = append(all.DataPoints, c.histogram(p))
		}
		m.Data = &otel.Metric_ExponentialHistogram{ExponentialHistogram: all}
	default:
		gauge := &otel.Gauge{}
		for _, p := range f.Metric {
			gauge.DataPoints = append(gauge.DataPoints, c.number(p, p.GetGauge().GetValue()))
		}
		m.Data = &otel.Metric_Gauge{Gauge: gauge}
	}
	return m
}

func (c otlpClock) number(p *dto.Metric, v float64) *otel.NumberDataPoint {
	return &otel.NumberDataPoint{
		Attributes: otlpLabels(p.Label), StartTimeUnixNano: c.started, TimeUnixNano: c.now, Value: &otel.NumberDataPoint_AsDouble{AsDouble: v},
	}
}

// histogram turns spans and deltas into one row of counters. Bucket i of Prometheus ends where that of OTLP begins.
func (c otlpClock) histogram(p *dto.Metric) *otel.ExponentialHistogramDataPoint {
	h := p.GetHistogram()
	sum := h.GetSampleSum()
	out := &otel.ExponentialHistogramDataPoint{
		Attributes: otlpLabels(p.Label), StartTimeUnixNano: c.started, TimeUnixNano: c.now,
		Count: h.GetSampleCount(), Sum: &sum, Scale: h.GetSchema(), ZeroCount: h.GetZeroCount(), ZeroThreshold: h.GetZeroThreshold(),
	}
	var counts []uint64
	var first, at int32
	var n int64
	deltas := h.GetPositiveDelta()
	for i, span := range h.GetPositiveSpan() {
		at += span.GetOffset()
		if i == 0 {
			first = at
		}
		for range span.GetLength() {
			for int32(len(counts)) < at-first {
				counts = append(counts, 0)
			}
			n += deltas[0]
			deltas = deltas[1:]
			counts = append(counts, uint64(n))
			at++
		}
	}
	out.Positive = &otel.ExponentialHistogramDataPoint_Buckets{Offset: first - 1, BucketCounts: counts}
	return out
}

func otlpLabels(labels []*dto.LabelPair) (list []*common.KeyValue) {
	for _, l := range labels {
		list = append(list, otlpText(l.GetName(), l.GetValue()))
	}
	return list
}

func otlpText(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
}

// otlpUnit is a metric's unit as UCUM writes it, which its name ends in.
func otlpUnit(name string) string {
	name = strings.TrimSuffix(name, "_total")
	switch {
	case strings.HasSuffix(name, "_seconds"):
		return "s"
	case strings.HasSuffix(name, "_bytes"):
		return "By"
	}
	return ""
}
