package sim

import (
	"drover/sim/fleet"
	"drover/sim/privacy"
)

// SettingsOf is what a device's admin and user chose, as an audit needs it.
func SettingsOf(d *fleet.Device) privacy.Settings {
	return privacy.Settings{Private: d.ExcludeURL, OptionalDiag: d.OptionalDiag, FeedbackForm: d.FeedbackForm}
}
