//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

const soakPerSec = 5000

// soak is a long run at a rate that leaves the machine time. What is resident in its last third is compared with its second: the
// first still fills buffers and brings the heap to its size.
func (l *lab) soak(ctx context.Context) error {
	var resident []float64 // bytes, one a second
	c := l.droverClient("drover", "rate.yaml", l.soakFor, "--set", fmt.Sprintf("rate=%d/s", soakPerSec))
	c.limit = l.soakFor + 3*time.Minute
	c.watch = func(pid int) {
		for tick := time.NewTicker(time.Second); ; <-tick.C {
			pages, err := residentPages(pid)
			if err != nil {
				return // the process is gone
			}
			resident = append(resident, float64(pages*os.Getpagesize()))
		}
	}
	fmt.Printf("\n%v at %d/s\n", l.soakFor, soakPerSec)
	t, err := l.measure(ctx, c)
	if err != nil {
		return err
	}
	want := soakPerSec * int(l.soakFor.Seconds())
	resident = resident[:min(len(resident), int(l.soakFor.Seconds()))] // without the time in which reports are written
	third := len(resident) / 3
	first, second, last := mean(resident[:third]), mean(resident[third:2*third]), mean(resident[2*third:])
	fmt.Printf("  sent %d of %d, CPU %.1f us; resident by thirds %.1f, %.1f and %.1f MB, at most %.1f with the reports\n",
		t.Uploads, want, micros(t.cpu(1)), first/1e6, second/1e6, last/1e6, float64(t.rss)/1e6)
	goal("resident, last third to second", last/second, 1.05, "")
	return nil
}

// residentPages is how many pages a process has in memory; an error when there is no such process, or nothing of it but its exit status.
func residentPages(pid int) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm says %q", b)
	}
	pages, err := strconv.Atoi(string(fields[1]))
	if err == nil && pages == 0 {
		err = fmt.Errorf("process %d has ended", pid)
	}
	return pages, err
}

func mean(list []float64) float64 {
	var sum float64
	for _, v := range list {
		sum += v
	}
	return sum / float64(max(1, len(list)))
}
