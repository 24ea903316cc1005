package behavior

import (
	"math"
	"testing"
	"time"
	"unsafe"

	"drover/sim/event"
	"drover/sim/fleet"
)

// office is a day with a lunch break and silent nights.
var office = Day{
	Weekday:       normalise([24]float64{8: 1, 9: 3, 10: 3, 11: 3, 12: 1, 13: 3, 14: 3, 15: 3, 16: 3, 17: 1}),
	Weekend:       normalise([24]float64{10: 1, 11: 1, 12: 1, 13: 1, 14: 1, 15: 1}),
	WeekendFactor: 0.2,
}

func normalise(d [24]float64) [24]float64 {
	var sum float64
	for _, v := range d {
		sum += v
	}
	for i := range d {
		d[i] *= 24 / sum
	}
	return d
}

// after is the inverse of between, from any hour and over any number of weeks.
func TestWeekShapeInverse(t *testing.T) {
	w := newWeekShape(office)
	draw := newDraws(1, 1, 1, 1)
	for range 20_000 {
		at := time.Duration(draw.unit() * float64(week))
		activity := draw.exp() * []float64{0.01, 1, 30, 500}[draw.next()%4]
		d := w.after(at, activity)
		if got := w.between(at, d); math.Abs(got-activity) > 1e-6*(1+activity) {
			t.Fatalf("from %v, %v of activity take %v, in which there are %v", at, activity, d, got)
		}
	}
	if got := w.after(0, 1e9); got != never {
		t.Errorf("a billion mean hours take %v, want never", got)
	}
	if got := newWeekShape(Day{}).after(0, 1); got != never {
		t.Errorf("without activity something happens after %v", got)
	}
}

// Local time follows the zone through a change of its clocks: Berlin leaves summer time on 2026-10-25 at 01:00 UTC.
func TestZoneFollowsTheClocks(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC) // a Saturday
	z := newZone(start, berlin)
	for _, at := range []time.Duration{0, 12*time.Hour + 59*time.Minute, 13 * time.Hour, 40 * time.Hour, 1000 * time.Hour, time.Hour} {
		local := start.Add(at).In(berlin)
		day := (int(local.Weekday()) + 6) % 7
		want := time.Duration(day)*24*time.Hour + time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute
		if got := z.local(at); got != want {
			t.Errorf("local time at %v is %v into the week, want %v", at, got, want)
		}
	}
}

// Periods neither run together nor drift, whatever the jitter.
func TestPeriodic(t *testing.T) {
	const clock = 0
	s := &Stream{plans: []*compiled{{}}}
	for _, jitter := range []float64{0, 0.1, 1} {
		rate := Rate{Every: time.Hour, Jitter: jitter}
		s.plans[0].rates[clock] = rate
		for device := range uint64(50) {
			st := new(state)
			at := periodic(device, clock, rate, 0)
			begin := phase(device, clock, rate)
			for n := range 200 {
				if lo := begin + time.Duration(n)*time.Hour; at < lo || at > lo+time.Duration(jitter*float64(time.Hour)) {
					t.Fatalf("jitter %v: occurrence %d of device %d at %v, want within %v of %v", jitter, n, device, at, jitter, lo)
				}
				at = s.after(st, device, clock, at)
			}
		}
	}
}

// The draws of a log-normal have the asked median and 95th percentile.
func TestLogNormal(t *testing.T) {
	const n = 100_000
	var below, above float64
	for i := range uint64(n) {
		d := newDraws(i, drawPayload, 0, 0)
		v := d.logNormal(20, 120)
		if v < 20 {
			below++
		}
		if v > 120 {
			above++
		}
	}
	for _, c := range []struct{ got, want float64 }{{below, 0.5}, {above, 0.05}} {
		if sd := math.Sqrt(c.want * (1 - c.want) * n); math.Abs(c.got-c.want*n) > 5*sd {
			t.Errorf("%v of %v, want %v", c.got, n, c.want*n)
		}
	}
}

// crashing is a plan with so many crashes a day.
func crashing(perDay float64) []Plan {
	return []Plan{{Rates: [event.NumKinds]Rate{event.Crash: {PerDay: perDay}}, Crashes: Crashes{Mix: []fleet.Share[string]{{Value: kill, Weight: 1}, {Value: "sigabrt", Weight: 1}}}}}
}

// all is a plan of devices on which everything happens.
func all() []Plan {
	p := Plan{Offline: Offline{PerDay: 1}}
	for k := range p.Rates {
		p.Rates[k].PerDay = 1e-9
	}
	return []Plan{p}
}

// A million devices are kept in memory: what each takes, and each pending event, is bounded.
func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Item{}); n != 16 {
		t.Errorf("an item takes %d bytes, want 16", n)
	}
	if n, whole := unsafe.Sizeof(node{}), unsafe.Sizeof(block{}); n != 20 || whole != 10<<10 {
		t.Errorf("a pending event takes %d bytes and a block of them %d, want 20 and 10,240", n, whole)
	}
	update := []Entry{{Release: &Release{}}}
	for _, c := range []struct {
		cfg  Config
		want int
	}{
		{Config{Until: 26 * time.Hour, Plans: all()}, 74},
		{Config{Until: 26 * time.Hour, Plans: all(), Timeline: update}, 80},
		{Config{Until: 26 * time.Hour, Plans: append(all(), crashing(0.07)...)}, 74},
		{Config{Until: 26 * time.Hour, Plans: append(all(), crashing(0.08)...)}, 88}, // on a quarter of the devices in 78 hours
		{Config{Until: 26 * time.Hour, Plans: append(all(), crashing(0.08)...), Timeline: update}, 94},
		{Config{Until: 26 * time.Hour, Plans: append(all(), Plan{Rates: [event.NumKinds]Rate{event.Feedback: {Every: 312 * time.Hour}}})}, 88},
		{Config{Until: 50 * time.Hour, Plans: all()}, 108},               // times may be too late for six bytes
		{Config{Plans: all(), Timeline: append(update, update...)}, 116}, // nobody knows how late

		// What never happens takes no room.
		{Config{Until: 26 * time.Hour}, 28},
		{Config{Plans: make([]Plan, 2)}, 28},
		{Config{Until: 26 * time.Hour, Plans: crashing(0.07)}, 32},
		{Config{Plans: []Plan{{}, {Rates: [event.NumKinds]Rate{event.Heartbeat: {Every: time.Hour}, event.AppAction: {PerDay: 6}}}}}, 44},
		{Config{Timeline: []Entry{{Change: &Change{OfflinePerDay: new(float64)}}, {Change: &Change{Rates: [event.NumKinds]*Rate{event.WebThreat: {PerDay: 1}}}}}}, 44},
	} {
		if s := newStore(&c.cfg, 1000, nil); s.size != c.want || len(s.records) > 1000*c.want+8 {
			t.Errorf("until %v, %d releases: a device takes %d bytes and a thousand %d, want %d each", c.cfg.Until, len(c.cfg.Timeline), s.size, len(s.records), c.want)
		}
	}
}
