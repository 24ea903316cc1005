package sim

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"drover/sim/event"
	"drover/sim/ledger"
	"drover/sim/target"
	"drover/sim/wire"
)

// reviewer refuses some events, has a verdict of others and names some twice, in the order that turn leaves them in.
type reviewer struct {
	fake
	turn func(*wire.Answer)
}

func (r *reviewer) Send(ctx context.Context, req *target.Request, ans *target.Answer) {
	r.fake.Send(ctx, req, ans)
	var u wire.Upload
	if err := wire.DecodeUpload(req.Body, &u); err != nil {
		panic(err)
	}
	said := wire.Answer{Accepted: len(u.Events)}
	for _, e := range u.Events {
		if e.ID[3]%5 == 0 {
			said.Accepted--
			said.Refused = append(said.Refused, wire.Refusal{Seq: e.Seq, Reason: []byte("no")})
		}
		if e.Kind == event.WebThreat && e.ID[4]%3 > 0 {
			said.Verdicts = append(said.Verdicts, wire.Verdict{Seq: e.Seq, Known: true, Category: event.Category(e.ID[5] % 2)})
		}
	}
	r.turn(&said)
	ans.Body = wire.AppendAnswer(ans.Body[:0], &said)
}

// What an answer says of single events counts for the same, whatever order it says it in.
func TestAnswersInAnyOrder(t *testing.T) {
	type outcome struct {
		Verdicts any
		Kinds    any
		Notes    []ledger.Note
		several  int // uploads with more than five of them
	}
	m := model(t, parse(t, rateLoad("even", "12/s", "3s"), "BATCH", "{maxEvents: 60, maxAge: 12h, urgent: []}", "perDay: 200", "perDay: 400", "maliciousShare: 2%", "maliciousShare: 30%"))
	run := func(turn func(*wire.Answer)) (out outcome) {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			res, err := Run(t.Context(), Config{Model: m, Workers: 1, Target: &reviewer{turn: turn}, Adapter: drover, Ledger: &Keep{Dir: dir, Run: "r"}})
			if err != nil || res.LedgerErr != nil {
				t.Fatal(err, res.LedgerErr)
			}
			out.Verdicts, out.Kinds = res.Verdicts.Matrix, res.Kinds
			if _, err := ledger.Read(dir, func(u *ledger.Upload) error {
				slices.SortFunc(u.Notes, func(a, b ledger.Note) int { return int(a.Seq) - int(b.Seq) })
				if out.Notes = append(out.Notes, u.Notes...); len(u.Notes) > 5 {
					out.several++
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
		return out
	}
	want := run(func(*wire.Answer) {})
	if want.several < 10 {
		t.Fatalf("%d uploads have more than five notes, of %d in all; want more", want.several, len(want.Notes))
	}
	for name, turn := range map[string]func(*wire.Answer){
		"backwards": func(a *wire.Answer) { slices.Reverse(a.Verdicts); slices.Reverse(a.Refused) },
		"half by half": func(a *wire.Answer) {
			v, r := len(a.Verdicts)/2, len(a.Refused)/2
			a.Verdicts = append(a.Verdicts[v:len(a.Verdicts):len(a.Verdicts)], a.Verdicts[:v]...)
			a.Refused = append(a.Refused[r:len(a.Refused):len(a.Refused)], a.Refused[:r]...)
		},
		"twice": func(a *wire.Answer) {
			wrong := slices.Clone(a.Verdicts) // the last word counts
			for i := range wrong {
				wrong[i].Category ^= 1
			}
			a.Verdicts = append(wrong, a.Verdicts...)
		},
	} {
		if d := cmp.Diff(want, run(turn), cmp.AllowUnexported(outcome{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
