package scenario

// The format's part that says when: load and timeline. format.go explains the tags.

type rawLoad struct {
	Model       string     `json:"model,omitempty" default:"open" enum:"open|closed" jsonschema:"open: uploads come on schedule whatever the backend does; closed: each of concurrency senders waits for its answer"`
	Concurrency *int       `json:"concurrency,omitempty" range:"1..65535" jsonschema:"closed model: uploads under way at once"`
	Arrivals    string     `json:"arrivals,omitempty" enum:"poisson|even" jsonschema:"how uploads spread around a rate: at random, or with equal gaps. Without it poisson"`
	Phases      []rawPhase `json:"phases" jsonschema:"the run, in order"`
}

type rawPhase struct {
	Name    word     `json:"name" jsonschema:"unique"`
	Do      string   `json:"do,omitempty" default:"drive" enum:"drive|enroll|drain" jsonschema:"enroll: every device registers once, first of all; drive: devices live; drain: nothing new, last of all"`
	For     duration `json:"for" example:"60s" range:"100ms..30d" jsonschema:"wall time"`
	Measure *bool    `json:"measure,omitempty" jsonschema:"whether checks and figures include it; without it true for drive, false for the others"`
	Rate    *rawRate `json:"rate,omitempty" jsonschema:"uploads per second of the whole fleet, instead of clock.speed: a rate, a ramp, a sine or steps"`
}

type rawRamp struct {
	From rate `json:"from" example:"100/s" range:"0/s..1000000/s" jsonschema:"rate at the start of the phase"`
	To   rate `json:"to" example:"2000/s" range:"0/s..1000000/s" jsonschema:"rate at its end"`
}

type rawSine struct {
	Mean      rate     `json:"mean" example:"1000/s" range:"0.001/s..1000000/s" jsonschema:"mean rate"`
	Amplitude rate     `json:"amplitude" example:"500/s" range:"0/s..1000000/s" jsonschema:"how far above and below; at most the mean"`
	Period    duration `json:"period" example:"10m" range:"1s..30d" jsonschema:"time of one wave"`
}

type rawSteps struct {
	Steps []rawStep `json:"steps" jsonschema:"rates, each until the next"`
}

type rawStep struct {
	At   duration `json:"at" example:"0s" range:"0s..30d" jsonschema:"from the start of the phase; the first is 0s"`
	Rate rate     `json:"rate" example:"100/s" range:"0/s..1000000/s" jsonschema:"rate from then on"`
}

type rawEntry struct {
	Name    word        `json:"name" jsonschema:"unique, and no phase's name"`
	At      rawMoment   `json:"at" example:"day + 5m" jsonschema:"a phase that drives and how long after its start, in wall time, e.g. day or day + 5m. In a phase with a rate each partition of the fleet begins with its first upload after it. A variant that changes the length of the phase moves it in proportion"`
	For     *duration   `json:"for,omitempty" range:"1ms..30d" jsonschema:"wall time; without it to the end of the run. A release has none. A variant that changes the length of the phase changes it in proportion"`
	Select  *rawSelect  `json:"select,omitempty" jsonschema:"which devices; all that is given must hold. Without it all of them"`
	Change  *rawChange  `json:"change,omitempty" jsonschema:"rates and settings that replace those of the devices' behaviour and fleet; of several changes to one thing the one that began last counts"`
	Release *rawRelease `json:"release,omitempty" jsonschema:"a version that comes out; devices that can run it and have nothing newer take it by and by"`
	Fault   *rawFaults  `json:"fault,omitempty" jsonschema:"what drover itself lets go wrong on the way of these devices meanwhile, instead of client.faults; of several faults the one that began last counts"`
}

type rawSelect struct {
	Fleet   string   `json:"fleet,omitempty" jsonschema:"name of a fleet"`
	Cohort  string   `json:"cohort,omitempty" jsonschema:"name of a cohort, or fleet/cohort"`
	Tenant  string   `json:"tenant,omitempty" jsonschema:"a tenant by its fleet and its number there, the largest first, e.g. long-tail/1"`
	Percent *float64 `json:"percent,omitempty" range:"0.0001..100" jsonschema:"share of the devices, drawn by the entry's name: another name, other devices"`
}

type rawChange struct {
	HeartbeatEvery   *duration `json:"heartbeat.every,omitempty" range:"1s..365d" jsonschema:"as in behaviors; the jitter stays"`
	MemoryEvery      *duration `json:"memory.every,omitempty" range:"1s..365d" jsonschema:"the same"`
	AppInfoEvery     *duration `json:"appInfo.every,omitempty" range:"1s..365d" jsonschema:"the same"`
	AppActionPerDay  *float64  `json:"appAction.perDay,omitempty" range:"0..100000" jsonschema:"as in behaviors"`
	VisitPerDay      *float64  `json:"webVisit.perDay,omitempty" range:"0..100000" jsonschema:"as in behaviors"`
	MaliciousShare   *share    `json:"webVisit.maliciousShare,omitempty" range:"0%..100%" jsonschema:"as in behaviors; what would be malicious at a lower share is so at a higher one, too"`
	Bypass           *share    `json:"webVisit.bypass,omitempty" range:"0%..100%" jsonschema:"as in behaviors"`
	CrashPerDay      *float64  `json:"crash.perDay,omitempty" range:"0..100000" jsonschema:"as in behaviors; crash.more still multiplies it"`
	DiagnosticsEvery *duration `json:"diagnostics.every,omitempty" range:"1s..365d" jsonschema:"as in behaviors; the jitter stays"`
	FeedbackPerDay   *float64  `json:"feedback.perDay,omitempty" range:"0..100000" jsonschema:"as in behaviors"`
	OfflinePerDay    *float64  `json:"offline.perDay,omitempty" range:"0..1000" jsonschema:"as in behaviors"`
	ExcludeURL       *toggle   `json:"DefenderExcludeURLInReport,omitempty" jsonschema:"as in fleets. Each device keeps its place, so that a lower share switches some off and no other on. Where it is true when a threat is met or reported, the threat carries no domain and no address"`
	UnsafeInfo       *toggle   `json:"user.unsafe_site_info,omitempty" jsonschema:"the same"`
	OptionalDiag     *toggle   `json:"optionalDiagnostics,omitempty" jsonschema:"the same. Of devices whose user withdraws, what was not sent is removed and counted as withdrawn"`
	FeedbackData     *toggle   `json:"DefenderFeedbackData,omitempty" jsonschema:"the same"`
}

type rawRelease struct {
	App    string     `json:"app,omitempty" jsonschema:"a build of the Defender app, 1.1.MMDDBBPP: month since December 2019, day, build and patch. A device reports app.info when it takes it, and carries it from then on"`
	OS     string     `json:"os,omitempty" jsonschema:"a version of iOS that is in the catalogue. A device sends a heartbeat when it takes it, and carries it from then on"`
	Uptake *rawUptake `json:"uptake,omitempty" jsonschema:"per cent of the devices that have it by time after the release, in device time, e.g. {1d: 20, 2d: 40, 7d: 78}, evenly between; or at-once. Without it the curve of profiles/uptake.yaml for the app or for iOS"`
}
