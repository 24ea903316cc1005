// Package fleet knows who: the catalogue of models and releases, fleets and their cohorts, tenants, partitions, and the
// identity of device i. It knows nothing of events, rates or formats.
package fleet

import (
	"encoding/binary"
	"slices"
	"time"
)

// Share is one option of a weighted choice. Only the ratio of weights within a list counts.
type Share[T any] struct {
	Value  T
	Weight float64
}

// Model is one hardware model.
type Model struct {
	ID         string // identifier, e.g. "iPhone15,2"
	Family     string // "iPhone" or "iPad"
	Name       string // marketing name, e.g. "iPhone 14 Pro"
	SoC        string // e.g. "A16 Bionic"
	Arch       string // arm64 or arm64e
	Cores      int
	RAMMiB     int
	Released   time.Time
	FirstMajor int // marketing majors: 15, 16, 17, 18, 26, 27
	LastMajor  int
	Cellular   bool
}

// Release is one public release of iOS and/or iPadOS.
type Release struct {
	Version     string
	Build       string
	Major       int
	Date        time.Time // zero when not known
	IOS, IPadOS bool
	OnlyDevices []string // model identifiers; empty means every model whose majors include it
}

// Catalogue is the facts about the world that identities are drawn from.
type Catalogue struct {
	Models   []Model
	Releases []Release
	OUIs     [][3]byte // IEEE MA-L assignments of Apple
}

// Profile says how a kind of device is built. Model names are marketing names; one name may stand for several models.
type Profile struct {
	Name        string
	Description string
	Models      []Share[string]
	OS          []Share[string] // versions; a cohort may override them
	AppVersions []Share[string] // builds of the Defender app, 1.1.MMDDBBPP
	Locales     []Share[string] // BCP 47, e.g. "de-DE"
}

// Tenants says how the devices of a fleet are spread over customer organisations.
type Tenants struct {
	Count int     // at least 1
	Zipf  float64 // exponent of the sizes by rank; 0 means equal sizes
}

// Identity says which identifiers the devices of a fleet carry.
type Identity struct {
	GUID      float64 // share that is identified by a random GUID; the rest by Wi-Fi MAC. 0..1
	UPNDomain string  // domain of the user principal names, e.g. "contoso.example"
}

// Settings are the shares of devices, 0..1, whose admin or user switched something.
// Source: privacy catalogue; keys as in ios-configure-features.md of 2025-02-06.
type Settings struct {
	ExcludeURLInReport  float64 // DefenderExcludeURLInReport is true: a threat carries no domain and no address
	UnsafeSiteInfo      float64 // of users who see the switch: let the details be sent after all; see EffectivePrivacy
	Supervised          float64 // supervised devices, whose users do not see the switch
	OptionalDiagnostics float64 // the user allows optional diagnostic data
	FeedbackData        float64 // DefenderFeedbackData is true: the feedback form is offered
	NetworkPrivacy      float64 // DefenderNetworkProtectionPrivacy is true
	TVMPrivacy          float64 // DefenderTVMPrivacyMode is true
}

// Spec is one fleet of a scenario.
type Spec struct {
	Name     string
	Tenants  Tenants
	Devices  int
	Identity Identity
	Settings Settings
	Cohorts  []CohortSpec
}

// CohortSpec is the devices of a fleet that share a profile and a behaviour.
type CohortSpec struct {
	Name      string
	Weight    float64 // share of the fleet's devices; the weights of a fleet add up to 100
	Profile   Profile
	OS        []Share[string] // empty: the profile's
	Timezones []Share[string] // IANA names; empty: UTC
	Settings  *Settings       // nil: the fleet's
}

// Cohort is a cohort with its place in the whole fleet. Devices are numbered 0..n-1 over all fleets and cohorts, in
// file order; a cohort's are First..First+Count-1.
type Cohort struct {
	Fleet string
	Name  string
	First int
	Count int
}

// Tenant is one customer organisation.
type Tenant struct {
	Fleet   string
	ID      GUID // directory tenant id
	OrgID   GUID // organisation id of the product
	Devices int
}

// GUID is 16 random bytes with the version and variant bits of a version 4 UUID (RFC 9562).
type GUID [16]byte

// String returns the lower-case form with hyphens.
func (g GUID) String() string { return string(g.AppendText(nil)) }

// AppendText appends the form of String to dst. An upload has seven GUIDs, so that their digits are written in pairs, and where they go; a loop over
// the places takes twice as long.
func (g GUID) AppendText(dst []byte) []byte {
	n := len(dst)
	dst = slices.Grow(dst, 36)[:n+36]
	text := (*[36]byte)(dst[n:])
	pair := func(at, i int) { binary.LittleEndian.PutUint16(text[at:], hexPairs[g[i]]) }
	pair(0, 0)
	pair(2, 1)
	pair(4, 2)
	pair(6, 3)
	text[8] = '-'
	pair(9, 4)
	pair(11, 5)
	text[13] = '-'
	pair(14, 6)
	pair(16, 7)
	text[18] = '-'
	pair(19, 8)
	pair(21, 9)
	text[23] = '-'
	pair(24, 10)
	pair(26, 11)
	pair(28, 12)
	pair(30, 13)
	pair(32, 14)
	pair(34, 15)
	return dst
}

// hexPairs are the two digits of each byte in lower case, the first in the lower half.
var hexPairs = func() (t [256]uint16) {
	const digits = "0123456789abcdef"
	for i := range t {
		t[i] = uint16(digits[i>>4]) | uint16(digits[i&15])<<8
	}
	return t
}()

// Device is the identity of one device, filled by Fleet.Device. It may be copied and kept.
type Device struct {
	Index    int // over the whole fleet
	Cohort   int // index into Fleet.Cohorts
	Tenant   int // index into Fleet.Tenants
	HasMAC   bool
	GUID     GUID    // when !HasMAC
	MAC      [6]byte // when HasMAC
	EntraID  GUID    // Microsoft Entra device id
	UserID   GUID
	UPN      UPN
	TenantID GUID
	OrgID    GUID
	Model    *Model
	OS       *Release
	App      string // version of the Defender app
	Locale   string
	Timezone *time.Location

	AdminExcludeURL bool // DefenderExcludeURLInReport
	UnsafeSiteInfo  bool // the user saw the switch and used it
	Supervised      bool
	ExcludeURL      bool // effective privacy, which follows from these: no domain, no address in threats

	OptionalDiag bool
	FeedbackForm bool

	// Switches about data that the privacy texts do not name and that is never collected: they show in diag.features only.
	NetworkPrivacy bool // DefenderNetworkProtectionPrivacy
	TVMPrivacy     bool // DefenderTVMPrivacyMode
}
