package behavior

import (
	"math"
	"math/bits"
)

// Everything random about a device is a hash of what it belongs to: (seed, device, purpose, time or number). Nothing is
// carried from draw to draw, so that a device's next event follows from its last one alone, one kind of event never
// disturbs another, and any event can be made again by itself.

// purpose tells apart draws that share a device and a time.
type purpose uint64

const (
	drawGap      purpose = iota + 1 // time to the next occurrence; plus the clock
	drawPhase                       // phase of a periodic clock
	drawJitter                      // lateness of a periodic occurrence
	drawOffline                     // gap and length of offline windows
	drawVisit                       // where a visit goes
	drawPayload                     // fields of an event
	drawID                          // identity of an event
	drawLevel                       // how much memory and CPU a device's processes need, and how that drifts
	drawLife                        // when processes start, and how they end
	drawAdmin                       // what an admin configured, for a tenant and cohort
	drawBrowsers                    // browsers on a device
	drawCanary                      // which benign visits go to a canary
	drawPort                        // remote port of a site
	drawUser                        // what sort of user it is
	drawChange                      // time to the first occurrence after a rate changed; plus the clock
	drawUptake                      // place of a device in the row of those that take a release
	drawSkew                        // by how much a device's clock is wrong
)

// key mixes two words into one. It is the folded 64x64-bit product that wyhash and rapidhash are built on.
func key(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0xa0761d6478bd642f, b^0xe7037ed1a0b428db)
	return hi ^ lo
}

// draws is a short stream of random words from one key: splitmix64.
type draws uint64

func newDraws(device uint64, p purpose, kind int, at uint64) draws {
	return draws(key(key(device, uint64(p)<<8|uint64(kind)), at))
}

func (d *draws) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Uint64 makes draws a rand.Source.
func (d *draws) Uint64() uint64 { return d.next() }

// unit is uniform in [0, 1).
func (d *draws) unit() float64 { return float64(d.next()>>11) * 0x1p-53 }

// exp is exponential with mean 1.
func (d *draws) exp() float64 { return -math.Log(1 - d.unit()) }

// normal is standard normal (Box-Muller, one of the pair).
func (d *draws) normal() float64 {
	r := math.Sqrt(2 * d.exp())
	return r * math.Cos(2*math.Pi*d.unit())
}

// logNormal has the given median and 95th percentile.
func (d *draws) logNormal(median, p95 float64) float64 {
	if p95 <= median {
		return median
	}
	return newBand(median, p95).at(d.normal())
}

// band is a log-normal distribution.
type band struct{ median, width float64 }

// newBand returns that with the given median and 95th percentile. 1.6449 is the 95th percentile of a standard normal distribution.
func newBand(median, p95 float64) band {
	return band{median, math.Log(p95/median) / 1.6448536269514722}
}

// at is the value for a standard normal z.
func (b band) at(z float64) float64 { return b.median * math.Exp(b.width*z) }
