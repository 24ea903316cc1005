package measure

import "fmt"

// Counts is what became of a set of uploads.
type Counts struct {
	Due      int64 // fell due
	Sent     int64 // of them: at least one attempt was made, and the fate is known
	Accepted int64 // of Sent
	Refused  int64 // of Sent
	Failed   int64 // of Sent
	Dropped  int64 // of Due: never sent
	Attempts int64 // attempts made for Sent
	Retries  int64 // of Attempts: all but the first of each upload
	Events   int64 // events in Accepted
	Bytes    int64 // bytes of the bodies of Accepted, before compression; a retry does not count again

	ByClass      [NumClasses]int64 // uploads by the class of their last attempt, or by why they were dropped
	AttemptClass [NumClasses]int64 // attempts by their class, also those that were retried
}

// Add adds o to c.
func (c *Counts) Add(o *Counts) {
	c.Due += o.Due
	c.Sent += o.Sent
	c.Accepted += o.Accepted
	c.Refused += o.Refused
	c.Failed += o.Failed
	c.Dropped += o.Dropped
	c.Attempts += o.Attempts
	c.Retries += o.Retries
	c.Events += o.Events
	c.Bytes += o.Bytes
	for i := range c.ByClass {
		c.ByClass[i] += o.ByClass[i]
		c.AttemptClass[i] += o.AttemptClass[i]
	}
}

// Check returns an error unless every upload that fell due has exactly one fate: Due = Sent + Dropped and Sent =
// Accepted + Refused + Failed. While a run is under way the uploads in flight are due without a fate.
func (c Counts) Check() error {
	if c.Due != c.Sent+c.Dropped {
		return fmt.Errorf("%d uploads fell due, but %d were sent and %d dropped", c.Due, c.Sent, c.Dropped)
	}
	if c.Sent != c.Accepted+c.Refused+c.Failed {
		return fmt.Errorf("%d uploads were sent, but %d were accepted, %d refused and %d failed", c.Sent, c.Accepted, c.Refused, c.Failed)
	}
	return nil
}

// count adds the fate of one upload.
func (c *Counts) count(s *Sample) {
	c.ByClass[s.Class]++
	if s.Outcome == Dropped {
		c.Dropped++
		return
	}
	c.Sent++
	c.Attempts += int64(s.Attempts)
	c.Retries += int64(max(0, s.Attempts-1))
	switch s.Outcome {
	case Accepted:
		c.Accepted++
		c.Events += int64(s.Events)
		c.Bytes += int64(s.Bytes)
	case Refused:
		c.Refused++
	case Failed:
		c.Failed++
	}
}
