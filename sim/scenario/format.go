package scenario

// The file format as written. Tags say everything about a field once:
//
//	json        its name; without omitempty and default it is required
//	jsonschema  its meaning, for the schema and the reference
//	default     its value when it is left out, in YAML; of a pointer to a struct: the values of the fields left out inside it
//	range       lowest and highest value, "1..100"
//	enum        the words it may be, "a|b"
//	keys        the names a table of shares may have
//	later       words or fields that are understood, and refused because their machinery does not exist yet
//	example     a value for the message when it is missing
//
// A nil pointer, slice or map is a field that was left out and has no default.

type rawFile struct {
	APIVersion string      `json:"apiVersion" enum:"drover/v1" jsonschema:"version of this language"`
	Kind       string      `json:"kind" enum:"Scenario" jsonschema:"what the file is"`
	Metadata   rawMetadata `json:"metadata" jsonschema:"what the scenario is called"`
	Spec       rawSpec     `json:"spec" jsonschema:"the run"`
}

type rawMetadata struct {
	Name        word   `json:"name" jsonschema:"short name; the run's folder is named after it"`
	Description string `json:"description,omitempty" jsonschema:"one line for people"`
}

type rawSpec struct {
	Seed      rawSeed                 `json:"seed,omitempty" default:"1" jsonschema:"a whole number that four independent streams of randomness are derived from; or each stream's own seed"`
	Clock     rawClock                `json:"clock,omitempty" jsonschema:"device time"`
	Params    map[string]*rawParam    `json:"params,omitempty" jsonschema:"values that --set can change; used as ${name}"`
	Target    rawTarget               `json:"target" jsonschema:"where uploads go, and how"`
	Privacy   rawPrivacy              `json:"privacy,omitempty" jsonschema:"what may be sent"`
	Web       rawWeb                  `json:"web,omitempty" jsonschema:"the web that devices visit"`
	Fleets    []rawFleet              `json:"fleets" jsonschema:"the devices, each fleet those of one or more tenants"`
	Behaviors map[string]*rawBehavior `json:"behaviors" jsonschema:"what devices do, by name; each must belong to a cohort"`
	Load      rawLoad                 `json:"load" jsonschema:"when uploads are made"`
	Checks    []rawCheck              `json:"checks,omitempty" default:"[]" jsonschema:"what must hold; each is told as pass, fail, inconclusive or not checked"`
	Variants  map[string]*rawVariant  `json:"variants,omitempty" jsonschema:"changes that --variant applies, by name"`
	_         struct{}                `later:"timeline"`
}

type rawClock struct {
	Start instant `json:"start,omitempty" default:"2026-05-04T00:00:00Z" jsonschema:"device time at the start of the run, with its zone; the default is a Monday"`
	Speed float64 `json:"speed,omitempty" default:"1" range:"0.001..100000" jsonschema:"device seconds per wall second in phases without a rate"`
}

type rawParam struct {
	Type    string `json:"type" enum:"url|string|int|duration|rate|share" jsonschema:"what the value must be"`
	Default *text  `json:"default,omitempty" jsonschema:"value without --set; a param without one must be set"`
}

type rawTarget struct {
	URL        string    `json:"url" example:"embedded" jsonschema:"http(s)://host[:port][/path], or embedded for the reference backend on a loopback port"`
	Adapter    string    `json:"adapter,omitempty" default:"drover" enum:"drover" later:"*" jsonschema:"how events map to requests"`
	AllowHosts []string  `json:"allowHosts,omitempty" default:"[]" jsonschema:"hosts, without a port, that may be contacted beside the loopback addresses"`
	Auth       rawAuth   `json:"auth,omitempty" jsonschema:"how uploads are authorised"`
	Client     rawClient `json:"client,omitempty" jsonschema:"how a device sends"`
	_          struct{}  `later:"readback"`
}

type rawAuth struct {
	Type       string     `json:"type,omitempty" default:"none" enum:"none|bearer" later:"oauth2" jsonschema:"bearer sends Authorization: Bearer with each upload"`
	TokenPer   string     `json:"tokenPer,omitempty" enum:"tenant|all" later:"device" jsonschema:"tenant: a JWT (HS256) for each tenant, signed with the secret; all: one token. Without it all"`
	TokenFrom  *rawSecret `json:"tokenFrom,omitempty" jsonschema:"where the token is read from; with tokenPer: all"`
	SecretFrom *rawSecret `json:"secretFrom,omitempty" jsonschema:"where the signing key is read from; with tokenPer: tenant"`
	_          struct{}   `later:"clientSecretFrom"`
}

type rawSecret struct {
	Env  string `json:"env,omitempty" jsonschema:"name of an environment variable"`
	File string `json:"file,omitempty" jsonschema:"path of a file"`
}

type rawClient struct {
	Connections string   `json:"connections,omitempty" default:"pooled" enum:"pooled" later:"per-device" jsonschema:"pooled: all devices share kept-alive connections"`
	MaxOpen     int      `json:"maxOpen,omitempty" default:"64" range:"1..65535" jsonschema:"most connections open at once"`
	Queue       int      `json:"queue,omitempty" default:"16384" range:"1..10000000" jsonschema:"most uploads waiting for a connection; one more is dropped and counted"`
	Timeout     duration `json:"timeout,omitempty" default:"10s" range:"1ms..1h" jsonschema:"wall time for one attempt, from its start to the whole answer"`
	Compression string   `json:"compression,omitempty" default:"none" enum:"none|gzip" later:"zstd" jsonschema:"of bodies"`
	Batch       rawBatch `json:"batch,omitempty" jsonschema:"how a device gathers events into an upload"`
	Retry       rawRetry `json:"retry,omitempty" jsonschema:"what happens to an upload that got no answer, 429 or 5xx"`
	Spool       rawSpool `json:"spool,omitempty" jsonschema:"what a device keeps while it is offline"`
}

type rawBatch struct {
	MaxEvents int      `json:"maxEvents,omitempty" default:"25" range:"1..1000" jsonschema:"an upload is sent when it has so many events"`
	MaxAge    duration `json:"maxAge,omitempty" default:"15m" range:"0s..7d" jsonschema:"or when its oldest event is so old, in device time; 0s: each event at once"`
	Urgent    []string `json:"urgent,omitempty" default:"[web.threat]" jsonschema:"kinds that are sent at once, with what is waiting"`
}

type rawRetry struct {
	MaxAttempts     int      `json:"maxAttempts,omitempty" default:"6" range:"1..100" jsonschema:"attempts at most, the first included; 1: no retry"`
	Base            duration `json:"base,omitempty" default:"1s" range:"1ms..1h" jsonschema:"bound of the first delay, in wall time; it doubles each time, and the delay is drawn evenly below it (full jitter)"`
	Cap             duration `json:"cap,omitempty" default:"60s" range:"1ms..1d" jsonschema:"bound of all delays"`
	HonorRetryAfter bool     `json:"honorRetryAfter,omitempty" default:"true" jsonschema:"wait at least as long as Retry-After asks"`
}

type rawSpool struct {
	MaxEvents int    `json:"maxEvents,omitempty" default:"500" range:"1..100000" jsonschema:"events kept per device"`
	WhenFull  string `json:"whenFull,omitempty" default:"drop-oldest" enum:"drop-oldest|drop-newest" jsonschema:"which event goes when one more comes"`
}

type rawPrivacy struct {
	Contract string   `json:"contract,omitempty" default:"mde" enum:"mde|mde-2024" later:"atp-2020" jsonschema:"the privacy contract that devices keep, as drover privacy prints it; mde-2024 knows devices by a GUID only"`
	_        struct{} `later:"canaries"`
}

type rawWeb struct {
	Benign    rawBenign    `json:"benign,omitempty" jsonschema:"ordinary sites; a visit to one stays on the device"`
	Malicious rawMalicious `json:"malicious,omitempty" jsonschema:"planted sites; a visit to one is detected and reported"`
}

type rawBenign struct {
	Popularity rawZipf `json:"popularity,omitempty" jsonschema:"how visits spread over sites"`
}

type rawZipf struct {
	Zipf float64 `json:"zipf,omitempty" default:"1.1" range:"0..5" jsonschema:"exponent of the popularity by rank; 0: all the same. That visits follow Zipf: Tossell et al., CHI 2012; the figure is an assumption"`
}

type rawMalicious struct {
	Mix weights `json:"mix,omitempty" default:"{phishing: 70, malware: 20, c2: 10}" keys:"phishing|malware|c2|scam" jsonschema:"shares of the kinds of malicious site, adding up to 100; the default is an assumption"`
}

type rawFleet struct {
	Name     word        `json:"name" jsonschema:"unique among fleets"`
	Tenants  rawTenants  `json:"tenants,omitempty" jsonschema:"the organisations that the devices belong to"`
	Devices  int         `json:"devices" example:"1000" range:"1..10000000" jsonschema:"how many; all fleets together 10,000,000 at most"`
	Identity rawIdentity `json:"identity,omitempty" jsonschema:"which identifiers devices carry"`
	Settings rawSettings `json:"settings,omitempty" jsonschema:"shares of devices whose admin or user switched something"`
	Cohorts  []rawCohort `json:"cohorts" jsonschema:"the parts of the fleet; their weights add up to 100"`
}

type rawTenants struct {
	Count int       `json:"count,omitempty" default:"1" range:"1..100000" jsonschema:"how many, at most one per device"`
	Sizes *rawSizes `json:"sizes,omitempty" jsonschema:"how devices spread over tenants; without it evenly"`
}

type rawSizes struct {
	Zipf float64 `json:"zipf" example:"1.2" range:"0..5" jsonschema:"exponent of the sizes by rank; 0: equal sizes"`
}

type rawIdentity struct {
	DeviceID  weights `json:"deviceId,omitempty" default:"{guid: 100}" keys:"guid|wifiMac" jsonschema:"shares of devices identified by a random GUID or by the Wi-Fi MAC address, adding up to 100; since 2024-07 Microsoft's privacy text names only the GUID"`
	UPNDomain string  `json:"upnDomain,omitempty" jsonschema:"domain of user names, under .example, .test or .invalid; without it the fleet's name under .example. With several tenants each has a sub-domain"`
}

type rawSettings struct {
	ExcludeURL   toggle   `json:"DefenderExcludeURLInReport,omitempty" default:"{true: 0, false: 100}" jsonschema:"true: threats carry no domain and no address. False is the product's default"`
	UnsafeInfo   toggle   `json:"user.unsafe_site_info,omitempty" default:"{true: 0, false: 100}" jsonschema:"true: the user lets domain and address be sent after all; shares of the users who see the switch: DefenderExcludeURLInReport is true and the device is not supervised"`
	Supervised   toggle   `json:"supervised,omitempty" default:"{true: 0, false: 100}" jsonschema:"true: the device is supervised; the default is an assumption"`
	OptionalDiag toggle   `json:"optionalDiagnostics,omitempty" default:"{true: 32, false: 68}" jsonschema:"true: the user allows optional diagnostic data. 32 % of users of one app shared diagnostics (Apple developer forum thread 25491, 2015)"`
	FeedbackData toggle   `json:"DefenderFeedbackData,omitempty" default:"{true: 100, false: 0}" jsonschema:"true: the feedback form is offered, the product's default"`
	_            struct{} `later:"DefenderNetworkProtectionPrivacy|DefenderTVMPrivacyMode"`
}

type rawCohort struct {
	Name     word    `json:"name" jsonschema:"unique in its fleet"`
	Weight   float64 `json:"weight" example:"100" range:"0..100" jsonschema:"share of the fleet's devices"`
	Profile  string  `json:"profile" example:"enterprise-iphone" jsonschema:"name of a shipped device profile: its models, iOS and app versions, languages"`
	OS       weights `json:"os,omitempty" jsonschema:"shares of iOS versions, adding up to 100; without it the profile's"`
	Behavior string  `json:"behavior" example:"office" jsonschema:"name of a behaviour"`
}

type rawBehavior struct {
	Extends string     `json:"extends,omitempty" jsonschema:"name of a behaviour to start from; what is written here replaces its fields"`
	Day     rawDay     `json:"day,omitempty" jsonschema:"when in a day things happen"`
	Offline rawOffline `json:"offline,omitempty" jsonschema:"when a device has no network"`
	Events  rawEvents  `json:"events,omitempty" jsonschema:"what happens; an event that is left out never does, and {} takes the default figures"`
}

type rawDay struct {
	Shape     rawShape `json:"shape,omitempty" default:"consumer" jsonschema:"name of a day shape (always-on, consumer, office-hours, tablet), or 24 numbers: relative activity by local hour"`
	Weekend   *float64 `json:"weekend,omitempty" range:"0..100" jsonschema:"activity on Saturday and Sunday against a weekday; without it the shape's own"`
	Timezones weights  `json:"timezones,omitempty" default:"{UTC: 100}" jsonschema:"shares of IANA time zones, adding up to 100"`
}

type rawOffline struct {
	PerDay  float64    `json:"perDay,omitempty" default:"0" range:"0..1000" jsonschema:"windows per device and day, at random"`
	Lasting rawLasting `json:"lasting,omitempty" jsonschema:"their length: log-normal"`
}

type rawLasting struct {
	Median duration `json:"median,omitempty" default:"20m" range:"1s..7d" jsonschema:"half are shorter; the default is an assumption"`
	P95    duration `json:"p95,omitempty" default:"2h" range:"1s..30d" jsonschema:"95 % are shorter; at least the median; the default is an assumption"`
}

type rawEvents struct {
	Heartbeat   *rawPeriodic `json:"heartbeat,omitempty" default:"{every: 1h, jitter: 10%}" jsonschema:"device information; hourly is published for DeviceInfo"`
	Memory      *rawPeriodic `json:"memory,omitempty" default:"{every: 1h, jitter: 10%}" jsonschema:"memory use of the app and its extension; the default is an assumption"`
	AppInfo     *rawPeriodic `json:"appInfo,omitempty" default:"{every: 1d, jitter: 10%}" jsonschema:"name, version and upgrade status of the app; the default is an assumption"`
	AppAction   *rawPeriodic `json:"appAction,omitempty" default:"{perDay: 0.3}" jsonschema:"something done in the app; 0.3 opens a day is an assumption"`
	WebVisit    *rawWebVisit `json:"webVisit,omitempty" default:"{perDay: 40, maliciousShare: 0.005%, bypass: 4%}" jsonschema:"a page visited; only a malicious one is reported, as web.threat"`
	Crash       *rawCrash    `json:"crash,omitempty" default:"{perDay: 0.00615, mix: {jetsam: 55, sigabrt: 25, watchdog: 20}}" jsonschema:"a crash of the app or its extension; 0.05 % of 0.3 sessions a day (Instabug 2024: 99.95 % crash-free) and 6 extension kills per 1,000 device-days (assumption)"`
	Diagnostics *rawPeriodic `json:"diagnostics,omitempty" default:"{every: 1d}" jsonschema:"optional diagnostic data, of devices that allow it; the default is an assumption"`
	Feedback    *rawPeriodic `json:"feedback,omitempty" default:"{perDay: 0.00005}" jsonschema:"feedback sent by the user, of devices that are offered the form; 1.5 per 1,000 users and month is an assumption"`
}

// often says how often something happens: every (with jitter) or perDay, never both.
type often struct {
	Every  *duration `json:"every,omitempty" range:"1s..365d" jsonschema:"period, in device time; each device has its own phase"`
	Jitter *share    `json:"jitter,omitempty" range:"0%..100%" jsonschema:"each is late by up to this share of every; without it 0%"`
	PerDay *float64  `json:"perDay,omitempty" range:"0..100000" jsonschema:"mean count per device and day, at random and shaped by the day; instead of every"`
}

type rawPeriodic struct{ often }

type rawWebVisit struct {
	often
	MaliciousShare share `json:"maliciousShare,omitempty" range:"0%..100%" jsonschema:"share of visits that go to a planted site; 0.005 % follows from 26 % of iOS devices meeting phishing in a year (Lookout 2024)"`
	Bypass         share `json:"bypass,omitempty" range:"0%..100%" jsonschema:"share of detections that the user overrides; 4 % is an assumption"`
}

type rawCrash struct {
	often
	Mix  weights    `json:"mix,omitempty" keys:"jetsam|sigabrt|watchdog|sigsegv|sigtrap" jsonschema:"shares of the reasons, adding up to 100; the default is an assumption"`
	More []rawTimes `json:"more,omitempty" jsonschema:"iOS versions that crash more often"`
}

type rawTimes struct {
	OS    string  `json:"os" example:"26.4.1" jsonschema:"iOS version"`
	Times float64 `json:"times" example:"6" range:"0..1000" jsonschema:"factor of the crash rate"`
}

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

type rawCheck struct {
	Name      word          `json:"name" jsonschema:"unique"`
	Metric    string        `json:"metric,omitempty" jsonschema:"what is measured: response_time, service_time, send_lag, failed, refused, dropped, accepted, retries or throughput"`
	Where     *rawWhere     `json:"where,omitempty" jsonschema:"which uploads; without a phase those of all measured phases"`
	Expect    string        `json:"expect,omitempty" jsonschema:"what must hold of the metric, e.g. p99 <= 250ms, rate <= 0.1%, count == 0, per_second >= 950"`
	Verdicts  *rawVerdicts  `json:"verdicts,omitempty" jsonschema:"the backend's verdicts against the reference classifier's"`
	Generator *rawGenerator `json:"generator,omitempty" jsonschema:"whether the harness itself kept up"`
	Count     *rawCount     `json:"count,omitempty" jsonschema:"accepted events by kind against what the backend says it counted"`
	Privacy   *rawAudit     `json:"privacy,omitempty" jsonschema:"all uploads against the privacy contract, as drover audit looks at them; costs about 4 µs of CPU for each, 0.5 ms for one with a crash report"`
	OnFail    string        `json:"onFail,omitempty" default:"fail" enum:"fail|inconclusive" jsonschema:"what a failure counts as"`
	_         struct{}      `later:"reconcile"`
}

type rawWhere struct {
	Op     string   `json:"op,omitempty" enum:"enroll|upload" jsonschema:"operation"`
	Phase  string   `json:"phase,omitempty" jsonschema:"name of a phase"`
	Fleet  string   `json:"fleet,omitempty" jsonschema:"name of a fleet"`
	Cohort string   `json:"cohort,omitempty" jsonschema:"name of a cohort, or fleet/cohort"`
	Tenant string   `json:"tenant,omitempty" jsonschema:"id of a tenant, as drover devices shows it"`
	Class  string   `json:"class,omitempty" jsonschema:"how the last attempt ended, e.g. ok, timeout, reset, 5xx"`
	_      struct{} `later:"outside"`
}

type rawVerdicts struct {
	Agreement   string `json:"agreement,omitempty" jsonschema:"share of verdicts that agree on malicious or benign, e.g. \">= 99.5%\""`
	Missed      string `json:"missed,omitempty" jsonschema:"share that the backend calls benign and the reference malicious"`
	FalseAlarms string `json:"falseAlarms,omitempty" jsonschema:"share that the backend calls malicious and the reference benign"`
	AtLeast     int    `json:"atLeast,omitempty" default:"1" range:"1..1000000000" jsonschema:"fewer verdicts prove nothing: inconclusive"`
}

type rawGenerator struct {
	SendLag  string `json:"sendLag,omitempty" jsonschema:"bound on the harness's own lateness, e.g. p99 <= 20ms"`
	Dropped  *int   `json:"dropped,omitempty" range:"0..1000000000" jsonschema:"uploads never sent, at most"`
	Achieved string `json:"achieved,omitempty" jsonschema:"uploads sent, of those due, e.g. \">= 99%\""`
}

type rawCount struct {
	Missing int `json:"missing,omitempty" default:"0" range:"0..1000000000" jsonschema:"accepted events that the backend does not count, at most"`
	Surplus int `json:"surplus,omitempty" default:"0" range:"0..1000000000" jsonschema:"events that the backend counts and nobody sent, at most"`
}

type rawAudit struct {
	Violations int `json:"violations,omitempty" default:"0" range:"0..1000000000" jsonschema:"broken invariants, at most"`
}

type rawVariant struct {
	Scale   *float64                   `json:"scale,omitempty" range:"0.000001..1000" jsonschema:"factor of the devices of each fleet, of every rate and of concurrency"`
	Devices map[string]*int            `json:"devices,omitempty" range:"1..10000000" jsonschema:"devices by fleet, instead of the fleet's own times scale"`
	Phases  map[string]*rawPhaseChange `json:"phases,omitempty" jsonschema:"changes to phases, by name"`
}

type rawPhaseChange struct {
	For     *duration `json:"for,omitempty" range:"100ms..30d" jsonschema:"wall time"`
	Measure *bool     `json:"measure,omitempty" jsonschema:"whether checks and figures include it"`
	Rate    *rawRate  `json:"rate,omitempty" jsonschema:"rate of uploads; scale does not change it"`
}
