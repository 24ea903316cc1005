//go:build !linux

package target

func lateBind(uintptr) error { return nil }
