package behavior

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"drover/sim/event"
)

// What is put into a record is what is there, whatever is put into its neighbours, and what is beyond a short time is never; in each of the
// forms that a record has. Which of a device's times is first, and which clock, is found among those that are apart, too.
func TestTimes(t *testing.T) {
	const devices = 300 // more than a block has of what is apart
	update := []Entry{{Release: &Release{}}}
	for name, cfg := range map[string]Config{
		"long":            {Plans: all()},
		"long, releases":  {Plans: all(), Timeline: update},
		"short":           {Until: time.Hour, Plans: append(all(), crashing(1)...)},
		"short, releases": {Until: time.Hour, Plans: append(all(), crashing(1)...), Timeline: update},
		"apart":           {Until: time.Hour, Plans: all()},
		"apart, releases": {Until: time.Hour, Plans: all(), Timeline: update},
	} {
		s := newStore(&cfg, devices, func(j int) int { return j })
		times := numTimes
		if cfg.Timeline == nil {
			times--
		}
		r := rand.New(rand.NewPCG(3, 4))
		var want [devices][numTimes]time.Duration
		draw := func() time.Duration {
			at := [...]time.Duration{time.Duration(r.IntN(4)), time.Duration(r.Int64N(shortNever)), shortNever - 1, shortNever, never}[r.IntN(5)]
			if s.width == shortWidth && at >= shortNever {
				at = never
			}
			return at
		}
		var st state
		for step := range 20_000 {
			j, i := uint32(r.IntN(devices)), r.IntN(times)
			if step < devices*times {
				j, i = uint32(step/times), step%times // each is set once
			}
			s.get(j, &st)
			at := draw()
			st.put(i, at)
			want[j][i] = at
			st.seq, st.plan = j, ^j
			s.put(j, &st)
		}
		for j := range uint32(devices) {
			s.get(j, &st)
			for i, at := range want[j][:times] {
				if got := st.at(i); got != at {
					t.Fatalf("%s: time %d of device %d is %v, want %v", name, i, j, got, at)
				}
			}
			order := append([]int{network, release}[:1+times-network-1], 0, 1, 2, 3, 4, 5, 6, 7, 8) // in which they come when they are at once
			slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(want[j][a], want[j][b]) })
			first, at, then := st.next()
			if first != order[0] || at != want[j][order[0]] || then != want[j][order[1]] || st.first() != at || st.seq != j || st.plan != ^j {
				t.Fatalf("%s: device %d has %d at %v before one at %v, want %d at %v before %v; number %d, plan %d",
					name, j, first, at, then, order[0], want[j][order[0]], want[j][order[1]], st.seq, st.plan)
			}
			if times < numTimes && st.at(release) != never {
				t.Fatalf("%s: device %d takes a release at %v, and there is none", name, j, st.at(release))
			}
		}
	}
}

// A device takes a place for its rare times when one of them comes, and keeps it.
func TestApart(t *testing.T) {
	s := newStore(&Config{Until: time.Hour, Plans: crashing(1e-9)}, 2, func(j int) int { return j })
	var st state
	s.get(1, &st)
	for _, c := range rareClocks {
		if st.put(c, never); s.apart.used != 0 || st.at(c) != never {
			t.Errorf("clock %d rings at %v and takes a place", c, st.at(c))
		}
	}
	st.put(jetsam, time.Minute)
	st.put(jetsam, never)
	st.put(rareClocks[0], time.Hour)
	if s.apart.used != 1 || st.at(jetsam) != never || st.at(rareClocks[0]) != time.Hour {
		t.Errorf("%d places, clocks ring at %v and %v, want 1, never and an hour", s.apart.used, st.at(jetsam), st.at(rareClocks[0]))
	}
	if s.get(0, &st); st.at(rareClocks[0]) != never {
		t.Errorf("another device rings at %v", st.at(rareClocks[0]))
	}
}

// What does not come is never, and is put there as that only.
func TestTimesThatDoNotCome(t *testing.T) {
	heartbeat, crash := clockOf(event.Heartbeat), clockOf(event.Crash)
	for name, cfg := range map[string]Config{
		"long":  {Plans: []Plan{{Rates: [event.NumKinds]Rate{event.Heartbeat: {Every: time.Hour}}}}},
		"apart": {Until: time.Hour, Plans: append(crashing(1e-9), Plan{Rates: [event.NumKinds]Rate{event.Heartbeat: {Every: time.Hour}}})},
	} {
		s := newStore(&cfg, 1, func(j int) int { return j })
		var st state
		s.get(0, &st)
		if s.apart != nil {
			st.put(crash, 2*time.Hour)
		}
		st.put(heartbeat, time.Hour)
		for i := range numTimes {
			if i == heartbeat || s.apart != nil && i == crash {
				continue
			}
			if st.put(i, never); st.at(i) != never {
				t.Errorf("%s: time %d is %v, want never", name, i, st.at(i))
			}
		}
		if first, at, _ := st.next(); first != heartbeat || at != time.Hour {
			t.Errorf("%s: the first is %d at %v, want the heartbeat after an hour", name, first, at)
		}
	}
}
