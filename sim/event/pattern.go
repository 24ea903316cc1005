package event

// Pattern is how the address of a visited site is made: what there is to see in its URL. The set is closed.
type Pattern uint8

const (
	// Of benign sites.
	Plain     Pattern = iota // ordinary words
	Article                  // a page with a long path
	CDN                      // random names of content delivery
	UserSite                 // somebody's site on shared hosting
	LoginPage                // where users sign in

	// Of malicious sites.
	Combosquat    // a brand and words that lure
	Subdomain     // a brand's domain as the sub-domain of another one
	Typosquat     // a brand that is spelt wrong
	Homoglyph     // a brand with a letter of another script, in punycode
	SharedHosting // a brand on shared hosting
	Compromised   // a malicious path on a benign host: the host alone tells nothing
	TokenQuery    // a throw-away host and a query that identifies the victim
	DGALetters    // random letters, as malware makes them by an algorithm
	DGAWords      // random words, in the same way
	Bait          // downloads and prizes
	NumPatterns
)

var patternNames = [NumPatterns]string{
	"plain", "article", "cdn", "userSite", "loginPage",
	"combosquat", "subdomain", "typosquat", "homoglyph", "sharedHosting", "compromised", "tokenQuery", "dgaLetters", "dgaWords", "bait",
}

// String returns the pattern's name as written in scenarios, e.g. "combosquat".
func (p Pattern) String() string {
	if p < NumPatterns {
		return patternNames[p]
	}
	return "unknown"
}

// ParsePattern is the inverse of String.
func ParsePattern(name string) (Pattern, bool) {
	for i, n := range patternNames {
		if n == name {
			return Pattern(i), true
		}
	}
	return 0, false
}

// Malicious reports whether it is a pattern of malicious sites.
func (p Pattern) Malicious() bool { return p >= Combosquat && p < NumPatterns }
