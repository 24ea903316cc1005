package event

// Feature is one thing that an admin configures of the product (diag.features). Only documented keys exist, and of these only
// those whose value changes nothing that is simulated, or that follow from what is.
//
// Source: MicrosoftDocs/defender-docs, ios-configure-features.md, 2025-02-06 (CC-BY-4.0). Left out are DefenderDeviceTag, a
// text of the organisation's own, and the keys of the VPN profile, which are not the app's.
type Feature uint8

const (
	WebProtection Feature = iota
	NetworkProtection
	OpenNetworkDetection
	EndUserTrustFlow
	NetworkAutoRemediation
	NetworkPrivacy
	ExcludeURLInReport
	OptionalVPN
	TVMPrivacy
	DisableSignOut
	SuppressOSUpdateNotification
	FeedbackData
	Supervised
	NumFeatures // how many there are; not a feature
)

// Form is how a feature's value is written.
type Form uint8

const (
	TextBool Form = iota // "true" or "false"
	Bool                 // true or false
	Level                // a whole number from 0 to 2
)

// featureTable has the keys as documented, and the forms of their values.
var featureTable = [NumFeatures]struct {
	key  string
	form Form
}{
	WebProtection:                {"WebProtection", TextBool},
	NetworkProtection:            {"DefenderNetworkProtectionEnable", TextBool},
	OpenNetworkDetection:         {"DefenderOpenNetworkDetection", Level},
	EndUserTrustFlow:             {"DefenderEndUserTrustFlowEnable", TextBool},
	NetworkAutoRemediation:       {"DefenderNetworkProtectionAutoRemediation", TextBool},
	NetworkPrivacy:               {"DefenderNetworkProtectionPrivacy", TextBool},
	ExcludeURLInReport:           {"DefenderExcludeURLInReport", Bool},
	OptionalVPN:                  {"DefenderOptionalVPN", Bool},
	TVMPrivacy:                   {"DefenderTVMPrivacyMode", TextBool},
	DisableSignOut:               {"DisableSignOut", TextBool},
	SuppressOSUpdateNotification: {"SuppressOSUpdateNotification", TextBool},
	FeedbackData:                 {"DefenderFeedbackData", Bool},
	Supervised:                   {"issupervised", TextBool},
}

// Key returns the feature's documented key, e.g. "DefenderOptionalVPN".
func (f Feature) Key() string { return featureTable[f].key }

// Form returns how its value is written.
func (f Feature) Form() Form { return featureTable[f].form }

// Features are the values of an admin's configuration: 0 or 1 for false and true, 0 to 2 for a Level.
type Features [NumFeatures]uint8

// Browsers is a set of Browser names: bit i stands for BrowserNames[i].
type Browsers uint8

// BrowserNames are the browsers that a device may have (diag.browsers). The texts say "basic information about the
// browsers" and no more; that it is the names is our choice.
var BrowserNames = [...]string{"Safari", "Chrome", "Edge", "Firefox", "DuckDuckGo", "Brave"}
