//go:build !unix

package main

import "os"

// raise ends this process as an interrupt does.
func raise(os.Signal) { os.Exit(exitInterrupted) }

// foreground reports whether this process may use the terminal.
func foreground(*os.File) bool { return true }

// ignoreBackground has nothing to do where no shell stops a job that uses the terminal.
func ignoreBackground() {}
