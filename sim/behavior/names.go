package behavior

import "drover/sim/event"

// How names are made. Malicious names differ from benign ones by construction: what stands before the suffix holds a word
// that lures, two hyphens or more, digits, or a brand that is spelt wrong; a benign registrable name is one or two ordinary
// words, or a brand alone. So no benign host is ever on, or below, a planted one.

// benign appends the host of the benign site with a rank. Some three in ten belong to what classifiers find hard: login
// pages, download servers, random names of content delivery, shared hosting, suffixes that are mostly abused. The shares
// are assumptions.
func benign(dst []byte, seed, rank uint64) []byte {
	d := newDraws(seed, drawVisit, 1, rank)
	abused := false
	switch u := d.next() % 100; {
	case u < 40: // the bare site
	case u < 62:
		dst = append(word(dst, &d, plainParts), '.')
	case u < 72:
		dst = append(word(dst, &d, hardParts), '.')
	case u < 80:
		dst = append(word(dst, &d, cdnParts), '-')
		dst = append(random(dst, &d, "0123456789abcdef", 4+int(d.next()%5)), '.')
	case u < 86: // a site of somebody on shared hosting
		dst = word(dst, &d, plainWords)
		dst = append(word(dst, &d, plainWords), '.')
	case u < 92:
		dst = word(dst, &d, brands)
		return word(dst, &d, benignSuffixes)
	case u < 96:
		dst = append(word(dst, &d, hardParts), '.')
		dst = word(dst, &d, brands)
		return word(dst, &d, benignSuffixes)
	default:
		abused = true
	}
	dst = word(dst, &d, plainWords)
	if u := d.next() % 8; u < 6 {
		if u == 0 {
			dst = append(dst, '-')
		}
		dst = word(dst, &d, plainWords)
	}
	if abused {
		return word(dst, &d, abusedSuffixes)
	}
	return word(dst, &d, benignSuffixes)
}

// malicious appends the host of a malicious site without the zone. Of each category one in fifty is quiet: a site that was
// taken over, with nothing in its name to tell. A third of the others stand under an ordinary suffix.
func malicious(dst []byte, d *draws, category event.Category) []byte {
	if d.next()%50 == 0 {
		dst = append(word(dst, d, plainWords), '-')
		dst = append(word(dst, d, plainWords), '-')
		dst = word(dst, d, plainWords)
		return word(dst, d, benignSuffixes)
	}
	switch category {
	case event.Phishing:
		dst = phishing(dst, d)
	case event.Malware:
		dst = lurking(dst, d, downloads, true)
	case event.Scam:
		dst = lurking(dst, d, prizes, false)
	case event.C2:
		dst = control(dst, d)
	}
	if d.next()%3 == 0 {
		return word(dst, d, benignSuffixes)
	}
	return word(dst, d, abusedSuffixes)
}

// phishing appends a name that pretends to be somebody's.
func phishing(dst []byte, d *draws) []byte {
	switch u := d.next() % 10; {
	case u < 4: // combosquat: contoso-login-verify
		dst = append(word(dst, d, brands), '-')
		dst = append(word(dst, d, lures), '-')
		dst = word(dst, d, lures)
		if d.next()%2 == 0 {
			dst = number(dst, d, 2)
		}
	case u < 7: // impersonation by sub-domain: contoso.com.verify-x7q2
		dst = word(dst, d, brands)
		dst = append(word(dst, d, []string{".com.", ".net.", ".org."}), "account-"[:8*(d.next()%2)]...)
		dst = append(word(dst, d, lures), '-')
		dst = random(dst, d, lettersAndDigits, 4+int(d.next()%4))
	case u < 8: // lures only: parcel-customs-confirm
		dst = append(word(dst, d, lures), '-')
		dst = append(word(dst, d, lures), '-')
		dst = word(dst, d, lures)
	default: // a brand that is spelt wrong, and a lure
		dst = append(misspelt(dst, d), '-')
		dst = word(dst, d, lures)
		if d.next()%2 == 0 {
			dst = number(dst, d, 2)
		}
	}
	return dst
}

// misspelt appends a brand with one letter exchanged with its neighbour, doubled or left out, or with a zero for an o.
func misspelt(dst []byte, d *draws) []byte {
	from := len(dst)
	dst = word(dst, d, brands)
	b := dst[from:]
	i := 1 + int(d.next()%uint64(len(b)-2))
	switch d.next() % 4 {
	case 0:
		if b[i] != b[i+1] {
			b[i], b[i+1] = b[i+1], b[i]
			return dst
		}
	case 1:
		dst = append(dst, 0)
		b = dst[from:]
		copy(b[i+1:], b[i:])
		return dst
	case 2:
		for j, c := range b {
			if c == 'o' {
				b[j] = '0'
				return dst
			}
		}
	}
	return append(dst[:from+i], dst[from+i+1:]...)
}

// lurking appends two words of a list with a number, or around a brand.
func lurking(dst []byte, d *draws, list []string, branded bool) []byte {
	dst = append(word(dst, d, list), '-')
	if branded && d.next()%2 == 0 {
		dst = append(word(dst, d, brands), '-')
	}
	dst = word(dst, d, list)
	return number(dst, d, 2)
}

// control appends a name as malware asks for: made by an algorithm, or a gate below one.
func control(dst []byte, d *draws) []byte {
	switch u := d.next() % 10; {
	case u < 4:
		return random(dst, d, consonantsAndDigits, 12+int(d.next()%6))
	case u < 7:
		return random(dst, d, lettersAndDigits, 14+int(d.next()%6))
	default:
		dst = append(word(dst, d, gates), '.')
		return random(dst, d, consonantsAndDigits, 9+int(d.next()%5))
	}
}

const (
	lettersAndDigits    = "abcdefghijklmnopqrstuvwxyz0123456789"
	consonantsAndDigits = "bcdfghjklmnpqrstvwxz0123456789"
)

// random appends n characters; the last is a digit, so that no word can come out.
func random(dst []byte, d *draws, from string, n int) []byte {
	for range n - 1 {
		dst = append(dst, from[d.next()%uint64(len(from))])
	}
	return number(dst, d, 1)
}

func number(dst []byte, d *draws, n int) []byte {
	for range n {
		dst = append(dst, '0'+byte(d.next()%10))
	}
	return dst
}

// word appends one of a list.
func word(dst []byte, d *draws, list []string) []byte {
	return append(dst, list[d.next()%uint64(len(list))]...)
}
