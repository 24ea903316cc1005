package fleet

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// A partition is the unit of work: a fixed set of devices with its own queue of events. Shards and workers take whole
// partitions, so a run's results never depend on how many there are. Both rules below are final: machines that share a run
// rely on having the same ones.

const (
	minPartitions       = 4
	maxPartitions       = 64
	devicesPerPartition = 16
)

// partitionsFor is the smallest power of two that leaves at most 16 devices to a partition, but 4 to 64.
func partitionsFor(devices int) int {
	n := minPartitions
	for n < maxPartitions && n*devicesPerPartition < devices {
		n *= 2
	}
	return n
}

// Partitions returns how many partitions the devices form, a function of their number alone: the smallest power of two
// that leaves at most 16 devices to each, but at least 4 and at most 64.
func (f *Fleet) Partitions() int { return f.partitions }

// Partition returns the partition of device i, in 0..Partitions()-1: i modulo their number. Cohorts are runs of devices, so
// every partition has its share of each.
func (f *Fleet) Partition(i int) int { return i % f.partitions }

// PartitionDevices yields the devices of partition p in ascending order.
func (f *Fleet) PartitionDevices(p int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for j := range f.PartitionSize(p) {
			if !yield(f.PartitionDevice(p, j)) {
				return
			}
		}
	}
}

// PartitionSize returns how many devices partition p has.
func (f *Fleet) PartitionSize(p int) int { return (f.devices - p + f.partitions - 1) / f.partitions }

// PartitionDevice returns number j, from 0, of the devices of partition p in ascending order.
func (f *Fleet) PartitionDevice(p, j int) int { return p + j*f.partitions }

// Shard is one machine's part of a run: number Index, from 1, of Of.
type Shard struct{ Index, Of int }

// ParseShard reads "2/4".
func ParseShard(text string) (Shard, error) {
	index, of, ok := strings.Cut(text, "/")
	i, err1 := strconv.ParseUint(index, 10, 31)
	n, err2 := strconv.ParseUint(of, 10, 31)
	if !ok || err1 != nil || err2 != nil || i < 1 || i > n {
		return Shard{}, fmt.Errorf("shard %q: want number/of, e.g. 1/4, with the number from 1 to of", text)
	}
	return Shard{Index: int(i), Of: int(n)}, nil
}

// String returns the form that ParseShard reads.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Of) }

// ShardPartitions returns the partitions of shard s in ascending order: those p with p % s.Of == s.Index-1. It is an error
// to ask for more shards than there are partitions.
func (f *Fleet) ShardPartitions(s Shard) ([]int, error) {
	if s.Index < 1 || s.Index > s.Of {
		return nil, fmt.Errorf("shard %v does not exist", s)
	}
	if s.Of > f.partitions {
		return nil, fmt.Errorf("shard %v: %d devices can be divided into at most %d shards", s, f.devices, f.partitions)
	}
	var parts []int
	for p := s.Index - 1; p < f.partitions; p += s.Of {
		parts = append(parts, p)
	}
	return parts, nil
}
