package classify

import "bytes"

// words counts the known words of a label or path, and what is left of it.
type words struct {
	lures, brands, downloads, scams, controls int
	others                                    int  // parts that are no known word, numbers left out
	odd                                       bool // a part is nearly a brand
}

func (w *words) known() int { return w.lures + w.downloads + w.scams + w.controls }

func (w *words) add(o words) {
	w.lures += o.lures
	w.brands += o.brands
	w.downloads += o.downloads
	w.scams += o.scams
	w.controls += o.controls
	w.others += o.others
	w.odd = w.odd || o.odd
}

// wordKind is what a known word speaks for.
type wordKind uint8

const (
	noWord wordKind = iota
	lure
	brand
	download
	scam
	control
)

func (w *words) count(k wordKind) {
	switch k {
	case lure:
		w.lures++
	case brand:
		w.brands++
	case download:
		w.downloads++
	case scam:
		w.scams++
	case control:
		w.controls++
	}
}

type knownWord struct {
	text string
	kind wordKind
}

// Brands are those of Microsoft's documentation, which are fictional: a list of real ones belongs to a trained model.
var knownWords = [...]knownWord{
	{"login", lure}, {"logon", lure}, {"signin", lure}, {"verify", lure}, {"verification", lure}, {"secure", lure},
	{"secured", lure}, {"security", lure}, {"account", lure}, {"accounts", lure}, {"wallet", lure}, {"parcel", lure},
	{"delivery", lure}, {"redelivery", lure}, {"tracking", lure}, {"bank", lure}, {"banking", lure}, {"password", lure},
	{"billing", lure}, {"invoice", lure}, {"payment", lure}, {"confirm", lure}, {"confirmation", lure}, {"unlock", lure},
	{"suspended", lure}, {"recovery", lure}, {"auth", lure}, {"sso", lure}, {"support", lure}, {"helpdesk", lure},
	{"webmail", lure}, {"refund", lure}, {"customs", lure}, {"alert", lure}, {"violation", lure}, {"appeal", lure},

	{"contoso", brand}, {"fabrikam", brand}, {"northwind", brand}, {"adatum", brand}, {"tailspin", brand}, {"wingtip", brand},
	{"proseware", brand}, {"litware", brand}, {"woodgrove", brand}, {"fourthcoffee", brand}, {"lucerne", brand},
	{"margies", brand}, {"vanarsdel", brand}, {"relecloud", brand}, {"munson", brand}, {"lamna", brand}, {"trey", brand},
	{"alpineski", brand}, {"blueyonder", brand}, {"cohovineyard", brand}, {"humongous", brand}, {"southridge", brand},

	{"download", download}, {"downloads", download}, {"setup", download}, {"install", download}, {"installer", download},
	{"codec", download}, {"player", download}, {"patch", download}, {"crack", download}, {"cracked", download},
	{"keygen", download}, {"update", download}, {"updater", download}, {"upgrade", download}, {"driver", download},
	{"drivers", download}, {"plugin", download}, {"apk", download}, {"converter", download}, {"cleaner", download},

	{"prize", scam}, {"bonus", scam}, {"crypto", scam}, {"airdrop", scam}, {"claim", scam}, {"reward", scam},
	{"rewards", scam}, {"winner", scam}, {"giftcard", scam}, {"gift", scam}, {"giveaway", scam}, {"jackpot", scam},
	{"lottery", scam}, {"casino", scam}, {"invest", scam}, {"profit", scam}, {"double", scam}, {"outlet", scam},
	{"coupon", scam}, {"free", scam}, {"cheap", scam},

	{"gate", control}, {"panel", control}, {"beacon", control}, {"node", control}, {"ddns", control}, {"duckdns", control},
	{"dyndns", control}, {"proxy", control}, {"relay", control}, {"tunnel", control}, {"sync", control}, {"telemetry", control},
}

// byFirst and byLast hold the known words by their first and last letter.
var byFirst, byLast = index(func(s string) byte { return s[0] }), index(func(s string) byte { return s[len(s)-1] })

func index(letter func(string) byte) (table [26][]knownWord) {
	for _, w := range knownWords {
		i := letter(w.text) - 'a'
		table[i] = append(table[i], w)
	}
	return table
}

var brandsByLength = byLength()

func byLength() (table [16][]string) {
	for _, w := range knownWords {
		if w.kind == brand {
			table[len(w.text)] = append(table[len(w.text)], w.text)
		}
	}
	return table
}

// read finds the known words of a label. Its parts are what stands between hyphens, without the digits around.
func read(label []byte) words {
	var w words
	for len(label) > 0 {
		part, rest, _ := bytes.Cut(label, []byte("-"))
		label = rest
		w.part(part)
	}
	return w
}

// part reads one part: a known word, two known words in one ("securelogin"), a known word of at least five letters at one of
// its ends ("contosohome"), or nearly a brand.
func (w *words) part(part []byte) {
	if nearBrand(part) {
		w.odd = true
		return
	}
	part = bytes.Trim(part, "0123456789")
	if len(part) == 0 {
		return
	}
	var at wordKind
	if first := part[0] - 'a'; first < 26 {
		for _, k := range byFirst[first] {
			if len(k.text) > len(part) || string(part[:len(k.text)]) != k.text {
				continue
			}
			rest := part[len(k.text):]
			if len(rest) == 0 {
				w.count(k.kind)
				return
			}
			if second := whole(rest); second != noWord {
				w.count(k.kind)
				w.count(second)
				return
			}
			if len(k.text) >= 5 {
				at = k.kind
			}
		}
	}
	if last := part[len(part)-1] - 'a'; at == noWord && last < 26 {
		for _, k := range byLast[last] {
			if n := len(part) - len(k.text); n > 0 && len(k.text) >= 5 && string(part[n:]) == k.text {
				at = k.kind
			}
		}
	}
	w.count(at)
	w.others++
}

// whole is the kind of a known word.
func whole(s []byte) wordKind {
	if first := s[0] - 'a'; first < 26 {
		for _, k := range byFirst[first] {
			if string(s) == k.text {
				return k.kind
			}
		}
	}
	return noWord
}

// nearBrand reports whether s is one edit away from a brand of at least six letters, digits read as the letters they look
// like, but not the brand itself: a letter changed, missing, doubled or exchanged with its neighbour.
func nearBrand(s []byte) bool {
	for n := max(len(s)-1, 6); n <= min(len(s)+1, len(brandsByLength)-1); n++ {
		for _, b := range brandsByLength[n] {
			if oneEdit(s, b) && string(s) != b {
				return true
			}
		}
	}
	return false
}

// oneEdit reports whether at most one edit lies between s and b, whose lengths differ by at most one.
func oneEdit(s []byte, b string) bool {
	front := 0
	for front < len(s) && front < len(b) && looksLike(s[front]) == b[front] {
		front++
	}
	back := 0
	for back < len(s)-front && back < len(b)-front && looksLike(s[len(s)-1-back]) == b[len(b)-1-back] {
		back++
	}
	left := max(len(s), len(b)) - front - back
	if left == 2 && len(s) == len(b) {
		return s[front] == b[front+1] && s[front+1] == b[front]
	}
	return left <= 1
}

// looksLike is the letter that a digit stands for.
func looksLike(c byte) byte {
	switch c {
	case '0':
		return 'o'
	case '1':
		return 'l'
	case '3':
		return 'e'
	case '4':
		return 'a'
	case '5':
		return 's'
	case '7':
		return 't'
	}
	return c
}
