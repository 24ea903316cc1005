package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// guard is a second process that gives the terminal back when this one cannot: a panic of any goroutine, a fatal error of the runtime or
// SIGKILL leaves nobody else who could. It waits at a pipe, to which the runtime writes the first word of a crash, and which ends
// with this process.
type guard struct {
	cmd  *exec.Cmd
	pipe *os.File
}

const (
	guardCommand = "guard-terminal"
	guardDone    = 'q' // what the guard reads when it is not needed; no crash begins so
)

// openGuard returns when the guard knows how the terminal is.
func openGuard(terminal *os.File) (*guard, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	g := &guard{cmd: exec.Command(self, guardCommand), pipe: out}
	g.cmd.Stdin, g.cmd.Stderr = in, terminal
	ready, err := g.cmd.StdoutPipe()
	if err == nil {
		err = g.cmd.Start()
	}
	if err != nil {
		out.Close()
		return nil, err
	}
	if _, err := io.ReadFull(ready, make([]byte, 1)); err != nil {
		out.Close()
		return nil, errors.Join(err, g.cmd.Wait())
	}
	return g, debug.SetCrashOutput(out, debug.CrashOptions{})
}

// close lets the guard go.
func (g *guard) close() {
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
	_, _ = g.pipe.Write([]byte{guardDone}) // one that is gone has nothing to do any more
	g.pipe.Close()
	_ = g.cmd.Wait()
}

// newGuard is the command that the second process runs.
func newGuard() *cobra.Command {
	return &cobra.Command{
		Use:    guardCommand,
		Short:  "Give the terminal back when drover crashes; drover run starts it by itself",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// What ends or stops drover from the keyboard must not end this process before it.
			signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			ignoreBackground()
			fd := int(os.Stderr.Fd())
			before, err := term.GetState(fd)
			if err != nil {
				return fmt.Errorf("%s: standard error is no terminal: %w", guardCommand, err)
			}
			if _, err := cmd.OutOrStdout().Write([]byte{guardDone}); err != nil {
				return err
			}
			first := make([]byte, 1)
			if _, err := io.ReadFull(cmd.InOrStdin(), first); err == nil && first[0] == guardDone {
				return nil
			}
			// Below the view, with the cursor, and without the marks around what is pasted.
			_, err = io.WriteString(os.Stderr, "\x1b[?25h\x1b[?2004l\r\n")
			return errors.Join(term.Restore(fd, before), err)
		},
	}
}
