package check

import (
	"bytes"
	"slices"

	"drover/sim/event"
)

// MaxDisputes is how many disputes are kept of each kind: of each combination of truth, reference and backend.
const MaxDisputes = 5

// Dispute is one detection about which the backend disagrees with the reference, or with the truth, on malicious or benign.
type Dispute struct {
	Detection
	ID      event.ID
	Device  int
	Seq     uint32
	Backend event.Category
	URL     string // as the reference on the device saw it
	Sent    bool   // whether the backend was told the host
}

// Disputes keeps some disputes: of each kind those with the lowest IDs. Which these are depends on what the backend said
// of which events, and neither on the order of its answers nor on who counted them. The zero Disputes has none. It is owned by one
// goroutine.
type Disputes struct {
	kept [3][2][2][]Dispute // by truth, reference and backend, each in ascending order
}

// Wants reports whether what the backend says of a detection is a dispute that would be kept.
func (d *Disputes) Wants(of *Detection, backend event.Category, id event.ID) bool {
	truth, ref, said := side(of.Truth), side(of.Reference), side(backend)
	if ref == said && (truth == said || truth == 2) || said == 2 {
		return false
	}
	kept := d.kept[truth][ref][said]
	return len(kept) < MaxDisputes || bytes.Compare(id[:], kept[len(kept)-1].ID[:]) < 0
}

// Add keeps a dispute, if Wants says so.
func (d *Disputes) Add(x Dispute) {
	if !d.Wants(&x.Detection, x.Backend, x.ID) {
		return
	}
	list := &d.kept[side(x.Truth)][side(x.Reference)][side(x.Backend)]
	at, _ := slices.BinarySearchFunc(*list, x.ID, func(y Dispute, id event.ID) int { return bytes.Compare(y.ID[:], id[:]) })
	*list = slices.Insert(*list, at, x)
	*list = (*list)[:min(len(*list), MaxDisputes)]
}

// Merge adds what another one has kept.
func (d *Disputes) Merge(other *Disputes) {
	for _, x := range other.All() {
		d.Add(x)
	}
}

// All returns what is kept: first where the backend is wrong, then where the truth is not known, last where the backend is right and
// the reference wrong.
func (d *Disputes) All() (all []Dispute) {
	for _, order := range [...][3]int{{1, 1, 0}, {1, 0, 0}, {0, 1, 1}, {0, 0, 1}, {2, 1, 0}, {2, 0, 1}, {0, 1, 0}, {1, 0, 1}} {
		all = append(all, d.kept[order[0]][order[1]][order[2]]...)
	}
	return all
}
