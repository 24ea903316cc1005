package measure

// VersionSeries is what became of the uploads whose devices ran one version when they fell due, of the measured phases. Due are
// those that have a fate: an upload that was dropped before it was made is in none.
type VersionSeries struct {
	Name string
	Counts
	Kinds    [MaxKinds]int64 // of Counts.Events
	Response Histogram
}

// versions are the series of a recorder, by Sample.Version; nil until needed.
type versions []*VersionSeries

func (v versions) record(s *Sample, timed bool) {
	if s.Version <= 0 || s.Version >= len(v) {
		return
	}
	of := v[s.Version]
	if of == nil {
		of = new(VersionSeries)
		v[s.Version] = of
	}
	of.Due++
	of.Counts.count(s)
	if s.Outcome == Accepted {
		for k, n := range s.Kinds {
			of.Kinds[k] += int64(n)
		}
	}
	if timed {
		of.Response.Record(s.Done - s.Intended)
	}
}

func (v versions) merge(o versions, names []string) {
	for i, from := range o {
		if from == nil {
			continue
		}
		if v[i] == nil {
			v[i] = &VersionSeries{Name: names[i-1]}
		}
		v[i].Counts.Add(&from.Counts)
		for k, n := range from.Kinds {
			v[i].Kinds[k] += n
		}
		v[i].Response.Merge(&from.Response)
	}
}

// Versions are the series of the versions that had uploads, in the order of Names.Versions. They belong to t.
func (t *Totals) Versions() (list []*VersionSeries) {
	for _, v := range t.versions {
		if v != nil {
			list = append(list, v)
		}
	}
	return list
}
