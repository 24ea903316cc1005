package behavior

import (
	"golang.org/x/net/idna"

	"drover/sim/event"
)

// How malicious URLs are made. A site that is easy to tell has more that gives it away: more words that lure, numbers, and in
// nine of ten cases a suffix that is mostly abused; a hard one has less, and an ordinary suffix in nine of ten.

// malicious appends the URL of a malicious site, without scheme and zone, and returns how long its host is.
func malicious(dst []byte, d *draws, category event.Category, p event.Pattern, hard bool) (url []byte, host int) {
	from := len(dst)
	switch p {
	case event.Combosquat:
		dst = combosquat(dst, d, luresOf(category), hard)
	case event.Subdomain:
		dst = subdomain(dst, d, hard)
	case event.Typosquat:
		dst = misspelt(dst, d)
		if !hard {
			dst = extra(dst, d)
		} else if d.next()%2 == 0 {
			dst = word(dst, d, neutral)
		}
	case event.Homoglyph:
		dst = homoglyph(dst, d, hard)
	case event.SharedHosting:
		dst = append(combosquat(dst, d, luresOf(category), hard), '.')
		dst = word(dst, d, hostingProviders)
		host = len(dst) - from
		return pathOf(dst, d, category, hard), host
	case event.Compromised:
		dst = smallSite(dst, d)
		host = len(dst) - from
		return hacked(dst, d, category, hard), host
	case event.TokenQuery:
		dst = throwaway(dst, d, hard)
	case event.DGALetters:
		if category == event.C2 && d.next()%3 == 0 {
			dst = append(word(dst, d, gates), '.')
		}
		dst = letters(dst, d, hard)
	case event.DGAWords:
		dst = dictionary(dst, d, hard)
	default:
		dst = bait(dst, d, luresOf(category), hard)
	}
	if hard != (d.next()%10 == 0) {
		dst = word(dst, d, benignSuffixes)
	} else {
		dst = word(dst, d, abusedSuffixes)
	}
	host = len(dst) - from
	if p == event.TokenQuery {
		return query(dst, d), host
	}
	return pathOf(dst, d, category, hard), host
}

// luresOf is the words that sites of a category lure with.
func luresOf(c event.Category) []string {
	switch c {
	case event.Malware, event.C2:
		return downloads
	case event.Scam:
		return prizes
	}
	return lures
}

// combosquat appends contoso-login-verify27, or when it is hard contososupport.
func combosquat(dst []byte, d *draws, lures []string, hard bool) []byte {
	if hard {
		if d.next()%3 == 0 {
			dst = append(word(dst, d, neutral), '-')
			return word(dst, d, brands)
		}
		dst = word(dst, d, brands)
		if d.next()%2 == 0 {
			dst = append(dst, '-')
		}
		if d.next()%2 == 0 {
			return word(dst, d, neutral)
		}
		return word(dst, d, lures)
	}
	first, second := two(d, lures)
	if d.next()%4 == 0 {
		dst = append(append(dst, first...), '-')
		dst = word(dst, d, brands)
	} else {
		dst = append(word(dst, d, brands), '-')
		dst = append(dst, first...)
	}
	if d.next()%3 > 0 {
		dst = append(append(dst, '-'), second...)
	}
	return extra(dst, d)
}

// extra appends a number, or nothing.
func extra(dst []byte, d *draws) []byte {
	switch d.next() % 4 {
	case 0:
		return number(dst, d, 2)
	case 1:
		return number(append(dst, '-'), d, 1+int(d.next()%4))
	}
	return dst
}

// subdomain appends contoso.com.account-verify-x7q2, or when it is hard contoso.harbor-help.
func subdomain(dst []byte, d *draws, hard bool) []byte {
	if hard {
		if d.next()%2 == 0 {
			dst = append(word(dst, d, hardParts[:3]), '-')
		}
		dst = append(word(dst, d, brands), '.')
		dst = append(word(dst, d, plainWords), '-')
		return word(dst, d, neutral)
	}
	if d.next()%3 == 0 {
		dst = append(word(dst, d, hardParts[:3]), '.')
	}
	dst = word(dst, d, brands)
	dst = word(dst, d, []string{".com.", ".com.", ".net.", ".org.", "-com."})
	if d.next()%2 == 0 {
		dst = append(dst, "account-"...)
	}
	dst = append(word(dst, d, lures), '-')
	return random(dst, d, lettersAndDigits, 4+int(d.next()%4))
}

// misspelt appends a brand with one letter exchanged with its neighbour, doubled or left out, or with a digit that looks like
// it.
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
			if k := int(c - 'a'); k < len(leet) && leet[k] != 0 {
				b[j] = leet[k]
				return dst
			}
		}
	}
	return append(dst[:from+i], dst[from+i+1:]...)
}

// leet is the digit that looks like a letter.
var leet = [26]byte{'o' - 'a': '0', 'l' - 'a': '1', 'e' - 'a': '3', 's' - 'a': '5'}

// confusable is the Cyrillic letter that looks like a Latin one (Unicode TR 39, confusables).
var confusable = map[rune]rune{'a': '\u0430', 'c': '\u0441', 'e': '\u0435', 'i': '\u0456', 'o': '\u043e', 'p': '\u0440', 's': '\u0455', 'x': '\u0445', 'y': '\u0443'}

// homoglyph appends a brand with one letter of another script, in punycode.
func homoglyph(dst []byte, d *draws, hard bool) []byte {
	brand := brands[d.next()%uint64(len(brands))]
	start := int(d.next() % uint64(len(brand)))
	lure := ""
	if !hard {
		lure = lures[d.next()%uint64(len(lures))]
	}
	return append(dst, lookalike(brand, start, lure)...)
}

// lookalike is a brand of ASCII letters whose first letter from start on that has a lookalike is replaced by it, in punycode, with a
// lure behind it unless that is empty. TestLookalikes has every one that there is.
func lookalike(brand string, start int, lure string) string {
	letters := []rune(brand)
	for i := range letters {
		at := (start + i) % len(letters)
		if c, ok := confusable[letters[at]]; ok {
			letters[at] = c
			break
		}
	}
	name := string(letters)
	if lure != "" {
		name += "-" + lure
	}
	ascii, err := idna.Punycode.ToASCII(name)
	if err != nil {
		panic("behavior: " + name + ": " + err.Error()) // brands, letters and lures are ours, and every name of them is made in a test
	}
	return ascii
}

// smallSite appends the host of a shop or club that nobody in the fleet knows: three ordinary words.
func smallSite(dst []byte, d *draws) []byte {
	if d.next()%3 == 0 {
		dst = append(dst, "www."...)
	}
	dst = word(dst, d, plainWords)
	if d.next()%2 == 0 {
		dst = append(dst, '-')
	}
	dst = word(dst, d, plainWords)
	if d.next()%3 > 0 {
		dst = append(dst, '-')
	}
	dst = word(dst, d, plainWords)
	return word(dst, d, benignSuffixes)
}

// hacked appends a malicious path on somebody's site.
func hacked(dst []byte, d *draws, category event.Category, hard bool) []byte {
	switch {
	case category == event.Malware:
		dst = word(dst, d, []string{"/wp-content/uploads/2026/", "/images/", "/files/", "/media/tmp/"})
		dst = append(word(dst, d, downloads), '_')
		dst = number(dst, d, 3+int(d.next()%4))
		if hard {
			return word(dst, d, []string{".pdf", ".html", ".zip"})
		}
		return word(dst, d, []string{".apk", ".exe", ".zip", ".js"})
	case hard:
		dst = word(dst, d, []string{"/documents/", "/news/", "/shop/", "/about/", "/en/"})
		dst = word(dst, d, neutral)
		return word(dst, d, []string{"/", ".html", "/index.php", ".php"})
	}
	dst = word(dst, d, []string{"/wp-includes/", "/wp-content/plugins/", "/wp-admin/css/", "/.well-known/", "/images/"})
	dst = append(word(dst, d, brands), '/')
	dst = word(dst, d, lures)
	dst = append(dst, ".php"...)
	if d.next()%2 == 0 {
		dst = append(dst, "?id="...)
		dst = random(dst, d, "0123456789abcdef", 16)
	}
	return dst
}

// throwaway appends the host of one mailing: random, or when it is hard two words that say little.
func throwaway(dst []byte, d *draws, hard bool) []byte {
	if hard {
		dst = append(word(dst, d, []string{"click", "go", "link", "trk", "mail", "e"}), '.')
		dst = append(word(dst, d, plainWords), '-')
		dst = word(dst, d, neutral)
		return dst
	}
	return random(dst, d, lettersAndDigits, 7+int(d.next()%8))
}

// query appends a path and a token that tells the sender who came.
func query(dst []byte, d *draws) []byte {
	dst = word(dst, d, []string{"/?t=", "/r?u=", "/c/index.php?id=", "/l/?e=", "/track?k="})
	return random(dst, d, lettersAndDigits, 20+int(d.next()%24))
}

// letters appends a name as malware makes it: consonants and digits, or when it is hard syllables.
func letters(dst []byte, d *draws, hard bool) []byte {
	if !hard {
		from := lettersAndDigits
		if d.next()%2 == 0 {
			from = consonantsAndDigits
		}
		return random(dst, d, from, 12+int(d.next()%8))
	}
	for range 4 + d.next()%3 {
		dst = append(dst, "bcdfghklmnprstvwz"[d.next()%17], "aeiou"[d.next()%5])
	}
	return append(dst, "klmnrstx"[d.next()%8])
}

// dictionary appends three words, with a number unless it is hard.
func dictionary(dst []byte, d *draws, hard bool) []byte {
	for range 3 {
		dst = word(dst, d, plainWords)
	}
	if !hard {
		dst = number(dst, d, 1+int(d.next()%3))
	}
	return dst
}

// bait appends free-download-player42, or when it is hard meadow-player.
func bait(dst []byte, d *draws, list []string, hard bool) []byte {
	if hard {
		dst = append(word(dst, d, plainWords), '-')
		dst = append(word(dst, d, neutral), '-')
		return word(dst, d, list)
	}
	if d.next()%3 == 0 {
		dst = append(word(dst, d, []string{"free", "get", "best", "my"}), '-')
	}
	first, second := two(d, list)
	dst = append(append(dst, first...), '-')
	if d.next()%3 == 0 {
		dst = append(word(dst, d, brands), '-')
	}
	return number(append(dst, second...), d, 2)
}

// pathOf appends the path of a page whose host already tells.
func pathOf(dst []byte, d *draws, category event.Category, hard bool) []byte {
	switch {
	case category == event.C2:
		return word(dst, d, []string{"/gate.php", "/api/v1/ping", "/c", "/"})
	case hard || d.next()%3 == 0:
		return append(dst, '/')
	case category == event.Malware:
		dst = append(dst, '/')
		dst = word(dst, d, downloads)
		return word(dst, d, []string{".apk", "/", ".exe", ".php"})
	}
	dst = append(dst, '/')
	dst = word(dst, d, luresOf(category))
	return word(dst, d, []string{"", "/", ".php", ".html", "/index.php"})
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

// two draws different words of a list.
func two(d *draws, list []string) (first, second string) {
	i, n := int(d.next()%uint64(len(list))), len(list)
	return list[i], list[(i+1+int(d.next()%uint64(n-1)))%n]
}

// word appends one of a list.
func word(dst []byte, d *draws, list []string) []byte {
	return append(dst, list[d.next()%uint64(len(list))]...)
}
