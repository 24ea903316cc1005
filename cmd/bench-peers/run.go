//go:build linux

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	sinkCore   = "0"
	clientCore = "1"
)

// client is one load generator in one section. args may say URL for the sink's.
type client struct {
	name string
	args []string
	env  []string
	fed  bool // it reads targets
	per  int  // events in an upload; 0: one

	limit time.Duration // when it is taken for hung; 0: three minutes
	watch func(pid int) // runs beside it, and must end when the process is gone; nil: nothing does
}

// took is what one measurement found.
type took struct {
	seen
	user, system time.Duration
	rss          int64 // bytes
	out          string
}

// cpu is the CPU for one event.
func (t *took) cpu(per int) time.Duration {
	return (t.user + t.system) / time.Duration(max(1, t.Uploads*max(1, per)))
}

// pinned is a command on one core.
func (l *lab) pinned(ctx context.Context, core string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", core}, args...)...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// measure runs a client against a sink of its own.
func (l *lab) measure(ctx context.Context, c client, sinkArgs ...string) (t took, err error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.limit, 3*time.Minute))
	defer cancel()
	sink := l.pinned(ctx, sinkCore, append([]string{l.self, "sink"}, sinkArgs...)...)
	sink.Stderr = os.Stderr
	hold, err := sink.StdinPipe()
	if err != nil {
		return t, err
	}
	out, err := sink.StdoutPipe()
	if err != nil {
		return t, err
	}
	if err := sink.Start(); err != nil {
		return t, err
	}
	defer sink.Wait()
	defer hold.Close()
	said := bufio.NewReader(out)
	url, err := said.ReadString('\n')
	if err != nil {
		return t, fmt.Errorf("the sink did not start: %w", err)
	}
	url = strings.TrimSpace(url)

	args := slices.Clone(c.args)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "URL", url)
	}
	cmd := l.pinned(ctx, clientCore, args...)
	cmd.Env = append(append(os.Environ(), "URL="+url), c.env...)
	cmd.Dir = l.dir
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if c.fed { // from the sink's core, which has time to spare
		feeding, stop := context.WithCancel(ctx)
		defer stop()
		feed := l.pinned(feeding, sinkCore, l.self, "targets", url)
		if cmd.Stdin, err = feed.StdoutPipe(); err != nil {
			return t, err
		}
		if err := feed.Start(); err != nil {
			return t, err
		}
		defer func() { stop(); feed.Wait() }()
	}
	if err := cmd.Start(); err != nil {
		return t, fmt.Errorf("%s: %w", c.name, err)
	}
	var watching sync.WaitGroup
	if c.watch != nil {
		watching.Go(func() { c.watch(cmd.Process.Pid) })
	}
	err = cmd.Wait()
	watching.Wait()
	if err != nil && cmd.ProcessState == nil {
		return t, fmt.Errorf("%s: %w", c.name, err)
	} else if code := cmd.ProcessState.ExitCode(); code != 0 && !(code == 4 && strings.HasPrefix(c.name, "drover")) { // 4: drover says that it was the limit
		return t, fmt.Errorf("%s ended with %d:\n%s", c.name, code, text.String())
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	t.user, t.system, t.rss, t.out = cmd.ProcessState.UserTime(), cmd.ProcessState.SystemTime(), usage.Maxrss<<10, text.String()
	hold.Close()
	if err := json.NewDecoder(said).Decode(&t.seen); err != nil {
		return t, fmt.Errorf("the sink did not say what it saw: %w", err)
	}
	if t.Uploads == 0 {
		return t, fmt.Errorf("%s sent nothing:\n%s", c.name, t.out)
	}
	return t, nil
}

// section measures clients in interleaved rounds; the result is [client][round].
func (l *lab) section(ctx context.Context, title string, clients []client, sinkArgs ...string) ([][]took, error) {
	fmt.Printf("\n%s\n", title)
	all := make([][]took, len(clients))
	for range l.rounds {
		for i, c := range clients {
			t, err := l.measure(ctx, c, sinkArgs...)
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], t)
		}
	}
	return all, nil
}

// median of what f says of each.
func median[T any](list []T, f func(T) float64) float64 {
	v := make([]float64, len(list))
	for i := range list {
		v[i] = f(list[i])
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// ratio is the median over rounds of a's CPU for an event to b's.
func ratio(a, b []took, perA, perB int) float64 {
	r := make([]float64, len(a))
	for i := range a {
		r[i] = float64(a[i].cpu(perA)) / float64(b[i].cpu(perB))
	}
	return median(r, func(x float64) float64 { return x })
}

// goal prints a figure beside what it is to be at most.
func goal(what string, got, most float64, unit string) {
	mark := "held"
	if !(got <= most) {
		mark = "MISSED"
	}
	fmt.Printf("  %-58s %8.3g%s  goal at most %g%s: %s\n", what, got, unit, most, unit, mark)
}

func micros(d time.Duration) float64 { return float64(d) / 1e3 }
func millis(d time.Duration) float64 { return float64(d) / 1e6 }

// targets writes vegeta's targets with a unique body each, as many as it reads.
func targets(w io.Writer, url string) {
	b := bufio.NewWriterSize(w, 1<<16)
	rest := strings.Repeat("x", restBytes)
	for n := 0; ; n++ {
		body := fmt.Appendf(nil, `{"deviceId":"%08x-%04x-4000-8000-%012x","timestamp":%d,"sequence":%d,"rest":"%s"}`,
			rand.Uint32(), rand.Uint32N(1<<16), rand.Uint64N(1<<47), 1777900000+n, n, rest)
		line, _ := json.Marshal(struct {
			Method string              `json:"method"`
			URL    string              `json:"url"`
			Body   []byte              `json:"body"`
			Header map[string][]string `json:"header"`
		}{"POST", url + "/v1/events", body, map[string][]string{"Content-Type": {"application/json"}}})
		if _, err := b.Write(append(line, '\n')); err != nil {
			return // it has read enough
		}
	}
}
