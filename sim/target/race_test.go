//go:build race

package target

// racing: the race detector makes a sync.Pool forget, so that what is reused otherwise is allocated.
const racing = true
