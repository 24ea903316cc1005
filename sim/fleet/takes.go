package fleet

import "fmt"

// NobodyTakes says why no device of the cohorts takes a release, "" when one does: os, or the build of the app when os is nil. A
// device takes what it can run, unless it has it already or something newer. What could happen to a device before does not
// count. The error is a mistake in the cohorts.
func NobodyTakes(cat *Catalogue, cohorts []CohortSpec, os *Release, app AppBuild) (why string, err error) {
	b := newBuilder(cat)
	why = "all have it already, or something newer"
	for i := range cohorts {
		built, err := b.build(&cohorts[i])
		if err != nil {
			return "", err
		}
		whyNot := built.takesApp(app)
		if os != nil {
			whyNot = built.takesOS(os)
		}
		switch {
		case whyNot == "":
			return "", nil
		case whyNot != has:
			why = whyNot
		}
	}
	return why, nil
}

// has is why a device that could run a release does not take it.
const has = "has it"

func (b *build) takesOS(r *Release) (whyNot string) {
	whyNot = has
	for _, o := range b.os.values {
		if !r.Newer(o.release) {
			continue
		}
		for _, m := range o.models.values {
			why := m.cannotRun(r)
			if why == "" {
				return ""
			}
			whyNot = why
		}
	}
	return whyNot
}

func (b *build) takesApp(n AppBuild) (whyNot string) {
	whyNot = has
	for _, o := range b.os.values {
		for _, app := range b.apps.values {
			is, err := ParseApp(app)
			switch {
			case err == nil && is >= n:
			case o.release.Major >= n.Needs():
				return ""
			default:
				whyNot = fmt.Sprintf("it needs iOS %d", n.Needs())
			}
		}
	}
	return whyNot
}
