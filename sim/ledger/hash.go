package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/maphash"
	"strings"
)

// ParseHash reads a SHA-256 as backends write it: 64 hex digits in either case, or base64 of either alphabet with or without its padding;
// before it may stand sha256: or sha256-.
func ParseHash(text string) (sum [32]byte, ok bool) {
	for _, prefix := range [...]string{"sha256:", "sha256-"} {
		if len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
			text = text[len(prefix):]
			break
		}
	}
	var b []byte
	var err error
	if len(text) == hex.EncodedLen(len(sum)) {
		b, err = hex.DecodeString(text)
	} else {
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimSuffix(text, "="))
		b, err = base64.RawStdEncoding.Strict().DecodeString(text)
	}
	if err != nil || len(b) != len(sum) {
		return sum, false
	}
	return [32]byte(b), true
}

// HashPrint is the print of a hash: 64 of its bits, which tell what was altered by chance from what was not.
func HashPrint(sum [32]byte) uint64 { return binary.LittleEndian.Uint64(sum[:]) }

// Word is the print of a name, whatever its case.
func (p *Printer) Word(name string) uint64 { return maphash.String(p.seed, strings.ToLower(name)) }
