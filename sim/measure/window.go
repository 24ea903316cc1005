package measure

// Window is what happened between two looks at a run, over all its phases: for live views. The zero value is empty and
// ready; it is owned by one goroutine.
type Window struct {
	Counts                                      // of uploads, over all phases
	Phases                     [][NumOps]Counts // the same by phase, in the order of Names.Phases, and operation
	Response, Service, SendLag Histogram        // of the uploads whose fate was known within the window
}

func newWindow(names *Names) *Window {
	return &Window{Phases: make([][NumOps]Counts, len(names.Phases))}
}

// Reset empties w and keeps its memory.
func (w *Window) Reset() {
	w.Counts = Counts{}
	clear(w.Phases)
	w.Response.Reset()
	w.Service.Reset()
	w.SendLag.Reset()
}

// Window adds to w all that was recorded since the last call and begins a new window. The windows of several recorders
// may be added to the same w; the caller resets it. A window counts what happened in it, so the upload that fell due in one
// often has its fate in the next: Counts.Check does not apply.
func (r *Recorder) Window(w *Window) {
	r.windowMu.Lock()
	defer r.windowMu.Unlock()
	r.mu.Lock()
	done := r.live
	r.live = r.spare
	r.mu.Unlock()

	for len(w.Phases) < len(done.Phases) {
		w.Phases = append(w.Phases, [NumOps]Counts{})
	}
	for p := range done.Phases {
		for op := range done.Phases[p] {
			c := &done.Phases[p][op]
			if !Op(op).LookUp() {
				w.Counts.Add(c)
			}
			w.Phases[p][op].Add(c)
		}
	}
	w.Response.Merge(&done.Response)
	w.Service.Merge(&done.Service)
	w.SendLag.Merge(&done.SendLag)
	done.Reset()
	r.spare = done
}
