package behavior

import "time"

// Skew is how wrong the clocks of devices are: those of a share of them go ahead or behind, by the same for one device as long as
// the skew lasts. It shows in the time of events; when they happen and are sent it does not change. The zero value is right clocks.
type Skew struct {
	Seed  uint64
	Share float64       // of the devices, 0 to 1
	UpTo  time.Duration // either way, drawn evenly
}

// of is by how much a device's clock is ahead; negative: behind.
func (s *Skew) of(device int) time.Duration {
	if s.Share == 0 || s.UpTo == 0 {
		return 0
	}
	return s.draw(device)
}

func (s *Skew) draw(device int) time.Duration {
	draw := newDraws(key(s.Seed, uint64(device)), drawSkew, 0, 0)
	if draw.unit() >= s.Share {
		return 0
	}
	return time.Duration((2*draw.unit() - 1) * float64(s.UpTo))
}

// skew is by how much a device's clock is ahead at a time: as the fault in force has it that began last, or the configuration.
func (h *Past) skew(cfg *Config, device int, at time.Duration) time.Duration {
	in := &cfg.Skew
	if len(h.Spans()) > 0 {
		in = h.skewFault(in, device, at)
	}
	return in.of(device)
}

// skewFault is the skew of the last fault in force that has one; without any it is usual.
func (h *Past) skewFault(usual *Skew, device int, at time.Duration) *Skew {
	for _, sp := range h.spans {
		e := &h.cfg.Timeline[sp.Entry]
		if e.Skew != nil && sp.From < at && at <= sp.Until && e.Select.Has(device) {
			usual = e.Skew
		}
	}
	return usual
}
