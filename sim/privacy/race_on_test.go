//go:build race

package privacy_test

// raceFactor is how many times less the long tests look at under the race detector, which makes them that much slower.
const raceFactor = 20
