package fleet

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"

	"github.com/brianvoe/gofakeit/v6/data"
)

// UPN is a user principal name, first.last, a number and a domain. It is a value with the user's part inside: making one
// costs no memory, and a million uploads a minute name a million users. It may be copied, kept and compared.
type UPN struct {
	user   [userMax]byte
	n      uint8
	domain string // with its @
}

// userMax is room for the longest names of gofakeit, a dot and ten digits.
const userMax = 39

// NewUPN returns the UPN that reads as address.
func NewUPN(address string) UPN {
	user, _, found := strings.Cut(address, "@")
	if !found || len(user) > userMax {
		return UPN{domain: address}
	}
	u := UPN{n: uint8(len(user)), domain: address[len(user):]}
	copy(u.user[:], user)
	return u
}

// String returns the whole name.
func (u UPN) String() string { return string(u.AppendText(nil)) }

// AppendText appends what String returns to dst.
func (u *UPN) AppendText(dst []byte) []byte { return append(append(dst, u.user[:u.n]...), u.domain...) }

// upn draws a name for user number i. Names have no digits, so different numbers are different addresses.
//
// The names are gofakeit's, and which ones is what its Faker would draw from r; but the words are cut to lower-case ASCII
// letters once, and no lookup by name is made for each.
func (f *Fleet) upn(r *rand.PCG, i int, domain string) UPN {
	u := UPN{domain: domain}
	b := append(u.user[:0], f.names.first[intn(r, len(f.names.first))]...)
	b = append(b, '.')
	b = append(b, f.names.last[intn(r, len(f.names.last))]...)
	b = strconv.AppendInt(b, int64(i), 10)
	u.n = uint8(len(b))
	return u
}

// names are what users are called.
type names struct{ first, last []string }

var allNames = sync.OnceValue(func() *names {
	person := data.Data["person"]
	return &names{first: letters(person["first"]), last: letters(person["last"])}
})

// letters returns each word as its ASCII letters in lower case, without all else, as in O'Connor.
func letters(words []string) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = strings.Map(func(c rune) rune {
			switch {
			case 'a' <= c && c <= 'z':
				return c
			case 'A' <= c && c <= 'Z':
				return c | 0x20
			}
			return -1
		}, w)
	}
	return list
}

// intn is Intn of math/rand's Rand over r, which the Faker uses: same words, same choice. The algorithm cannot change: Go
// promises that a seeded math/rand stays as it is.
func intn(r *rand.PCG, n int) int {
	draw := func() int32 { return int32(r.Uint64() >> 33) }
	if n&(n-1) == 0 {
		return int(draw() & int32(n-1))
	}
	most := int32((1 << 31) - 1 - (1<<31)%uint32(n))
	v := draw()
	for v > most {
		v = draw()
	}
	return int(v % int32(n))
}
