package fleet

// EffectivePrivacy reports whether privacy is in effect on a device, so that a threat carries neither domain nor address.
// excludeURL is the admin's DefenderExcludeURLInReport; unsafeSiteInfo is the user's switch that lets details be sent after
// all, which only an unsupervised device shows, and only while excludeURL is true. So on a supervised device the admin alone
// decides.
//
// Source: MicrosoftDocs/defender-docs, ios-configure-features.md, 2025-02-06 (CC-BY-4.0).
func EffectivePrivacy(excludeURL, unsafeSiteInfo, supervised bool) bool {
	return excludeURL && (supervised || !unsafeSiteInfo)
}
