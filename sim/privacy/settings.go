package privacy

// Settings is what admin and user chose for one device, as far as it decides what may be sent.
type Settings struct {
	Private      bool // effective privacy is on; see fleet.EffectivePrivacy
	OptionalDiag bool // the user allows optional diagnostic data
	FeedbackForm bool // the feedback form is offered

	// Open says that privacy is not in effect and was not when any event of the upload happened, so that what the setting
	// could withhold must be there.
	Open bool
}
