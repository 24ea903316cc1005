package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"drover/report"
	"drover/sim"
	"drover/sim/behavior"
	"drover/sim/event"
	"drover/sim/fleet"
)

const (
	storyBefore = 12      // uploads of a story that were
	storyAfter  = 6       // and that are to come
	storyEvents = 8       // listed of one upload
	storyLooks  = 3000000 // uploads of the device's partition that are made to find its own
)

const closedStory = "No device's story can be told while a run of the closed model goes on: the backend's answers decide when a device has its turn. drover ledger tells it afterwards."

func (u *ui) serveStory(w http.ResponseWriter, r *http.Request) {
	text := r.PathValue("number")
	devices := u.d.model.Fleet.Devices()
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < 0 || n >= devices:
		http.Error(w, fmt.Sprintf("device %.20q: want a number from 0 to %d", text, devices-1), http.StatusNotFound)
		return
	case u.d.model.Scenario.Load.Closed:
		http.Error(w, closedStory, http.StatusConflict)
		return
	}
	u.mu.Lock()
	at := u.progress.Sched
	u.mu.Unlock()
	u.stories.Lock()
	defer u.stories.Unlock()
	s, err := u.d.story(r.Context(), n, at)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var b bytes.Buffer
	if err := report.StoryHTML(&b, s); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

// story is what a device does around an offset from the run's start: its partition's schedule, made once more from the seed.
func (d *drive) story(ctx context.Context, device int, at time.Duration) (*report.Story, error) {
	m := d.model
	s := &report.Story{
		DeviceRow: d.deviceRow(device), AtNS: int64(at),
		Command: fmt.Sprintf("drover events %s%s --device %d --format table --limit 0", report.ShellWord(d.name), d.flags.again(), device),
	}
	filler := behavior.NewFiller(&m.Behavior)
	schedule := sim.NewSchedule(m, []int{m.Fleet.Partition(device)})
	var a sim.Arrival
	var ev event.Event
	left, after := 0, 0
	for looks := 0; after < storyAfter && schedule.Next(&a); looks++ {
		if looks%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if looks == storyLooks {
			s.Note = fmt.Sprintf("Only what comes up to %v after the start was looked for.", a.At.Round(time.Second))
			break
		}
		if a.Upload.Device != device {
			continue
		}
		up := report.StoryUpload{
			DueNS: int64(a.At), Next: a.At > at, Phase: m.Scenario.Load.Phases[a.Phase].Name, Op: a.Op.String(), Seq: a.Upload.FirstSeq,
		}
		dev := filler.Begin(&a.Upload)
		for i, it := range a.Upload.Items {
			if i == storyEvents {
				up.More = len(a.Upload.Items) - i
				break
			}
			filler.Fill(&ev, i)
			up.Events = append(up.Events, report.StoryEvent{Kind: it.Kind.String(), What: what(dev, &ev)})
		}
		if up.Next {
			after++
		} else if left++; left > storyBefore {
			s.Uploads = s.Uploads[1:]
		}
		s.Uploads = append(s.Uploads, up)
	}
	if n := left - storyBefore; n > 0 && s.Note == "" {
		s.Note = plural(int64(n), "earlier one is left out.", "earlier ones are left out.")
	}
	return s, schedule.Err()
}

// deviceRows are devices of the run's shard, spread evenly.
func (d *drive) deviceRows(n int) (rows []report.DeviceRow, err error) {
	picked, err := pick(d.model.Fleet, &d.flags.shard, n)
	for _, i := range picked {
		rows = append(rows, d.deviceRow(i))
	}
	return rows, err
}

func (d *drive) deviceRow(i int) report.DeviceRow {
	var dev fleet.Device
	d.model.Fleet.Device(i, &dev)
	return report.DeviceRow{
		Number: i, Cohort: cohortName(d.model, &dev), Tenant: dev.TenantID.String(), Model: dev.Model.Name, OS: dev.OS.Version, App: dev.App, ID: identifier(&dev),
	}
}
