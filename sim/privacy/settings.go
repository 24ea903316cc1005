package privacy

// Settings is what admin and user chose for one device, as far as it decides what may be sent.
type Settings struct {
	Private      bool // effective privacy is on; see Effective
	OptionalDiag bool // the user allows optional diagnostic data
	FeedbackForm bool // the feedback form is offered
}

// Effective reports whether privacy is in effect on a device, so that a threat carries neither domain nor address.
// excludeURL is the admin's DefenderExcludeURLInReport; unsafeSiteInfo is the user's switch that lets details be sent after
// all, which an unsupervised device shows only while excludeURL is true. So on a supervised device the admin alone decides.
//
// Source: MicrosoftDocs/defender-docs, ios-configure-features.md, 2025-02-06 (CC-BY-4.0).
func Effective(excludeURL, unsafeSiteInfo, supervised bool) bool {
	return excludeURL && (supervised || !unsafeSiteInfo)
}
