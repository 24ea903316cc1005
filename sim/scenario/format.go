package scenario

// The file format as written. Tags say everything about a field once:
//
//	json        its name; without omitempty and default it is required
//	jsonschema  its meaning, for the schema and the reference
//	default     its value when it is left out, in YAML; of a pointer to a struct: the values of the fields left out inside it
//	range       lowest and highest value, "1..100"
//	enum        the words it may be, "a|b"
//	keys        the names a table of shares may have
//	later       fields that are understood, and refused because their machinery does not exist yet
//	example     a value for the message when it is missing, or no plain value
//	plain       how to mend it when it is no plain value, where an example would not say it
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
	Timeline  []rawEntry              `json:"timeline,omitempty" jsonschema:"what changes while the run goes on; open model only"`
	Checks    []rawCheck              `json:"checks,omitempty" default:"[]" jsonschema:"what must hold; each is told as pass, fail, inconclusive or not checked"`
	Variants  map[string]*rawVariant  `json:"variants,omitempty" jsonschema:"changes that --variant applies, by name"`
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
	URL        string       `json:"url" example:"embedded" jsonschema:"http(s)://host[:port][/path], embedded for the reference backend on a loopback port, or another protocol's: grpc(s)://host[:port], file:PATH, stdout, discard, syslog://host:port, nats://host:port, mqtt://host:port, kafka://host:port; see drover help protocols"`
	Adapter    rawAdapter   `json:"adapter,omitempty" default:"drover" jsonschema:"how events map to requests; without it drover over HTTP, and events over other protocols: a preset (drover adapters lists them), a file, or the mapping itself; see drover help adapters"`
	Format     string       `json:"format,omitempty" default:"native" enum:"native|cloudevents|cloudevents-batch|ocsf|ecs|mde|otlp|otlp-json" jsonschema:"how events are written where the adapter says body: format or ${event.doc}, as drover's own does; see drover help formats"`
	AllowHosts []string     `json:"allowHosts,omitempty" default:"[]" jsonschema:"hosts, without a port, that may be contacted beside the loopback addresses"`
	TLS        *rawTLS      `json:"tls,omitempty" jsonschema:"over https: whom to trust, and which versions; with url: embedded the reference backend then speaks https by a certificate of its own"`
	Auth       rawAuth      `json:"auth,omitempty" jsonschema:"how uploads are authorised"`
	Client     rawClient    `json:"client,omitempty" jsonschema:"how a device sends"`
	Defects    *rawDefects  `json:"defects,omitempty" jsonschema:"what the embedded backend does wrong, to see that the checks find it; each is counted, and shown by GET /v1/defects"`
	File       *rawSinkFile `json:"file,omitempty" jsonschema:"of url: file:PATH"`
	Syslog     *rawSyslog   `json:"syslog,omitempty" jsonschema:"of url: syslog://host:port and syslog+tls://host:port"`
	NATS       *rawNATS     `json:"nats,omitempty" jsonschema:"of url: nats://host:port and nats+tls://host:port"`
	MQTT       *rawMQTT     `json:"mqtt,omitempty" jsonschema:"of url: mqtt://host:port, mqtt+tls://host:port and mqtts://host:port"`
	Kafka      *rawKafka    `json:"kafka,omitempty" jsonschema:"of url: kafka://host:port and kafka+tls://host:port"`
	Readback   *rawReadback `json:"readback,omitempty" jsonschema:"how the backend shows, after the run, what it stored; without it reconcile is not checked"`
}

type rawReadback struct {
	Adapter       string       `json:"adapter" example:"drover-audit" plain:"write a name or a file there and the fields beside it, e.g. {adapter: http, request: '/events?run={run}', id: id}" jsonschema:"drover-audit: the API of drover's own backend; http: JSON over HTTP, as request and the fields after it say; or a preset for these fields (drover adapters lists them) or the file of one"`
	Settle        duration     `json:"settle,omitempty" default:"30s" range:"0s..1h" jsonschema:"how long to wait for what was acknowledged to be shown"`
	Foreign       bool         `json:"foreign,omitempty" default:"true" jsonschema:"with auth.tokenPer: tenant, read everything with each tenant's own credential as well, and with up to 64 of them, chosen by the seed, ask for another tenant's data by name: another tenant's event that is shown so is leaked"`
	Auth          *rawReadAuth `json:"auth,omitempty" jsonschema:"the credential that it is read by, when that is not target.auth's; then nothing is signed, and foreign tries nobody's"`
	Sample        *rate        `json:"sample,omitempty" range:"0.1/s..100/s" jsonschema:"look for so many of the acknowledged events while the run goes on, each again and again until it is shown, for up to settle: how long events take to be visible is then known better than from the looks after the run. Each look is a request to the backend"`
	SampleRequest string       `json:"sampleRequest,omitempty" jsonschema:"http, with sample: path and query that show one event, by {id}; {run} is replaced, too. An answer without the event, or 404, says that it is not visible"`
	URL           string       `json:"url,omitempty" jsonschema:"http: where request is below, when that is not target.url; / is the root of the server that target.url names; file:PATH is a file, which has no request"`
	Body          string       `json:"body,omitempty" jsonschema:"http: JSON to ask for a page by POST; {run}, {limit}, {cursor} and {offset} are replaced"`
	Start         string       `json:"start,omitempty" jsonschema:"http: {cursor} of the first page"`
	After         string       `json:"after,omitempty" jsonschema:"http: where {cursor} of the next page is in the last item of a page, as JSON has it"`
	Request       string       `json:"request,omitempty" jsonschema:"http: path and query of a page, below url; {run}, {limit}, {cursor} and {offset} are replaced"`
	TenantRequest string       `json:"tenantRequest,omitempty" jsonschema:"http: path and query of a page of one tenant's events, with {tenant} for its id: a tenant's own credential asks so for another tenant's; without it nobody asks by name"`
	Limit         *int         `json:"limit,omitempty" range:"1..100000" jsonschema:"http: what {limit} stands for; without it 1000"`
	Items         string       `json:"items,omitempty" jsonschema:"http: where the list of items is in the answer, as names, and indices in lists, joined by dots; without it the answer is NDJSON, an item a line, and read as it comes"`
	Next          string       `json:"next,omitempty" jsonschema:"http: where {cursor} of the next page is in the answer; without it pages go by {offset}, or there is only one"`
	Records       string       `json:"records,omitempty" enum:"otlp-json" jsonschema:"http: otlp-json: an item is an export request of OpenTelemetry logs in JSON, and each of its records that is of the run is an event, with id, tenant and contents"`
	ID            string       `json:"id,omitempty" jsonschema:"http: where the event's id is in an item"`
	Tenant        string       `json:"tenant,omitempty" jsonschema:"http: where the tenant's id is in an item; without it, and without event, nobody sees as whose an event is stored, so wrongTenant cannot pass; leaks are found by the events' ids all the same"`
	Device        string       `json:"device,omitempty" jsonschema:"http: where the id of the event's device is in an item, by device.id or account.device_id; another one's is altered"`
	Hash          string       `json:"hash,omitempty" jsonschema:"http: where the SHA-256 of the event's bytes as sent is in an item, in hex or base64, with or without sha256: before it; another one is altered. They are what the adapter writes of the event into the body (of drover's own API the object in events), without white space and commas around it"`
	Event         string       `json:"event,omitempty" jsonschema:"http: where the event as sent is in an item, alone or as a document with its envelope; or a text with that document; . is the item itself; without it contents are not checked"`
}

// rawDefects is target.defects, and the whole of a file for drover serve --defects.
type rawDefects struct {
	Seed              *int         `json:"seed,omitempty" range:"0..9007199254740991" jsonschema:"decides which events and requests are hit; without it the scenario's seed of faults, in a file of its own 1"`
	Lose              *rawDefect   `json:"lose,omitempty" jsonschema:"events that are acknowledged and not stored"`
	SwapTenant        *rawDefect   `json:"swapTenant,omitempty" jsonschema:"events that are stored as another tenant's"`
	Change            *rawDefect   `json:"change,omitempty" jsonschema:"events whose time is stored a millisecond off"`
	Truncate          *rawDefect   `json:"truncate,omitempty" jsonschema:"events of which the second half is cut off"`
	Delay             *rawLasts    `json:"delay,omitempty" jsonschema:"events that are not shown before for has passed"`
	Leak              *rawDefect   `json:"leak,omitempty" jsonschema:"events that another tenant's reader sees, too"`
	StoreTwice        *rawDefect   `json:"storeTwice,omitempty" jsonschema:"events that are stored a second time when they come again"`
	IgnoreIdempotency *rawDefect   `json:"ignoreIdempotency,omitempty" jsonschema:"events that are stored again each time they come again; count bounds the copies"`
	WrongVerdict      *rawDefect   `json:"wrongVerdict,omitempty" jsonschema:"detections that get the opposite verdict"`
	CleanWhenSlow     *rawLasts    `json:"cleanWhenSlow,omitempty" jsonschema:"detections that are called benign when their request has taken for already"`
	Throttle          *rawThrottle `json:"throttle,omitempty" jsonschema:"requests that are answered 429, each once"`
	Fail              *rawFail     `json:"fail,omitempty" jsonschema:"requests that are answered with an error, each once"`
	Stall             *rawLasts    `json:"stall,omitempty" jsonschema:"requests that wait for so long before they are looked at, each once"`
	Reset             *rawDefect   `json:"reset,omitempty" jsonschema:"requests whose connection is reset before anything is stored, each once"`
	DropAnswer        *rawDefect   `json:"dropAnswer,omitempty" jsonschema:"requests that are stored and whose connection is reset instead of an answer, each once"`
	SlowBody          *rawLasts    `json:"slowBody,omitempty" jsonschema:"requests whose answer takes for, each once"`
	Lie               *rawDefect   `json:"lie,omitempty" jsonschema:"requests that are answered 200 with every event refused inside, each once; nothing is stored"`
	Capacity          *rawCapacity `json:"capacity,omitempty" jsonschema:"a bound on requests per second; those beyond it are answered 429"`
	KeepWithdrawn     *rawDefect   `json:"keepWithdrawn,omitempty" jsonschema:"optional data that stays in store after its user took consent back"`
	AnswerForeign     *rawDefect   `json:"answerForeign,omitempty" jsonschema:"events that are shown to another tenant's credential that asks for their tenant by name"`
}

// rawDefect says how often a defect strikes.
type rawDefect struct {
	Share share `json:"share,omitempty" default:"100%" range:"0%..100%" jsonschema:"share of the events, or requests, that can be hit"`
	Count *int  `json:"count,omitempty" range:"1..1000000000" jsonschema:"most that are hit; without it there is no bound"`
}

type rawLasts struct {
	rawDefect
	For duration `json:"for,omitempty" default:"1s" range:"0s..1h" jsonschema:"wall time"`
}

type rawThrottle struct {
	rawDefect
	RetryAfter duration `json:"retryAfter,omitempty" default:"1s" range:"0s..1h" jsonschema:"Retry-After of the answer, in whole seconds; 0s: without one"`
}

type rawFail struct {
	rawDefect
	Status int `json:"status,omitempty" default:"503" range:"500..599" jsonschema:"status of the answer"`
}

type rawCapacity struct {
	Rate       rate     `json:"rate" example:"500/s" range:"0.1/s..1000000/s" jsonschema:"requests per second"`
	RetryAfter duration `json:"retryAfter,omitempty" default:"1s" range:"0s..1h" jsonschema:"Retry-After of the answer, in whole seconds; 0s: without one"`
}

type rawAuth struct {
	Type       string     `json:"type,omitempty" default:"none" enum:"none|bearer|oauth2|basic|header|token" jsonschema:"basic sends user and password; header a token in a header of any name; bearer sends Authorization: Bearer with each upload; oauth2 fetches the tokens by client credentials, and new ones before they expire or when they are refused; token does so by the adapter's own request, of each device"`
	TokenPer   string     `json:"tokenPer,omitempty" enum:"tenant|all|device" jsonschema:"bearer, tenant: a JWT (HS256) for each tenant, signed with the secret; oauth2: who has a token of its own; all: one token. Without it all"`
	TokenFrom  *rawSecret `json:"tokenFrom,omitempty" jsonschema:"where the token is read from; bearer with tokenPer: all, and header"`
	SecretFrom *rawSecret `json:"secretFrom,omitempty" jsonschema:"where the signing key is read from; bearer with tokenPer: tenant. token: where ${auth.secret} is read from"`

	User         string     `json:"user,omitempty" jsonschema:"basic: name of the user"`
	PasswordFrom *rawSecret `json:"passwordFrom,omitempty" jsonschema:"basic: where the password is read from"`
	Header       string     `json:"header,omitempty" jsonschema:"header and token: its name, e.g. X-Api-Key or Authorization; with token without it Authorization: Bearer"`
	Prefix       string     `json:"prefix,omitempty" jsonschema:"header and token: what stands before the token, e.g. Splunk and a blank"`
	Sign         *rawSign   `json:"sign,omitempty" jsonschema:"each attempt is signed by HMAC over its body as it is on the wire, beside whatever type says"`

	TokenURL         string     `json:"tokenURL,omitempty" jsonschema:"oauth2: http(s)://host[:port]/path of the token endpoint; the embedded backend has its own. token: what adapter.token.path is below when that is not target.url"`
	ClientID         string     `json:"clientId,omitempty" jsonschema:"oauth2: id of the client; {tenant} and {device} in it stand for their ids. The embedded backend knows its own"`
	ClientSecretFrom *rawSecret `json:"clientSecretFrom,omitempty" jsonschema:"oauth2: where the secret of all clients is read from"`
	Scope            string     `json:"scope,omitempty" jsonschema:"oauth2: scopes to ask for, with spaces between them"`
	Lifetime         *duration  `json:"lifetime,omitempty" range:"1s..30d" jsonschema:"oauth2 with url: embedded: how long its tokens last; without it 1h"`
}

type rawReadAuth struct {
	Type         string     `json:"type,omitempty" default:"none" enum:"none|bearer|basic|header" jsonschema:"none sends nothing; bearer Authorization: Bearer; basic a user and a password; header a token in a header of any name"`
	TokenFrom    *rawSecret `json:"tokenFrom,omitempty" jsonschema:"where the token is read from; bearer and header"`
	User         string     `json:"user,omitempty" jsonschema:"basic: name of the user"`
	PasswordFrom *rawSecret `json:"passwordFrom,omitempty" jsonschema:"basic: where the password is read from"`
	Header       string     `json:"header,omitempty" jsonschema:"header: its name, e.g. X-Api-Key or Authorization"`
	Prefix       string     `json:"prefix,omitempty" jsonschema:"header: what stands before the token, e.g. ApiKey and a blank"`
}

type rawSign struct {
	KeyFrom    *rawSecret `json:"keyFrom" example:"{env: SIGNING_KEY}" jsonschema:"where the key is read from"`
	Hash       string     `json:"hash,omitempty" default:"sha256" enum:"sha256|sha512" jsonschema:"of the HMAC"`
	Header     string     `json:"header,omitempty" default:"X-Signature" jsonschema:"header that the signature goes in"`
	Prefix     string     `json:"prefix,omitempty" jsonschema:"before it, e.g. sha256="`
	Encoding   string     `json:"encoding,omitempty" default:"hex" enum:"hex|base64" jsonschema:"how it is written"`
	TimeHeader string     `json:"timeHeader,omitempty" jsonschema:"header for the time of the attempt in Unix seconds; the time and a line feed are then signed before the rest"`
	Request    bool       `json:"request,omitempty" default:"false" jsonschema:"sign the method, path and query, too, each with a line feed, before the body"`
}

type rawSecret struct {
	Env  string `json:"env,omitempty" jsonschema:"name of an environment variable"`
	File string `json:"file,omitempty" jsonschema:"path of a file"`
}

type rawClient struct {
	HTTP        version    `json:"http,omitempty" default:"1.1" enum:"1.1|2" jsonschema:"version of HTTP; 2 puts many uploads on one connection, over TLS or, with an http url, by prior knowledge"`
	Proxy       string     `json:"proxy,omitempty" jsonschema:"http://host:port of a proxy that uploads go through; proxies of the environment are ignored"`
	Connections string     `json:"connections,omitempty" default:"pooled" enum:"pooled|per-device" jsonschema:"pooled: all devices share kept-alive connections, which over MQTT they cannot; per-device: each device opens its own, handshakes over TLS, keeps it while it is active, and closes it; not through a proxy"`
	Idle        *duration  `json:"idle,omitempty" range:"10ms..1d" jsonschema:"per-device: a connection that was idle for so long, in wall time, is closed; without it 30s"`
	Resume      *share     `json:"resume,omitempty" range:"0%..100%" jsonschema:"per-device over TLS: share of handshakes that offer to resume the device's last session; without it 80%, an assumption"`
	Sources     []string   `json:"sourceAddresses,omitempty" default:"[]" jsonschema:"addresses or prefixes of this machine that connections come from, e.g. 127.0.0.0/8: one address has some 28,000 ports; per-device: a device has always the same"`
	MaxOpen     int        `json:"maxOpen,omitempty" default:"64" range:"1..65535" jsonschema:"most connections open at once; per-device: where one more would be too many the one that was idle the longest is closed, and at most 1024 uploads are under way"`
	Queue       int        `json:"queue,omitempty" default:"16384" range:"1..10000000" jsonschema:"most uploads waiting for a connection; one more is dropped and counted"`
	Timeout     duration   `json:"timeout,omitempty" default:"10s" range:"1ms..1h" jsonschema:"wall time for one attempt, from its start to the whole answer"`
	Compression string     `json:"compression,omitempty" default:"none" enum:"none|gzip|zstd" jsonschema:"of bodies"`
	Batch       rawBatch   `json:"batch,omitempty" jsonschema:"how a device gathers events into an upload"`
	Retry       rawRetry   `json:"retry,omitempty" jsonschema:"what happens to an upload that got no answer, 429 or 5xx"`
	Spool       rawSpool   `json:"spool,omitempty" jsonschema:"what a device keeps while it is offline"`
	Faults      *rawFaults `json:"faults,omitempty" jsonschema:"what drover itself lets go wrong on the way, by the seed of faults, on top of what the backend does; counted apart from it"`
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
	Contract string      `json:"contract,omitempty" default:"mde" jsonschema:"the privacy contract that devices keep, as drover privacy prints it: mde, mde-2024 (a GUID is the only device identifier), atp-2020 (connection and protocol instead of domain and address, browsers; no privacy setting), or a file in the format of profiles/privacy-catalogue.yaml, as ./FILE or ./FILE#NAME beside the scenario"`
	Canaries rawCanaries `json:"canaries,omitempty" jsonschema:"names that must be found nowhere"`
}

type rawCanaries struct {
	BenignHosts int `json:"benignHosts,omitempty" default:"0" range:"0..100000" jsonschema:"benign hosts, spread evenly over the devices: each is visited by one device only, with half of its benign visits. The privacy check and drover audit --scenario look for their names in every byte of an upload; one that is found is a violation of P06"`
}

type rawWeb struct {
	Zone      string       `json:"zone,omitempty" default:"sim.test" jsonschema:"what every visited host ends in, so that nothing real can be contacted: a name under .test, .example or .invalid"`
	Benign    rawBenign    `json:"benign,omitempty" jsonschema:"ordinary sites; a visit to one stays on the device"`
	Malicious rawMalicious `json:"malicious,omitempty" jsonschema:"planted sites; a visit to one is detected and reported"`
}

type rawBenign struct {
	Popularity rawZipf `json:"popularity,omitempty" jsonschema:"how visits spread over sites"`
	Revisits   share   `json:"revisits,omitempty" default:"25%" range:"0%..100%" jsonschema:"share of a user's visits that go to 16 favourite sites of the user's own; 25 % of the URLs that users visit they visit again (Tossell et al., CHI 2012)"`
}

type rawZipf struct {
	Zipf float64 `json:"zipf,omitempty" default:"1.1" range:"0..5" jsonschema:"exponent of the popularity by rank; 0: all the same. That visits follow Zipf: Tossell et al., CHI 2012; the figure is an assumption"`
}

type rawMalicious struct {
	Mix        weights      `json:"mix,omitempty" default:"{phishing: 70, malware: 20, c2: 10}" keys:"phishing|malware|c2|scam" jsonschema:"shares of the kinds of malicious site, adding up to 100; the default is an assumption"`
	Patterns   weights      `json:"patterns,omitempty" default:"{combosquat: 22, subdomain: 14, typosquat: 10, homoglyph: 2, sharedHosting: 10, compromised: 8, tokenQuery: 6, dgaLetters: 6, dgaWords: 4, bait: 18}" keys:"combosquat|subdomain|typosquat|homoglyph|sharedHosting|compromised|tokenQuery|dgaLetters|dgaWords|bait" jsonschema:"shares of the ways in which their URLs are made, adding up to 100; within a kind of site those that fit it count: of phishing all but dgaLetters, dgaWords and bait, of malware compromised, tokenQuery, both dga and bait, of c2 tokenQuery and both dga, of scam combosquat, sharedHosting and bait. drover classify --patterns shows what the model makes of each; the default is an assumption"`
	Difficulty weights      `json:"difficulty,omitempty" default:"{easy: 70, hard: 30}" keys:"easy|hard" jsonschema:"shares of sites with much that gives them away (words that lure, numbers, an ending that is mostly abused) and with little; the default is an assumption"`
	Listed     share        `json:"listed,omitempty" default:"80%" range:"0%..100%" jsonschema:"share of sites that the reference has on its list; of the others its rules and its model decide, and what they miss stays on the device. Of compromised sites the list has host and path, as the host is somebody's: only supervised devices, which see the whole URL, find those. The default is an assumption"`
	WrongLabel share        `json:"wrongLabel,omitempty" default:"1%" range:"0%..100%" jsonschema:"share of sites that the list is wrong about: half are harmless and reported, half are malicious and let through; the default is an assumption"`
	Unknown    share        `json:"unknown,omitempty" default:"5%" range:"0%..100%" jsonschema:"share of sites about which nobody knows the truth: left out of missed and false alarms, and counted apart; the default is an assumption"`
	LateTruth  rawLateTruth `json:"lateTruth,omitempty" jsonschema:"sites that turn malicious while the run goes on; until then they are harmless, known as such, and visits leave no trace"`
}

type rawLateTruth struct {
	Share  share    `json:"share,omitempty" default:"0%" range:"0%..100%" jsonschema:"how many of the sites"`
	Within duration `json:"within,omitempty" default:"1d" range:"1s..365d" jsonschema:"each at a time of its own, evenly within so much device time from the start"`
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
	ExcludeURL   toggle `json:"DefenderExcludeURLInReport,omitempty" default:"{true: 0, false: 100}" jsonschema:"true: threats carry no domain and no address. False is the product's default"`
	UnsafeInfo   toggle `json:"user.unsafe_site_info,omitempty" default:"{true: 0, false: 100}" jsonschema:"true: the user lets domain and address be sent after all; shares of the users who see the switch: DefenderExcludeURLInReport is true and the device is not supervised"`
	Supervised   toggle `json:"supervised,omitempty" default:"{true: 0, false: 100}" jsonschema:"true: the device is supervised; the default is an assumption"`
	OptionalDiag toggle `json:"optionalDiagnostics,omitempty" default:"{true: 32, false: 68}" jsonschema:"true: the user allows optional diagnostic data. 32 % of users of one app shared diagnostics (Apple developer forum thread 25491, 2015)"`
	FeedbackData toggle `json:"DefenderFeedbackData,omitempty" default:"{true: 100, false: 0}" jsonschema:"true: the feedback form is offered, the product's default"`
	NetworkPriv  toggle `json:"DefenderNetworkProtectionPrivacy,omitempty" default:"{true: 100, false: 0}" jsonschema:"what diag.features says of it, and nothing else: data about Wi-Fi networks is no data type of the contracts and never sent. True is the product's default"`
	TVMPriv      toggle `json:"DefenderTVMPrivacyMode,omitempty" default:"{true: 100, false: 0}" jsonschema:"what diag.features says of it, and nothing else: the list of apps is no data type of the contracts and never sent. True is the product's default"`
}

type rawCohort struct {
	Name     word    `json:"name" jsonschema:"unique in its fleet"`
	Weight   float64 `json:"weight" example:"100" range:"0..100" jsonschema:"share of the fleet's devices"`
	Profile  string  `json:"profile" example:"enterprise-iphone" jsonschema:"name of a shipped device profile: its models, iOS and app versions, languages"`
	OS       weights `json:"os,omitempty" jsonschema:"shares of iOS versions that were out at clock.start, adding up to 100; without it those of the profile that were"`
	Behavior string  `json:"behavior" example:"office" jsonschema:"name of a behaviour"`

	Settings *rawSettings `json:"settings,omitempty" jsonschema:"what admins and users of this cohort switched; what is left out is as in the fleet's settings"`
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
	WebVisit    *rawWebVisit `json:"webVisit,omitempty" default:"{perDay: 40, maliciousShare: 0.005%, dispersion: 0.25, bypass: 4%}" jsonschema:"a page visited; only a malicious one is reported, as web.threat"`
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
	MaliciousShare share   `json:"maliciousShare,omitempty" range:"0%..100%" jsonschema:"share of visits that go to a planted site; 0.005 % follows from 26 % of iOS devices meeting phishing in a year (Lookout 2024)"`
	Dispersion     float64 `json:"dispersion,omitempty" range:"0.05..1000" jsonschema:"shape of the gamma distribution by which malicious visits, and overrides, spread over users: 0.25 gives few users that are hit often, 1000 makes all alike; an assumption"`
	Bypass         share   `json:"bypass,omitempty" range:"0%..100%" jsonschema:"share of detections that the user overrides; 4 % is an assumption"`
}

type rawCrash struct {
	often
	Mix    weights    `json:"mix,omitempty" keys:"jetsam|sigabrt|watchdog|sigsegv|sigtrap" jsonschema:"shares of the reasons, adding up to 100; the default is an assumption. Kills for want of memory (jetsam) and other crashes each have their part of the rate, or a period of their own"`
	More   []rawTimes `json:"more,omitempty" jsonschema:"iOS versions that crash more often"`
	Report string     `json:"report,omitempty" default:"ips" enum:"ips|metrickit|both" jsonschema:"what a crash event carries: the .ips file that iOS writes, the payload that MetricKit gives to the app, or both; a kill for want of memory is a JetsamEvent, and to MetricKit a count of exits"`
}

type rawTimes struct {
	OS    string  `json:"os" example:"26.4.1" jsonschema:"iOS version"`
	Times float64 `json:"times" example:"6" range:"0..1000" jsonschema:"factor of the crash rate"`
}
