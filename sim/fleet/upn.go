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

// draw makes the name of user number i. Names have no digits, so different numbers are different addresses.
//
// The names are gofakeit's, and which ones is what its Faker would draw from r; but the words are cut to lower-case ASCII
// letters once, and no lookup by name is made for each.
func (u *UPN) draw(from *names, r *rand.PCG, i int, domain string) {
	first, last := from.first.draw(r), from.last.draw(r)
	u.user, u.domain = [userMax]byte{}, domain // what is behind a name's letters is 0, so both can be copied whole
	*(*[nameMax]byte)(u.user[:]) = first.letters
	n := int(first.n)
	u.user[n] = '.'
	*(*[nameMax]byte)(u.user[n+1:]) = last.letters
	n += 1 + int(last.n)
	u.n = uint8(len(strconv.AppendInt(u.user[:n], int64(i), 10)))
}

// names are what users are called.
type names struct{ first, last words }

// words are a choice of names.
type words struct {
	list []name
	most int32 // of a draw: those above have fewer for the first words than for the others
}

// name is one word of a name.
type name struct {
	letters [nameMax]byte
	n       uint8
}

// nameMax is room for the longest word of gofakeit's names.
const nameMax = 15

var allNames = sync.OnceValue(func() *names {
	person := data.Data["person"]
	return &names{first: newWords(person["first"]), last: newWords(person["last"])}
})

// newWords takes of each word its ASCII letters in lower case, without all else, as in O'Connor.
func newWords(list []string) words {
	w := words{list: make([]name, len(list)), most: int32((1 << 31) - 1 - (1<<31)%uint32(len(list)))}
	for i, word := range list {
		letters := strings.Map(func(c rune) rune {
			switch {
			case 'a' <= c && c <= 'z':
				return c
			case 'A' <= c && c <= 'Z':
				return c | 0x20
			}
			return -1
		}, word)
		w.list[i].n = uint8(copy(w.list[i].letters[:], letters))
	}
	return w
}

// draw chooses as Intn of math/rand's Rand over r does, which the Faker uses: same words, same choice. The algorithm cannot change:
// Go promises that a seeded math/rand stays as it is. (Its short way for powers of two chooses the same: most is then the highest.)
func (w *words) draw(r *rand.PCG) *name {
	v := int32(r.Uint64() >> 33)
	for v > w.most {
		v = int32(r.Uint64() >> 33)
	}
	return &w.list[uint32(v)%uint32(len(w.list))]
}
