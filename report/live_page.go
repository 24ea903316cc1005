package report

import (
	_ "embed" // the script of the page
	"io"
	"strings"
)

//go:embed assets/live.js
var liveJS string

// LivePage is what the page of a run under way has beside the report of what happened so far.
type LivePage struct {
	Over      bool   // the run has ended, and the report is the final one
	Phase     string // under way
	K, N      int    // it is the K-th of N, from 1
	ElapsedNS int64
	TotalNS   int64 // of all phases

	Devices []DeviceRow // a sample
	Of      int         // devices there are
	Shard   bool        // the sample is of a part of the fleet
	NoStory string      // why no device's story can be told; "" when it can
}

// DeviceRow is who a device is at the run's start.
type DeviceRow struct {
	Number                             int
	Cohort, Tenant, Model, OS, App, ID string
}

// Story is what one device does around an instant of a run.
type Story struct {
	DeviceRow
	AtNS    int64 // offset from the run's start
	Uploads []StoryUpload
	Note    string // what is left out; "" for nothing
	Command string // that prints all of it
}

// StoryUpload is one upload of a Story.
type StoryUpload struct {
	DueNS  int64
	Next   bool // it is still to come
	Phase  string
	Op     string
	Seq    uint32 // of its first event
	Events []StoryEvent
	More   int // events that are not listed
}

// StoryEvent is an event in a few words.
type StoryEvent struct{ Kind, What string }

// LiveHTML writes the page of a run under way: that of HTML with what is known so far, how far the run is, and a script that asks the
// page's own address for it anew, once a second. The address "device/NUMBER" below it must answer with StoryHTML.
func LiveHTML(w io.Writer, r *Run, live *LivePage) error { return renderPage(w, r, live) }

// StoryHTML writes a device's story as a piece of that page.
func StoryHTML(w io.Writer, s *Story) error {
	var out strings.Builder
	if err := page.ExecuteTemplate(&out, "story", s); err != nil {
		return err
	}
	_, err := turns.WriteString(w, out.String())
	return err
}
