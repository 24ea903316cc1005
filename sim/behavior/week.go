package behavior

import (
	"math"
	"sort"
	"time"
)

const (
	hoursPerWeek = 7 * 24
	week         = hoursPerWeek * time.Hour
)

// weekShape is a day shape laid out over a local week, Monday 00:00 first, in the form that answers "when has so much
// activity passed?". One unit of activity is one mean hour of a working day.
type weekShape struct {
	rate  [hoursPerWeek]float64     // activity of each hour, relative to the mean of a working day
	upTo  [hoursPerWeek + 1]float64 // activity before each hour
	total float64                   // of the whole week
}

func newWeekShape(d Day) *weekShape {
	w := new(weekShape)
	for h := range hoursPerWeek {
		w.rate[h] = d.at(h)
		w.upTo[h+1] = w.upTo[h] + w.rate[h]
	}
	w.total = w.upTo[hoursPerWeek]
	return w
}

// at is the activity of an hour of the local week, relative to the mean of a working day.
func (d *Day) at(hour int) float64 {
	if day := hour / 24; day < 5 {
		return d.Weekday[hour%24]
	}
	return d.Weekend[hour%24] * d.WeekendFactor
}

// after returns how much later than local time at, an offset into the week, the given activity has passed.
func (w *weekShape) after(at time.Duration, activity float64) time.Duration {
	if w.total <= 0 {
		return never
	}
	whole := math.Floor(activity / w.total)
	if !(whole <= 5000) { // a century: never, and no overflow
		return never
	}
	weeks := time.Duration(whole)
	activity -= whole * w.total

	hour := int(at / time.Hour)
	inHour := (at % time.Hour).Hours()
	goal := w.upTo[hour] + inHour*w.rate[hour] + activity
	wrapped := time.Duration(0)
	if goal > w.total {
		goal -= w.total
		wrapped = week
	}
	// The hour in which the goal is reached; most are a few hours ahead, so look there first.
	h := hour
	if wrapped > 0 {
		h = 0
	}
	for n := 0; h < hoursPerWeek && w.upTo[h+1] < goal; h++ {
		if n++; n == 12 {
			h = sort.Search(hoursPerWeek, func(i int) bool { return w.upTo[i+1] >= goal })
			break
		}
	}
	h = min(h, hoursPerWeek-1)
	then := time.Duration(h) * time.Hour
	if w.rate[h] > 0 {
		then += time.Duration((goal - w.upTo[h]) / w.rate[h] * float64(time.Hour))
	}
	return weeks*week + wrapped + then - at
}

// between is the activity from at, an offset into the local week, until d later.
func (w *weekShape) between(at, d time.Duration) float64 {
	upTo := func(t time.Duration) float64 {
		weeks, t := t/week, t%week
		h := int(t / time.Hour)
		return float64(weeks)*w.total + w.upTo[h] + (t%time.Hour).Hours()*w.rate[h]
	}
	return upTo(at+d) - upTo(at)
}

// zone turns offsets from the run's start into local time of the week. It remembers the present offset from UTC, since
// asking the time package for each event would cost more than everything else. It is owned by one goroutine.
type zone struct {
	loc         *time.Location
	start       time.Time
	monday      time.Duration // the start's offset into the UTC week
	offset      time.Duration // from UTC, while from <= at < until
	from, until time.Duration
}

func newZone(start time.Time, loc *time.Location) zone {
	start = start.UTC()
	day := (int(start.Weekday()) + 6) % 7 // Monday is 0
	midnight := time.Date(start.Year(), start.Month(), start.Day(), 0, 0, 0, 0, time.UTC)
	return zone{loc: loc, start: start, monday: time.Duration(day)*24*time.Hour + start.Sub(midnight)}
}

// local returns the offset into the local week of an instant.
func (z *zone) local(at time.Duration) time.Duration {
	if at < z.from || at >= z.until {
		t := z.start.Add(at).In(z.loc)
		_, sec := t.Zone()
		z.offset = time.Duration(sec) * time.Second
		z.from, z.until = -1<<63, 1<<63-1
		from, until := t.ZoneBounds()
		if !from.IsZero() {
			z.from = from.Sub(z.start)
		}
		if !until.IsZero() {
			z.until = until.Sub(z.start)
		}
	}
	local := (z.monday + at + z.offset) % week
	if local < 0 {
		local += week
	}
	return local
}
