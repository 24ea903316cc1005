package fleet

import (
	"slices"
	"testing"
)

func TestPartitions(t *testing.T) {
	for _, tt := range []struct{ devices, want int }{
		{1, 4}, {64, 4}, {65, 8}, {128, 8}, {129, 16}, {512, 32}, {513, 64}, {1024, 64}, {1_000_000, 64},
	} {
		if got := testFleet(t, 1, testSpecs(tt.devices)[:1]).Partitions(); got != tt.want {
			t.Errorf("Partitions() of %d devices = %d, want %d", tt.devices, got, tt.want)
		}
	}
}

// Partitions, and shards of any number, have every device exactly once, in ascending order.
func TestShardsAreEverything(t *testing.T) {
	for _, devices := range []int{1, 3, 50, 99, 700} {
		f := testFleet(t, 1, testSpecs(devices)[:1])
		for of := 1; of <= f.Partitions(); of++ {
			seen := make([]int, f.Devices())
			for index := 1; index <= of; index++ {
				parts, err := f.ShardPartitions(Shard{index, of})
				if err != nil {
					t.Fatal(err)
				}
				if len(parts) == 0 || !slices.IsSorted(parts) {
					t.Errorf("ShardPartitions(%d/%d) = %v", index, of, parts)
				}
				for _, p := range parts {
					if p%of != index-1 {
						t.Errorf("partition %d is in shard %d/%d", p, index, of)
					}
					last := -1
					for i := range f.PartitionDevices(p) {
						if i <= last || f.Partition(i) != p {
							t.Errorf("partition %d yields %d after %d; Partition(%d) = %d", p, i, last, i, f.Partition(i))
						}
						last = i
						seen[i]++
					}
				}
			}
			for i, n := range seen {
				if n != 1 {
					t.Errorf("%d devices, %d shards: device %d is in %d shards", devices, of, i, n)
				}
			}
		}
		if _, err := f.ShardPartitions(Shard{1, f.Partitions() + 1}); err == nil {
			t.Errorf("ShardPartitions(1/%d) of %d partitions succeeded", f.Partitions()+1, f.Partitions())
		}
	}
	f := testFleet(t, 1, testSpecs(100))
	for _, s := range []Shard{{}, {0, 2}, {3, 2}, {-1, 2}} {
		if _, err := f.ShardPartitions(s); err == nil {
			t.Errorf("ShardPartitions(%v) succeeded", s)
		}
	}
	n := 0
	for range f.PartitionDevices(0) {
		if n++; n == 2 {
			break // must stop
		}
	}
}

func TestParseShard(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Shard
		ok   bool
	}{
		{"1/1", Shard{1, 1}, true},
		{"2/4", Shard{2, 4}, true},
		{"0/4", Shard{}, false},
		{"5/4", Shard{}, false},
		{"2", Shard{}, false},
		{"/", Shard{}, false},
		{"1/2/3", Shard{}, false},
		{"-1/2", Shard{}, false},
		{"+1/2", Shard{}, false},
		{" 1/2", Shard{}, false},
		{"1/99999999999999999999", Shard{}, false},
	} {
		got, err := ParseShard(tt.text)
		if (err == nil) != tt.ok || got != tt.want {
			t.Errorf("ParseShard(%q) = %v, %v, want %v, ok %v", tt.text, got, err, tt.want, tt.ok)
		}
	}
}

func FuzzParseShard(f *testing.F) {
	for _, s := range []string{"1/1", "2/4", "0/0", "4/2", "1/2/3", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseShard(text)
		if err != nil {
			return
		}
		if s.Index < 1 || s.Index > s.Of {
			t.Errorf("ParseShard(%q) = %v", text, s)
		}
		if again, err := ParseShard(s.String()); err != nil || again != s {
			t.Errorf("ParseShard(%q) = %v, %v, want %v", s.String(), again, err, s)
		}
	})
}
