package sim

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/measure"
	"drover/sim/target"
	"drover/sim/wire"
)

// opinionated is a backend that calls one detection in four benign, and has no verdict on one in eight.
type opinionated struct {
	fake
	mu  sync.Mutex
	ids map[event.ID]event.Category // of what it judged
}

func (o *opinionated) Send(ctx context.Context, req *target.Request, ans *target.Answer) {
	o.fake.Send(ctx, req, ans)
	var u wire.Upload
	if err := wire.DecodeUpload(req.Body, &u); err != nil {
		panic(err)
	}
	said := wire.Answer{Accepted: len(u.Events)}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range u.Events {
		e := &u.Events[i]
		if e.Kind != event.WebThreat || ans.Class != measure.OK {
			continue
		}
		v := wire.Verdict{Seq: e.Seq, Known: e.ID[3]&7 != 7, Category: event.Malware}
		if e.ID[3]&3 == 0 {
			v.Category = event.Benign
		}
		said.Verdicts = append(said.Verdicts, v)
		if v.Known {
			o.ids[e.ID] = v.Category
		}
	}
	if ans.Class == measure.OK {
		ans.Body = wire.AppendAnswer(ans.Body[:0], &said)
	}
}

// Of the detections about which the backend disagrees with somebody, those with the lowest IDs are kept, whatever the workers;
// and the reference says of the URL that is told what it said on the device.
func TestDisputesOfRun(t *testing.T) {
	m, all := detections(t, "{malicious: {wrongLabel: 30%, unknown: 20%, listed: 50%}}",
		"{DefenderExcludeURLInReport: {true: 40, false: 60}, supervised: {true: 50, false: 50}}", "60")
	judge := Reference(m)
	var first []check.Dispute
	for _, workers := range []int{1, 5} {
		synctest.Test(t, func(t *testing.T) {
			o := &opinionated{ids: map[event.ID]event.Category{}}
			res, err := Run(t.Context(), Config{Model: m, Workers: workers, Target: o, Adapter: drover})
			if err != nil {
				t.Fatal(err)
			}
			list := res.Disputes.All()
			if workers == 1 {
				first = list
			} else if d := cmp.Diff(first, list); d != "" {
				t.Errorf("of %d workers (-want +got):\n%s", workers, d)
			}
			kinds := map[[2]bool]int{}
			whole, hidden := 0, 0
			for _, x := range list {
				if said, ok := o.ids[x.ID]; !ok || said != x.Backend {
					t.Errorf("dispute %+v, the backend said %v, %v", x, said, ok)
				}
				if got := judge.Classify([]byte(x.URL)).Category; got != x.Reference {
					t.Errorf("%s: the reference says %v, on the device it said %v", x.URL, got, x.Reference)
				}
				kinds[[2]bool{x.Truth == event.Benign, x.Backend == event.Benign}]++
				whole += strings.Count(x.URL, "/") & 1
				if !x.Sent {
					hidden++
				}
			}
			// Harmless and called so, harmless and called malicious, and twice called benign: malicious ones, and those of which nobody knows.
			if len(list) != 4*check.MaxDisputes || kinds[[2]bool{true, true}] != check.MaxDisputes || kinds[[2]bool{true, false}] != check.MaxDisputes {
				t.Errorf("%d disputes, %v", len(list), kinds)
			}
			if whole == 0 || hidden == 0 || hidden == len(list) {
				t.Errorf("%d of %d by the whole URL, %d with a host that was not sent; want some of each", whole, len(list), hidden)
			}
			// No other one of a kind has a lower ID.
			lowest := map[event.Category][]event.ID{}
			for _, e := range all {
				if said, ok := o.ids[e.ID]; ok && said == event.Benign {
					truth := e.Web.Truth
					if truth != event.Unknown {
						truth = min(truth, event.Phishing) // whether benign or not
					}
					lowest[truth] = append(lowest[truth], e.ID)
				}
			}
			for truth, ids := range lowest {
				slices.SortFunc(ids, func(a, b event.ID) int { return bytes.Compare(a[:], b[:]) })
				for _, id := range ids[:check.MaxDisputes] {
					if !slices.ContainsFunc(list, func(x check.Dispute) bool { return x.ID == id }) {
						t.Errorf("truth %v: %x is not kept", truth, id)
					}
				}
			}
		})
	}
}
