//go:build !race

package target

const racing = false
