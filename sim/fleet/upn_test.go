package fleet

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/brianvoe/gofakeit/v6"
	"github.com/brianvoe/gofakeit/v6/data"
)

// source lets gofakeit draw from a PCG.
type source struct{ *rand.PCG }

func (s source) Int63() int64 { return int64(s.Uint64() >> 1) }
func (s source) Seed(int64)   {}

// Users are called what a Faker over the same words would call them.
func TestNamesAreTheFakers(t *testing.T) {
	var u UPN
	for seed := range uint64(5000) {
		fake := gofakeit.NewCustom(source{rand.NewPCG(seed, 1)})
		first, last := fake.FirstName(), fake.LastName()
		plain := strings.NewReplacer("'", "", " ", "", "-", "")
		want := plain.Replace(strings.ToLower(first)) + "." + plain.Replace(strings.ToLower(last)) + "42@t.example"
		u.draw(allNames(), rand.NewPCG(seed, 1), 42, "@t.example")
		if got := u.String(); got != want || u != NewUPN(want) {
			t.Fatalf("seed %d: %s, want %s and nothing of the name before", seed, got, want)
		}
	}
}

// The longest names and the largest number have room, and any address reads as it was given.
func TestUPNHoldsAnyAddress(t *testing.T) {
	longest := func(what string) (n int) {
		for _, w := range data.Data["person"][what] {
			n = max(n, len(w))
		}
		if n > nameMax {
			t.Errorf("a %s name has %d bytes, room is for %d", what, n, nameMax)
		}
		return n
	}
	if n := longest("first") + 1 + longest("last") + len("2147483647"); n > userMax {
		t.Errorf("a user has up to %d bytes, room is for %d", n, userMax)
	}
	for _, s := range []string{"", "@", "a@b.example", "zoë.o'neill@contoso.example", "no domain", strings.Repeat("x", 300) + "@long.example", "@@"} {
		u := NewUPN(s)
		if copied := u; copied.String() != s || copied != NewUPN(s) {
			t.Errorf("NewUPN(%q) reads %q", s, copied)
		}
	}
}

// Each digit of a GUID, in each place, with and without room for it.
func TestGUIDText(t *testing.T) {
	for i := range 32 {
		for digit := range byte(16) {
			var g GUID
			g[i/2] = digit << (4 * (1 - i%2))
			x := fmt.Sprintf("%x", g[:])
			want := "id:" + x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
			room := append(make([]byte, 0, 3+i+int(digit)), "id:"...)
			if got := string(g.AppendText(room)); got != want {
				t.Fatalf("%x with room for %d more bytes reads %s, want %s", g[:], cap(room)-3, got, want)
			}
		}
	}
}
