//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"drover/sim"
	"drover/sim/backend"
	"drover/sim/target"
)

// seen is what the sink saw of one client.
type seen struct {
	Uploads, Opened, Most int // uploads; connections, and of them at once

	// Of uploads at an asked rate.
	P50, P99 time.Duration // distance from an even schedule
	Bunched  float64       // share that came within a tenth of the period after the one before

	Log []backend.Exchange // on request
}

// sinkMain is the server, a process of its own: it says where it listens, and when its input ends, what it saw.
func sinkMain(args []string) error {
	fs := flag.NewFlagSet("sink", flag.ContinueOnError)
	var opt backend.DiscardOptions
	fs.DurationVar(&opt.Delay, "delay", 0, "")
	fs.DurationVar(&opt.Freeze, "freeze", 0, "")
	fs.DurationVar(&opt.FreezeAfter, "after", 0, "")
	fs.IntVar(&opt.Log, "log", 0, "")
	rate := fs.Float64("rate", 0, "")
	whole := fs.Bool("whole", false, "")
	ca := fs.String("ca", "", "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *ca != "" {
		a, err := target.NewAuthority("bench-peers")
		if err != nil {
			return err
		}
		cert, err := a.Server("127.0.0.1")
		if err != nil {
			return err
		}
		if err := os.WriteFile(*ca, a.PEM(), 0o644); err != nil {
			return err
		}
		opt.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}}
	}
	if opt.Delay > 0 {
		opt.Waiter = exactly
	}
	d, err := backend.StartDiscard(context.Background(), opt)
	if err != nil {
		return err
	}
	fmt.Println(d.URL())
	io.Copy(io.Discard, os.Stdin)
	d.Close()
	s := seen{Uploads: int(d.Uploads())}
	s.Opened, s.Most = d.Conns()
	s.even(d.Exchanges(), *rate)
	if *whole {
		s.Log = d.Exchanges()
	}
	return json.NewEncoder(os.Stdout).Encode(s)
}

// exactly waits by drover's own timer, one for each connection; they end with the process.
func exactly() func(time.Duration) {
	a, err := sim.BestTimer().New()
	if err != nil {
		return time.Sleep
	}
	return func(d time.Duration) {
		for end := time.Now().Add(d); d > 0; d = time.Until(end) {
			a.Wait(d)
		}
	}
}

// even measures how evenly uploads came. Nobody tells when a client's schedule began: it is taken to lie in the middle of
// what was seen, so that a client which is always equally late is not blamed for it.
func (s *seen) even(log []backend.Exchange, rate float64) {
	if len(log) < 2 || rate <= 0 {
		return
	}
	at := make([]float64, len(log)) // seconds
	for i, e := range log {
		at[i] = e.Read.Sub(log[0].Read).Seconds()
	}
	slices.Sort(at)
	off := make([]float64, len(at))
	for i := range at {
		off[i] = at[i] - float64(i)/rate
		if i > 0 && at[i]-at[i-1] < 0.1/rate {
			s.Bunched++
		}
	}
	s.Bunched /= float64(len(at))
	slices.Sort(off)
	middle := off[len(off)/2]
	for i := range off {
		off[i] = math.Abs(off[i] - middle)
	}
	slices.Sort(off)
	s.P50 = time.Duration(off[len(off)/2] * 1e9)
	s.P99 = time.Duration(off[len(off)*99/100] * 1e9)
}
