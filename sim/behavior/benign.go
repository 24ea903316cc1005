package behavior

import "drover/sim/event"

// favouriteSites is how many benign sites a user keeps coming back to; an assumption.
const favouriteSites = 16

// benignShares are the shares of visits by pattern; assumptions. More than three in ten are of the sort that classifiers find
// hard: login pages, random names of content delivery, shared hosting.
var benignShares = [...]PatternShare{
	{Value: event.Plain, Weight: 36}, {Value: event.Article, Weight: 28}, {Value: event.CDN, Weight: 12},
	{Value: event.UserSite, Weight: 6}, {Value: event.LoginPage, Weight: 18},
}

// benignKinds gives each rank of popularity, of which these are the weights, a pattern, such that the shares hold among visits and not
// only among sites: each rank has the pattern that lacks most of its share so far.
func benignKinds(weights []float64) []event.Pattern {
	kinds := make([]event.Pattern, len(weights))
	var total float64
	for _, s := range benignShares {
		total += s.Weight
	}
	var share, have [len(benignShares)]float64
	for i, s := range benignShares {
		share[i] = s.Weight / total
	}
	var sum float64
	for rank, w := range weights {
		sum += w
		best, lacks := 0, share[0]*sum-have[0]
		for i := 1; i < len(share); i++ {
			if l := share[i]*sum - have[i]; l > lacks {
				best, lacks = i, l
			}
		}
		have[best] += w
		kinds[rank] = benignShares[best].Value
	}
	return kinds
}

// rank draws the benign site of a visit: a favourite of the user's own, or any by popularity. Favourites are drawn by
// popularity too, so the popularity of sites stays what it is.
func (h *Hosts) rank(self uint64, d *draws) uint64 {
	if d.unit() < h.sites.Revisits {
		f := newDraws(self, drawUser, userFavourite, h.favourites.rank(d))
		return h.popularity.rank(&f)
	}
	return h.popularity.rank(d)
}

// benign appends the host of the benign site with a rank, of a kind. A benign registrable name is one or two ordinary words, or a brand
// alone, and a host on shared hosting has two words.
func benign(dst []byte, seed, rank uint64, kind event.Pattern) []byte {
	d := newDraws(seed, drawVisit, 1, rank)
	switch kind {
	case event.Article:
		switch u := d.next() % 10; {
		case u < 5:
			dst = append(dst, "www."...)
		case u < 7:
			dst = append(word(dst, &d, pressParts), '.')
		}
		dst = word(dst, &d, plainWords)
		dst = word(dst, &d, pressWords)
		return word(dst, &d, benignSuffixes)
	case event.CDN:
		if d.next()%2 == 0 { // a customer's name at a provider
			dst = append(dst, 'd')
			dst = append(random(dst, &d, lettersAndDigits, 9+int(d.next()%5)), '.')
			return word(dst, &d, cdnProviders)
		}
		dst = word(dst, &d, cdnParts)
		if d.next()%2 == 0 {
			dst = append(dst, '-')
			dst = random(dst, &d, "0123456789abcdef", 4+int(d.next()%5))
		}
		dst = append(dst, '.')
	case event.UserSite:
		dst = word(dst, &d, plainWords)
		if d.next()%3 == 0 {
			dst = append(dst, '-')
		}
		dst = append(word(dst, &d, plainWords), '.')
		return word(dst, &d, hostingProviders)
	case event.LoginPage:
		dst = append(word(dst, &d, hardParts), '.')
		if d.next()%2 == 0 {
			dst = word(dst, &d, brands)
			return word(dst, &d, benignSuffixes)
		}
	default:
		switch u := d.next() % 20; {
		case u < 8:
			dst = append(dst, "www."...)
		case u < 12:
			dst = append(word(dst, &d, plainParts), '.')
		case u < 14:
			dst = word(dst, &d, brands)
			return word(dst, &d, benignSuffixes)
		case u < 15: // an ordinary site under a suffix that is mostly abused
			dst = word(dst, &d, plainWords)
			dst = word(dst, &d, plainWords)
			return word(dst, &d, abusedSuffixes)
		}
	}
	dst = word(dst, &d, plainWords)
	if u := d.next() % 8; u < 6 {
		if u == 0 {
			dst = append(dst, '-')
		}
		dst = word(dst, &d, plainWords)
	}
	return word(dst, &d, benignSuffixes)
}

// assets are folders of content delivery and what lies there.
var assets = [...][2]string{
	{"/static/js/", ".js"}, {"/_next/static/chunks/", ".js"}, {"/assets/", ".css"}, {"/i/", ".webp"}, {"/media/2026/", ".jpg"}, {"/fonts/", ".woff2"}, {"/v/", ".mp4"},
}

// page appends the path of a benign page.
func page(dst []byte, d *draws, kind event.Pattern) []byte {
	switch kind {
	case event.Article:
		if d.next()%2 == 0 {
			dst = append(dst, "/2026/0"...)
			dst = append(dst, '1'+byte(d.next()%5))
		} else {
			dst = append(dst, '/')
			dst = word(dst, d, sections)
		}
		dst = append(dst, '/')
		for range 3 + d.next()%4 {
			dst = append(word(dst, d, plainWords), '-')
		}
		return number(dst, d, 5)
	case event.CDN:
		asset := assets[d.next()%uint64(len(assets))]
		dst = append(dst, asset[0]...)
		dst = random(dst, d, "0123456789abcdef", 8+int(d.next()%12))
		return append(dst, asset[1]...)
	case event.LoginPage:
		switch u := d.next() % 16; {
		case u < 2:
			return random(append(dst, "/oauth/authorize?response_type=code&client_id="...), d, "0123456789abcdef", 12)
		case u < 3:
			return append(dst, "/account/password"...)
		}
		return word(dst, d, []string{"/", "/login", "/signin", "/login?next=%2F", "/signin?continue=%2Faccount", "/session/new", "/auth/realms/main"})
	}
	switch u := d.next() % 10; {
	case u < 4:
		return append(dst, '/')
	case u < 7:
		return word(append(dst, '/'), d, sections)
	case u < 8:
		dst = append(dst, "/search?q="...)
		dst = append(word(dst, d, plainWords), '+')
		return word(dst, d, plainWords)
	}
	dst = append(word(append(dst, '/'), d, sections), '/')
	return word(dst, d, plainWords)
}
