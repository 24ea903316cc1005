package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// CSV writes the timeline: a line for each interval of the run, all phases, with the columns named in the first line.
// Durations are nanoseconds, offsets count from the run's start, and what an interval counts is as in Point.
func CSV(w io.Writer, r *Run) error {
	out := csv.NewWriter(w)
	row := []string{
		"from_ns", "width_ns", "phase", "due", "sent", "done", "accepted", "refused", "failed", "dropped", "events",
		"response_count", "response_p50_ns", "response_p90_ns", "response_p99_ns", "response_max_ns",
		"service_p50_ns", "service_p90_ns", "service_p99_ns", "service_max_ns", "send_lag_p50_ns", "send_lag_p99_ns", "send_lag_max_ns",
	}
	if err := out.Write(row); err != nil {
		return err
	}
	for _, p := range r.Timeline {
		row = append(row[:0], strconv.FormatInt(p.FromNS, 10), strconv.FormatInt(p.WidthNS, 10), phaseAt(r, p.FromNS))
		for _, n := range [...]int64{
			p.Due, p.Sent, p.Done, p.Accepted, p.Refused, p.Failed, p.Dropped, p.Events,
			p.Response.Count, p.Response.P50NS, p.Response.P90NS, p.Response.P99NS, p.Response.MaxNS,
			p.Service.P50NS, p.Service.P90NS, p.Service.P99NS, p.Service.MaxNS, p.SendLag.P50NS, p.SendLag.P99NS, p.SendLag.MaxNS,
		} {
			row = append(row, strconv.FormatInt(n, 10))
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// phaseAt names the phase that an offset lies in, "" for none.
func phaseAt(r *Run, offset int64) string {
	for _, p := range r.Phases {
		if p.FromNS <= offset && offset < p.ToNS {
			return p.Name
		}
	}
	return ""
}

// hlogFigures is the precision of the histograms in a log: they come from cells of two figures.
const hlogFigures = 2

// HLog writes the response times over time as a histogram log, format 1.3, which HdrHistogram's tools and viewers read: one
// interval histogram a line, in nanoseconds, with the tag of the phase in which the uploads were due. Values are at most
// 0.8 % too large, as those of the timeline are, and within the two figures of the format.
// Source: HdrHistogram, HistogramLogWriter and HistogramLogProcessor (2.2, 2023).
func HLog(w io.Writer, r *Run) error {
	log := hdrhistogram.NewHistogramLogWriter(w)
	base := r.Started.Unix() * 1000 // the format's start time has whole seconds
	log.SetBaseTime(base)
	for _, err := range []error{
		log.OutputComment(fmt.Sprintf("[drover %s: response times of %s in ns, by intended start]", clean(r.Drover.Version), clean(r.ID))),
		log.OutputLogFormatVersion(), log.OutputStartTime(base), log.OutputLegend(),
	} {
		if err != nil {
			return err
		}
	}
	for _, p := range r.Timeline {
		if len(p.Heat) == 0 {
			continue
		}
		h := hdrhistogram.New(1, int64(time.Hour)+1, hlogFigures)
		h.SetTag(phaseAt(r, p.FromNS))
		from := r.Started.Add(time.Duration(p.FromNS))
		h.SetStartTimeMs(from.UnixMilli())
		h.SetEndTimeMs(from.Add(time.Duration(p.WidthNS)).UnixMilli())
		for _, c := range p.Heat {
			if err := h.RecordValues(min(c.UpToNS, int64(time.Hour)), c.N); err != nil {
				return fmt.Errorf("interval at %v: %w", time.Duration(p.FromNS), err)
			}
		}
		if err := log.OutputIntervalHistogram(h); err != nil {
			return err
		}
	}
	return nil
}
