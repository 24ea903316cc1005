package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"drover/sim/fleet"
	"drover/sim/ledger"
	"drover/sim/target"
	"drover/sim/wire"
)

// maxAsks is how many tenants ask for another tenant's data.
const maxAsks = 64

// ask is that a tenant's own credential asks for the data of another tenant, both by index.
type ask struct{ tenant, of int }

// asksOf chooses who asks for whose data: a function of the seed. Up to maxAsks tenants each ask once and are asked for once; beyond
// them some are left out.
func asksOf(seed uint64, tenants int) (list []ask) {
	if tenants < 2 {
		return nil
	}
	r := rand.New(rand.NewPCG(seed, 0x61736b))
	first, n := r.IntN(tenants), min(tenants, maxAsks)
	chosen := make([]int, n)
	for i := range chosen {
		chosen[i] = (first + i*tenants/n) % tenants
	}
	shift := 1 + r.IntN(n-1)
	for i, t := range chosen {
		list = append(list, ask{t, chosen[(i+shift)%n]})
	}
	return list
}

// foreign reads all once more with each tenant's own credential, and then asks with some of them for another tenant's data.
func (r *ReadBack) foreign(ctx context.Context) error {
	for i, id := range r.Tenants {
		if err := r.say("#as ", map[string]string{"tenant": id}); err != nil {
			return err
		}
		if _, err := r.walk(ctx, i, ""); err != nil {
			return fmt.Errorf("as tenant %s: %w", id, err)
		}
	}
	if r.How.Adapter != "drover-audit" && r.How.Other == "" {
		return nil
	}
	for _, a := range asksOf(r.Seed, len(r.Tenants)) {
		of := r.Tenants[a.of]
		if err := r.say("#ask ", map[string]string{"tenant": r.Tenants[a.tenant], "of": of}); err != nil {
			return err
		}
		_, err := r.walk(ctx, a.tenant, of)
		var local *writeError
		switch {
		case err == nil:
		case ctx.Err() != nil || errors.As(err, &local):
			return err
		case target.SaysNo(err):
			err = r.say("#refused ", struct{}{})
		default: // an answer is missing, which is no answer that says no
			err = r.say("#failed ", map[string]string{"why": err.Error()})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeError is that what was read could not be written down.
type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }

// keep writes down what was read.
func (r *ReadBack) keep(b []byte) error {
	if _, err := r.Out.Write(b); err != nil {
		return &writeError{err}
	}
	return nil
}

// strangers are the lines of a read-back that say with whose credential is asked.
func (c *Settlement) strangers(s *ledger.Settler, tenant, of string) error {
	id, ok := wire.ParseGUID(tenant)
	if !ok {
		return fmt.Errorf("%q is no tenant", tenant)
	}
	var other fleet.GUID
	if of == "" {
		s.ReadAs(id)
		return nil
	}
	if other, ok = wire.ParseGUID(of); !ok {
		return fmt.Errorf("%q is no tenant", of)
	}
	s.AskAs(id, other)
	return nil
}
