//go:build linux

// Command bench-peers compares drover with other load generators on this machine: wrk, vegeta and k6 against the same sink,
// which has one core to itself as the client has another. Rounds are interleaved, and what counts are the ratios within a
// round: other work on the machine moves all of a round together. The peers are no dependencies of this module: wrk is
// taken from the PATH, vegeta and k6 are built in pinned versions into a cache. What is missing is said and left out.
//
// On a busy machine "chrt -r 1 make bench-peers" gives all of it the first turn. CPU is that of the whole client process, user and system, from its start to its end, by uploads that the sink counted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "sink":
		err = sinkMain(os.Args[2:])
	case len(os.Args) == 3 && os.Args[1] == "targets":
		targets(os.Stdout, os.Args[2])
	default:
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		err = bench(ctx, os.Args[1:])
	}
	var bad *usageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.As(err, &bad):
		if bad.text != "" {
			fmt.Fprintf(os.Stderr, "bench-peers: %s\n", bad.text)
		}
		os.Exit(2)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "bench-peers: interrupted")
		os.Exit(130)
	default:
		fmt.Fprintf(os.Stderr, "bench-peers: %v\n", err)
		os.Exit(1)
	}
}

// usageError is a mistake on the command line; without a text, the flag package has told it.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func misused(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// section is one comparison.
type section struct {
	name  string
	run   func(context.Context) error
	peers string // those that it compares drover with
	asked bool   // it runs only when it is named
}

// chosen is the sections that -only names; when it is empty, all that need no asking.
func chosen(all []section, only string) (list []section, err error) {
	if only == "" {
		return slices.DeleteFunc(slices.Clone(all), func(s section) bool { return s.asked }), nil
	}
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	for name := range strings.SplitSeq(only, ",") {
		i := slices.Index(names, strings.TrimSpace(name))
		if i < 0 {
			return nil, misused("-only: no section %q; want some of %s", name, strings.Join(names, ", "))
		}
		list = append(list, all[i])
	}
	return list, nil
}

// lab is where the comparisons are made.
type lab struct {
	tools
	dir    string // of scenarios, scripts and reports; goes at the end
	self   string
	rounds int
	span   time.Duration // of one measurement at the maximum rate

	soakFor time.Duration
}

func bench(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("bench-peers", flag.ContinueOnError)
	cache := fs.String("cache", "", "build peers into this `directory` (default: drover-peers in the user's cache)")
	only := fs.String("only", "", "`sections` to run, e.g. max,rate: of max, batch, tls, rate, freeze, memory and soak (default all but soak)")
	l := &lab{}
	fs.IntVar(&l.rounds, "rounds", 3, "interleaved rounds of each section")
	fs.DurationVar(&l.span, "for", 4*time.Second, "length of one measurement at the maximum rate")
	fs.DurationVar(&l.soakFor, "soak", 30*time.Minute, "length of the section soak")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return &usageError{}
	}
	sections, err := chosen([]section{
		{name: "max", run: l.max, peers: "wrk vegeta k6"},
		{name: "batch", run: l.batch},
		{name: "tls", run: l.tls, peers: "vegeta"},
		{name: "rate", run: l.rate, peers: "vegeta"},
		{name: "freeze", run: l.freeze, peers: "vegeta k6"},
		{name: "memory", run: l.memory},
		{name: "soak", run: l.soak, asked: true},
	}, *only)
	switch {
	case err != nil:
		return err
	case fs.NArg() > 0:
		return misused("%q is no flag; want e.g. -only max", fs.Arg(0))
	case l.rounds < 1 || l.span < time.Second || l.soakFor < time.Minute:
		return misused("want at least one round, at least 1s for each measurement, and at least 1m of soak")
	case l.span%time.Second != 0 || l.soakFor%time.Second != 0:
		return misused("-for %v -soak %v: want whole seconds, which is all that wrk takes", l.span, l.soakFor)
	}
	if runtime.NumCPU() < 2 {
		return fmt.Errorf("one core is not enough: the sink needs one and the client another")
	}
	if l.self, err = os.Executable(); err != nil {
		return err
	}
	if *cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		*cache = filepath.Join(base, "drover-peers")
	}
	if l.dir, err = os.MkdirTemp("", "bench-peers-"); err != nil {
		return err
	}
	defer os.RemoveAll(l.dir)
	var peers string
	for _, s := range sections {
		peers += " " + s.peers
	}
	if l.tools, err = findTools(ctx, *cache, strings.Fields(peers)); err != nil {
		return err
	}
	if err := l.writeFiles(); err != nil {
		return err
	}
	for _, s := range sections {
		if err := s.run(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err() // whatever broke then
			}
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}
