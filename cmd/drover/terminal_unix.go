//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// raise has a signal do to this process what it does by default.
func raise(s os.Signal) {
	signal.Reset(s)
	if n, ok := s.(syscall.Signal); ok {
		_ = syscall.Kill(os.Getpid(), n)
	}
	select {} // until it has
}

// foreground reports whether this process may use the terminal: a shell stops a job in the background that does.
func foreground(terminal *os.File) bool {
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// ignoreBackground lets this process set the terminal although a shell has it again.
func ignoreBackground() { signal.Ignore(syscall.SIGTTOU) }
