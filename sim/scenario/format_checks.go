package scenario

// The format's part that says what must hold: checks, and what variants change of a scenario. format.go explains the tags.

type rawCheck struct {
	Name      word          `json:"name" jsonschema:"unique"`
	Metric    string        `json:"metric,omitempty" jsonschema:"what is measured: response_time, service_time, send_lag, failed, refused, dropped, accepted, retries or throughput"`
	Where     *rawWhere     `json:"where,omitempty" jsonschema:"which uploads, or look-ups with op; without a phase those of all measured phases"`
	Expect    string        `json:"expect,omitempty" jsonschema:"what must hold of the metric, e.g. p99 <= 250ms, rate <= 0.1%, count == 0, per_second >= 950"`
	Verdicts  *rawVerdicts  `json:"verdicts,omitempty" jsonschema:"the backend's verdicts on what devices detected, against the reference classifier's and against the planted truth"`
	Generator *rawGenerator `json:"generator,omitempty" jsonschema:"whether the harness itself kept up"`
	Count     *rawCount     `json:"count,omitempty" jsonschema:"accepted events by kind against what the backend says it counted"`
	Privacy   *rawAudit     `json:"privacy,omitempty" jsonschema:"what is sent, or what the backend stored, against the privacy contract, as drover audit looks at it; of what is sent, it costs about 4 µs of CPU for each, 0.5 ms for one with a crash report"`
	Reconcile *rawReconcile `json:"reconcile,omitempty" jsonschema:"what became of each event, by the ledger and the read-back; without any bound lost, duplicated, wrongTenant, altered and unexpected are 0"`
	Compare   *rawCompare   `json:"compare,omitempty" jsonschema:"the run against earlier ones of the same work, as drover compare does it; not checked when they are not there or are unlike"`
	OnFail    string        `json:"onFail,omitempty" default:"fail" enum:"fail|inconclusive" jsonschema:"what a failure counts as"`

	skipped bool // by the variant that is applied
}

type rawWhere struct {
	Op      string   `json:"op,omitempty" enum:"enroll|upload|single|config|verdict" jsonschema:"operation; without it uploads, enrolments and single events among them"`
	Phase   string   `json:"phase,omitempty" jsonschema:"name of a phase"`
	Fleet   string   `json:"fleet,omitempty" jsonschema:"name of a fleet"`
	Cohort  string   `json:"cohort,omitempty" jsonschema:"name of a cohort, or fleet/cohort"`
	Tenant  string   `json:"tenant,omitempty" jsonschema:"id of a tenant, as drover devices shows it"`
	Class   string   `json:"class,omitempty" jsonschema:"how the last attempt ended, e.g. ok, timeout, reset, 5xx"`
	Outside []string `json:"outside,omitempty" jsonschema:"names of entries of the timeline: only uploads intended while none of them lasts"`
	During  []string `json:"during,omitempty" jsonschema:"the same: only uploads intended while one of them lasts"`
}

type rawVerdicts struct {
	Agreement   string `json:"agreement,omitempty" jsonschema:"against the reference: share of verdicts that agree with it on malicious or benign, e.g. \">= 99.5%\""`
	Missed      string `json:"missed,omitempty" jsonschema:"against the truth, where it is known: share of what is malicious that the backend calls benign"`
	FalseAlarms string `json:"falseAlarms,omitempty" jsonschema:"against the truth: share of what is harmless that the backend calls malicious; harmless detections are those that the reference is wrong about (web.malicious.wrongLabel)"`
	Precision   string `json:"precision,omitempty" jsonschema:"against the truth: share of what the backend calls malicious that is"`
	AtLeast     int    `json:"atLeast,omitempty" default:"1" range:"1..1000000000" jsonschema:"fewer verdicts prove nothing: inconclusive. Above 1 it guards the reports' tables, too: a row with less than its part (this by the number of rows, 20 or this at the least) has no figures"`
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

type rawReconcile struct {
	Lost        *int `json:"lost,omitempty" range:"0..1000000000" jsonschema:"events that were acknowledged and are not stored, at most"`
	Duplicated  *int `json:"duplicated,omitempty" range:"0..1000000000" jsonschema:"events that are stored more than once, at most"`
	WrongTenant *int `json:"wrongTenant,omitempty" range:"0..1000000000" jsonschema:"events that are stored as another tenant's, at most"`
	Altered     *int `json:"altered,omitempty" range:"0..1000000000" jsonschema:"events that are stored with another content than was sent, at most"`
	Unexpected  *int `json:"unexpected,omitempty" range:"0..1000000000" jsonschema:"events that are stored and that nobody sent, or that had been refused, at most"`
	Leaked      *int `json:"leaked,omitempty" range:"0..1000000000" jsonschema:"events that another tenant's credential is shown, at most"`
	Late        *int `json:"late,omitempty" range:"0..1000000000" jsonschema:"acknowledged events that the first look after the run does not show and a later one does, at most"`
}

type rawAudit struct {
	Of         string `json:"of,omitempty" default:"sent" enum:"sent|stored" jsonschema:"sent: all uploads; stored: every event that the read-back showed last, by drover-audit or as a whole document, after the backend was told of the users who took back their consent to optional data and was to erase that"`
	Violations int    `json:"violations,omitempty" default:"0" range:"0..1000000000" jsonschema:"broken invariants, at most"`
}

type rawCompare struct {
	Base       string   `json:"base" example:"runs/main" jsonschema:"a run's folder, its run.json, or a folder of runs; a relative path counts from the scenario file"`
	Within     share    `json:"within,omitempty" default:"5%" range:"0%..100%" jsonschema:"how much worse a metric of gate may become, for certain"`
	Gate       []string `json:"gate,omitempty" jsonschema:"metrics that may not become worse; without it response p50, response p99 and not accepted"`
	AnyMachine bool     `json:"anyMachine,omitempty" jsonschema:"compare with runs of another class of machine, too"`
}

type rawVariant struct {
	Scale   *float64                   `json:"scale,omitempty" range:"0.000001..1000" jsonschema:"factor of the devices of each fleet, of every rate and of concurrency"`
	Devices map[string]*int            `json:"devices,omitempty" range:"1..10000000" jsonschema:"devices by fleet, instead of the fleet's own times scale"`
	Phases  map[string]*rawPhaseChange `json:"phases,omitempty" jsonschema:"changes to phases, by name"`
	Checks  map[string]*rawCheckChange `json:"checks,omitempty" jsonschema:"changes to checks, by name"`
}

type rawCheckChange struct {
	Skip    *bool   `json:"skip,omitempty" jsonschema:"true: this variant does not promise it"`
	Expect  *string `json:"expect,omitempty" jsonschema:"what must hold of the metric instead"`
	AtLeast *int    `json:"atLeast,omitempty" range:"1..1000000000" jsonschema:"fewer verdicts prove nothing, instead of the check's own figure"`
}

type rawPhaseChange struct {
	For     *duration `json:"for,omitempty" range:"100ms..30d" jsonschema:"wall time"`
	Measure *bool     `json:"measure,omitempty" jsonschema:"whether checks and figures include it"`
	Rate    *rawRate  `json:"rate,omitempty" jsonschema:"rate of uploads; scale does not change it"`
}
