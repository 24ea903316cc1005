package measure

import (
	"strings"
)

// Totals is what all recorders of a run saw. It does not change and is safe for concurrent use.
type Totals struct {
	names  *Names
	own    uint32
	series map[Key]*series
	line   timeline

	versions versions
}

// Merge adds up recorders that were made with the same names and options; they may go on recording. Each series and each timeline is read
// at one instant, under the recorder's lock, which is held for one of them at a time, so that nobody waits for long; what goes on
// meanwhile is in some of them and not in others.
func Merge(names *Names, rs ...*Recorder) *Totals {
	t := &Totals{names: names, own: ownTenants(names, 0), series: make(map[Key]*series), line: newTimeline(0, 0), versions: make(versions, 1+len(names.Versions))}
	type entry struct {
		Key
		*series
	}
	var list []entry
	for i, r := range rs {
		list = list[:0]
		r.mu.Lock()
		for k, s := range r.series { // they stay, and stay where they are
			list = append(list, entry{k, s})
		}
		r.mu.Unlock()
		for _, e := range list {
			if t.series[e.Key] == nil {
				t.series[e.Key] = new(series)
			}
			r.mu.Lock()
			t.series[e.Key].add(e.series)
			r.mu.Unlock()
		}
		r.mu.Lock()
		line := r.line.copy()
		t.versions.merge(r.versions, names.Versions)
		r.mu.Unlock()
		if i == 0 {
			t.own, t.line = r.own, line
		} else {
			t.line.merge(&line)
		}
	}
	return t
}

func (s *series) add(o *series) {
	s.due += o.due
	for c := range o.attempts {
		s.attempts[c] += o.attempts[c]
	}
	for c, f := range o.fates {
		if f == nil {
			continue
		}
		if s.fates[c] == nil {
			s.fates[c] = new(fate)
		}
		s.fates[c].counts.Add(&f.counts)
		s.fates[c].response.Merge(&f.response)
		s.fates[c].service.Merge(&f.service)
		s.fates[c].sendLag.Merge(&f.sendLag)
	}
}

// Names are the words behind the keys.
func (t *Totals) Names() *Names { return t.names }

// Folded is how many tenants have no series of their own and are counted under OtherTenant: Names().Tenants beyond the
// first len-Folded. 0 in all but the largest scenarios.
func (t *Totals) Folded() int { return max(0, len(t.names.Tenants)-int(t.own)) }

// Selector picks requests by name. An empty field matches everything, except that with Phase empty only the phases with
// Measure count, and with Op empty only uploads, enrolments among them. A name that nothing has matches nothing.
type Selector struct {
	Op     string // as Op.String
	Phase  string
	Fleet  string
	Cohort string // "cohort", in whichever fleet, or "fleet/cohort"
	Tenant string // or OtherTenant
	Class  string // as Class.String: the class of an upload's last attempt

	Outside []string // intended in none of these windows
	During  []string // intended in one of these windows; empty: anywhere
}

// Series is the measurements of the uploads that a Selector picked. With Selector.Class, Due are those that ended in
// this class, so that Counts.Check holds, and AttemptClass is of the whole key in this class: attempts that ended so, whatever
// became of their upload.
type Series struct {
	Counts
	Response Histogram // done - intended, of the uploads that were answered or waited in vain; not of dropped or cancelled ones
	Service  Histogram // done - sent of the last attempt, of the same uploads
	SendLag  Histogram // first sent - intended - held, of all that were sent
}

// Select adds up what s picks. The result belongs to the caller.
func (t *Totals) Select(s Selector) Series {
	var out Series
	for k, se := range t.series {
		if !t.matches(k, &s) {
			continue
		}
		for c := range Class(NumClasses) {
			if s.Class == "" || s.Class == c.String() {
				out.AttemptClass[c] += se.attempts[c]
				out.addFate(se.fates[c])
			}
		}
		if s.Class == "" {
			out.Due += se.due
		}
	}
	if s.Class != "" {
		out.Due = out.Sent + out.Dropped
	}
	return out
}

func (out *Series) addFate(f *fate) {
	if f == nil {
		return
	}
	out.Counts.Add(&f.counts)
	out.Response.Merge(&f.response)
	out.Service.Merge(&f.service)
	out.SendLag.Merge(&f.sendLag)
}

// Add adds up two selections that have nothing in common.
func (out *Series) Add(o *Series) {
	out.Counts.Add(&o.Counts)
	out.Response.Merge(&o.Response)
	out.Service.Merge(&o.Service)
	out.SendLag.Merge(&o.SendLag)
}

func (t *Totals) matches(k Key, s *Selector) bool {
	phase := t.names.Phases[k.Phase]
	if s.Phase == "" && !phase.Measure || s.Phase != "" && s.Phase != phase.Name {
		return false
	}
	if !t.names.picks(int(k.Slice), s) {
		return false
	}
	if s.Op == "" && k.Op.LookUp() || s.Op != "" && s.Op != k.Op.String() || s.Tenant != "" && s.Tenant != t.tenant(k) {
		return false
	}
	if s.Fleet == "" && s.Cohort == "" {
		return true
	}
	full := t.names.Cohorts[k.Cohort]
	fleet, cohort, _ := strings.Cut(full, "/")
	return (s.Fleet == "" || s.Fleet == fleet) && (s.Cohort == "" || s.Cohort == cohort || s.Cohort == full)
}

func (t *Totals) tenant(k Key) string {
	if k.Tenant == otherTenant {
		return OtherTenant
	}
	return t.names.Tenants[k.Tenant]
}

// Timeline returns the run's intervals from its start to the last thing that happened, over all phases. All have the same
// width; there are at most Options.Points.
func (t *Totals) Timeline() []Point { return t.line.points() }
