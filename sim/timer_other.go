//go:build !linux

package sim

func precise() Timer { return GoTimer() }
