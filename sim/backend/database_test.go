package backend_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"drover/sim/backend"
	"drover/sim/backend/db"
	"drover/sim/measure"
)

func TestConformanceOverADatabase(t *testing.T) {
	backend.Conformance(t, func(path string) (backend.Journal, error) { return db.Open(path) })
}

// An upload of 25 new events, in memory alone and in a database, from one connection, which waits for each commit by itself, and
// from many, which share them.
func BenchmarkUpload(b *testing.B) {
	for _, senders := range []int{1, 64} {
		for _, store := range []string{"memory", "database"} {
			b.Run(fmt.Sprintf("%s/%d", store, senders), func(b *testing.B) {
				var j backend.Journal
				if store == "database" {
					d, err := db.Open(filepath.Join(b.TempDir(), "db"))
					if err != nil {
						b.Fatal(err)
					}
					j = d
				}
				before, err := measure.Self()
				if err != nil {
					b.Fatal(err)
				}
				backend.Uploads(b, senders, j)
				after, err := measure.Self()
				if err != nil {
					b.Fatal(err)
				}
				cpu := after.User + after.System - before.User - before.System
				b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "cpu-us/op")
			})
		}
	}
}
