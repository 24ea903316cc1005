//go:build !race

package privacy_test

const raceFactor = 1
