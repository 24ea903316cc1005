package privacy

// Settings is what admin and user chose for one device, as far as it decides what may be sent.
type Settings struct {
	Private      bool // effective privacy is on; see fleet.EffectivePrivacy
	OptionalDiag bool // the user allows optional diagnostic data
	FeedbackForm bool // the feedback form is offered
}
