package classify

import "bytes"

// host adds the points of a name.
//
// The labels of a host are counted from the right. The registrable label is the one that somebody bought: the second, or
// the third under a suffix like "co.uk". Labels left of it are below it.
func (t *tally) host(host []byte) {
	tld, rest := lastLabel(host)
	label, rest := lastLabel(rest)
	if len(rest) > 0 && secondLevel(tld, label) {
		label, rest = lastLabel(rest)
	}
	if label == nil {
		label, tld = tld, nil // a single label
	}
	abused := isAbused(tld)
	if abused {
		t[abusedTLD] += 25
	}

	name := read(label)
	ownSite := name.brands == 1 && name.others == 0 && name.known() == 0 && !abused
	if name.odd {
		t[lookAlike] += 50
	}
	if bytes.HasPrefix(label, []byte("xn--")) {
		t[punycode] += 30
	} else {
		t[randomLabel] += randomness(label)
	}
	if n := bytes.Count(label, []byte("-")); n >= 2 {
		t[manyHyphens] += min(5*n, 20)
	}
	if digits(label)*3 >= len(label) {
		t[manyDigits] += 15
	}

	var below words
	depth := 0
	for left := rest; len(left) > 0; depth++ {
		var sub []byte
		right := left
		sub, left = lastLabel(left)
		w := read(sub)
		below.add(w)
		if w.brands > 0 && !ownSite && name.brands == 0 {
			t[brandBelow] = 35
		}
		if len(left) > 0 && likeTLD(sub) && !ownSite {
			if prev, _ := lastLabel(left); read(prev).brands > 0 {
				t[brandTLDBelow] = 25
			}
		}
		if w.odd {
			t[lookAlike] = max(t[lookAlike], 35)
		}
		if bytes.HasPrefix(sub, []byte("xn--")) {
			t[punycode] = max(t[punycode], 20)
		} else if !ownSite {
			t[randomBelow] = max(t[randomBelow], randomness(right[len(left):])/3)
		}
	}
	if depth >= 4 {
		t[manyLabels] += 10
	}
	if ownSite {
		return // what a brand calls the parts of its own site says nothing
	}
	t.words(name, below)
	if name.brands > 0 {
		switch {
		case name.lures+below.lures+name.scams+name.downloads > 0:
			t[brandWithLure] += 35
		case name.others > 0:
			t[brandWithWord] += 15
		}
	}
}

// words adds the points of known words. In the registrable label they weigh more than below it, where "login" and
// "download" are what honest sites have too.
func (t *tally) words(name, below words) {
	t[lureWord] += min(25*name.lures+15*below.lures, 60)
	t[downloadWord] += min(25*name.downloads+10*below.downloads, 60)
	t[scamWord] += min(25*name.scams+10*below.scams, 60)
	t[controlWord] += min(15*name.controls+10*below.controls, 30)
}

// path adds the points of path and query.
func (t *tally) path(path []byte) {
	if len(path) < 2 {
		return
	}
	file, _, _ := bytes.Cut(path, []byte("?"))
	if dot := bytes.LastIndexByte(file, '.'); dot >= 0 && isProgram(file[dot+1:]) {
		t[downloadPath] += 25
	}
	var w words
	for from := 0; from < len(file); {
		to := from
		for to < len(file) && file[to] != '/' && file[to] != '.' && file[to] != '_' {
			to++
		}
		w.add(read(file[from:to]))
		from = to + 1
	}
	t[lurePath] += min(10*w.lures+15*w.brands, 30)
}

// lastLabel cuts the last label off. label is nil when there is none.
func lastLabel(host []byte) (label, rest []byte) {
	if len(host) == 0 {
		return nil, nil
	}
	i := bytes.LastIndexByte(host, '.')
	return host[i+1:], host[:max(i, 0)]
}

// secondLevel reports whether names are bought under label.tld.
func secondLevel(tld, label []byte) bool {
	if len(tld) != 2 {
		return false
	}
	switch string(label) {
	case "co", "com", "org", "net", "ac", "gov", "edu", "or", "ne", "go":
		return true
	}
	return false
}

// likeTLD reports whether a label looks like the end of a well-known domain.
func likeTLD(label []byte) bool {
	switch string(label) {
	case "com", "net", "org", "co", "de", "fr", "eu", "uk":
		return true
	}
	return false
}

func digits(s []byte) int {
	n := 0
	for _, c := range s {
		if '0' <= c && c <= '9' {
			n++
		}
	}
	return n
}

// randomness gives the points of a label that looks as if a machine had made it up, 0 to 60. It counts signs, each rare in
// words of European languages and common in uniform draws from letters and digits: few vowels, a long run without vowels,
// many rare letters, and letters and digits in turn.
func randomness(label []byte) int {
	if len(label) < 6 {
		return 0
	}
	var letters, vowels, rare, run, longest, turns int
	var wasDigit bool
	for i, c := range label {
		isDigit := '0' <= c && c <= '9'
		if i > 0 && isDigit != wasDigit && c != '-' && label[i-1] != '-' {
			turns++
		}
		wasDigit = isDigit
		if c < 'a' || c > 'z' {
			run = 0
			continue
		}
		letters++
		switch c {
		case 'a', 'e', 'i', 'o', 'u', 'y':
			vowels++
			run = 0
			continue
		case 'j', 'q', 'v', 'x', 'z':
			rare++
		}
		run++
		longest = max(longest, run)
	}
	signs := 0
	if letters >= 5 && vowels*5 <= letters {
		signs++
	}
	if longest >= 6 {
		signs++
	}
	if longest >= 8 {
		signs++
	}
	if letters >= 5 && rare*5 >= letters && rare >= 2 {
		signs++
	}
	if turns >= 3 {
		signs += turns - 2
	}
	if signs < 2 && !(signs == 1 && len(label) >= 12) {
		return 0
	}
	return min(20+15*signs, 60)
}

// isAbused reports whether most names under a top-level domain are malicious. Of the names in our training data, half of them
// from public threat lists and half from lists of popular or curated sites (2024 to 2026), each of these has over 60 of
// the former, and at least five times as many of them as of the latter.
func isAbused(tld []byte) bool {
	switch string(tld) {
	case "top", "xyz", "cc", "shop", "online", "site", "live", "icu", "cfd", "tk", "ml", "vip", "ga", "sbs", "club", "link", "cf",
		"click", "gq", "cyou", "pw", "buzz", "life", "website", "fun", "su", "store", "lol", "bond", "win", "xin", "bid", "monster",
		"rest", "casa", "lat", "quest", "biz":
		return true
	}
	return false
}

// isProgram reports whether a file extension is that of something to install.
func isProgram(ext []byte) bool {
	switch string(ext) {
	case "apk", "exe", "scr", "msi", "dmg", "pkg", "ipa", "jar", "bat", "ps1", "vbs", "hta", "iso", "mobileconfig":
		return true
	}
	return false
}

func lower(s []byte) {
	for i, c := range s {
		if 'A' <= c && c <= 'Z' {
			s[i] = c | 0x20
		}
	}
}
