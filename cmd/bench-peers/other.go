//go:build !linux

// Command bench-peers compares drover with other load generators. It pins processes to cores and runs on Linux only.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench-peers: it pins processes to cores, which is built for Linux only")
	os.Exit(2)
}
