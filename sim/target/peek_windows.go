package target

// quiet cannot tell without reading: a connection that the backend has closed shows when the request is written or its
// answer awaited, as a reset.
func quiet(uintptr, []byte) bool { return true }
