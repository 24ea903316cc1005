// Package event knows what a device can report: the kinds of telemetry, their fields and the ground truth that the
// simulator planted. How an event looks on a wire is wire's business, when it happens is behavior's.
package event

import "time"

// Kind is one kind of telemetry. The set is closed; Kinds lists it in order.
type Kind uint8

const (
	Enrolment   Kind = iota // the device registers with the backend; once, before everything else
	Heartbeat               // device information, hourly by default
	AppInfo                 // name, version and upgrade status of the Defender app
	AppAction               // the user did something in the app
	Memory                  // memory use of the app and of its network extension
	WebThreat               // a visit to a malicious site was detected
	Crash                   // the app or its extension crashed
	Feedback                // the user sent feedback
	Diagnostics             // optional diagnostic data
	NumKinds                // how many kinds there are; not a kind
)

var kindNames = [NumKinds]string{
	"enrolment", "heartbeat", "app.info", "app.action", "app.memory", "web.threat", "app.crash", "feedback", "diagnostics",
}

// String returns the kind's name as written on the wire and in scenarios, e.g. "web.threat".
func (k Kind) String() string {
	if k < NumKinds {
		return kindNames[k]
	}
	return "unknown"
}

// ParseKind is the inverse of String.
func ParseKind(name string) (Kind, bool) {
	for i, n := range kindNames {
		if n == name {
			return Kind(i), true
		}
	}
	return 0, false
}

// Kinds returns all kinds in order.
func Kinds() []Kind {
	kinds := make([]Kind, NumKinds)
	for i := range kinds {
		kinds[i] = Kind(i)
	}
	return kinds
}

// ID identifies one event for ever: a pure function of the seed, the device and the event's sequence number, so that a
// retry carries the same ID. It is written as a version 8 UUID (RFC 9562 section 5.8).
type ID [16]byte

// Category is the type of threat behind a malicious site, and the truth the simulator planted.
type Category uint8

const (
	Benign Category = iota
	Phishing
	Malware
	C2
	Scam
	NumCategories
)

// Unknown is the truth of a site about which nobody knows the truth. No classifier answers it.
const Unknown = NumCategories

var categoryNames = [NumCategories]string{"benign", "phishing", "malware", "c2", "scam"}

// String returns the category's name, e.g. "phishing".
func (c Category) String() string {
	if c < NumCategories {
		return categoryNames[c]
	}
	return "unknown"
}

// ParseCategory is the inverse of String.
func ParseCategory(name string) (Category, bool) {
	for i, n := range categoryNames {
		if n == name {
			return Category(i), true
		}
	}
	return 0, false
}

// Event is one piece of telemetry. It is filled anew for each event by behavior and owns no memory: strings and slices
// point into tables or into the caller's scratch space and are valid until the next event is made.
type Event struct {
	ID   ID
	Seq  uint32 // per device, from 0, without gaps
	Kind Kind
	At   time.Time // device time, UTC, millisecond resolution
	Has  Fields    // data types that the event carries, of those of its kind; a format writes these and no others

	// Exactly the member that belongs to Kind is meaningful.
	App      App         // AppInfo
	Action   string      // AppAction: one of Actions
	Mem      MemoryUse   // Memory
	Web      Web         // WebThreat
	Crash    CrashReport // Crash
	Feedback Comment     // Feedback
	Diag     Diagnostic  // Diagnostics
}

// App describes the Defender app itself; no other app is ever named (privacy catalogue: app.*).
type App struct {
	UpgradeStatus string // fresh_install, upgraded or unchanged
}

// MemoryUse is the memory of the app and of its network extension, in KiB.
type MemoryUse struct {
	AppKiB            uint32 // footprint of the app
	AppPeakKiB        uint32
	ExtensionKiB      uint32 // footprint of the network extension
	ExtensionLimitKiB uint32 // its hard limit: 51200 on iOS 15 and later
}

// Web is a detection. Which members of the site are meaningful is said by Event.Has.
// What the simulator planted never goes on a wire: Truth, Pattern, Hard and Age.
type Web struct {
	Host     ZoneHost
	Address  DocAddress
	Port     uint16   // remote port of the connection, which the device opened
	Verdict  Category // the embedded reference classifier's opinion
	Score    float32  // 0 to 1
	Bypassed bool     // the user went on to the site all the same
	Risk     Risk     // RiskOf(Verdict, Bypassed), whatever the settings

	Truth   Category // at the time of the visit; Benign where the reference is wrong, Unknown where nobody knows
	Pattern Pattern
	Hard    bool          // the site has little that gives it away
	Age     time.Duration // how long the site has been malicious; -1 when it always was
}

// Risk is how bad a detection is for the device. The levels are those that Intune compares a device's risk with.
type Risk uint8

const (
	RiskClear Risk = iota
	RiskLow
	RiskMedium
	RiskHigh
	NumRisks // how many there are; not a risk
)

var riskNames = [NumRisks]string{"clear", "low", "medium", "high"}

// String returns the level's name, e.g. "medium".
func (r Risk) String() string {
	if r < NumRisks {
		return riskNames[r]
	}
	return "unknown"
}

// ParseRisk is the inverse of String.
func ParseRisk(name string) (Risk, bool) {
	for i, n := range riskNames {
		if n == name {
			return Risk(i), true
		}
	}
	return 0, false
}

// RiskOf is the risk of a detection: of its category, and a level more when the user went on to the site all the same. No
// setting has a part in it (privacy catalogue: P12). The levels are our choice.
func RiskOf(c Category, bypassed bool) Risk {
	r := [NumCategories]Risk{Benign: RiskClear, Phishing: RiskMedium, Malware: RiskHigh, C2: RiskHigh, Scam: RiskLow}[c]
	if bypassed && r != RiskClear {
		r = min(r+1, RiskHigh)
	}
	return r
}

// The processes of the Defender app: the app itself, and the network extension that checks what is visited. A supervised device
// has a content filter, all others a local tunnel (MicrosoftDocs/defender-docs, ios-install.md, 2025-03-28: no VPN with the
// ControlFilter profile). The app's name and that it has extensions are known, the extensions' names are assumptions.
const (
	ProcessApp    = "Defender"
	ProcessTunnel = "DefenderTunnel"
	ProcessFilter = "DefenderFilter"
)

// AppBundle is the app's identifier, that of its configuration profiles (MicrosoftDocs/defender-docs, 2025). An extension's is that
// and its name, which is an assumption.
const AppBundle = "com.microsoft.scmx"

// Processes are the only processes that telemetry ever names (privacy catalogue: app.crash).
var Processes = [...]string{ProcessApp, ProcessTunnel, ProcessFilter}

// CrashReport is a short record of a crash. The complete .ips document follows from it (package crash) and is made when the bytes are.
type CrashReport struct {
	Process   string // one of Processes
	Exception string // e.g. EXC_CRASH
	Signal    string // e.g. SIGABRT
	Reason    string // e.g. jetsam, watchdog, sigabrt
	UptimeSec uint32
	Incident  ID
	Form      CrashForm
}

// CrashForm is in which forms a crash is reported: the privacy text speaks of "crash report logs generated by iOS", of which an app
// itself sees only MetricKit's payloads.
type CrashForm uint8

const (
	IPS       CrashForm = iota // the .ips file
	MetricKit                  // MetricKit's payload
	BothForms
)

// CrashForms are their names in scenarios, by form.
var CrashForms = [...]string{IPS: "ips", MetricKit: "metrickit", BothForms: "both"}

// Comment is what a user sends from the feedback screen.
type Comment struct {
	Type    string // smile, frown or idea
	Email   bool   // the user gave the mail address (the device's UPN)
	Comment string // empty when the user wrote none
}

// Diagnostic is optional data, made only by devices whose user allowed it.
type Diagnostic struct {
	SessionsPerDay uint16
	ForegroundSec  uint32
	CPUMillis      uint32
	SentKiB        uint32
	ReceivedKiB    uint32
	Features       Features
	Browsers       Browsers
}

// Actions are the things a user can do in the app.
// Source: the actions described in MicrosoftDocs/defender-docs ios-configure-features.md and ios-new-ux.md (CC-BY-4.0,
// 2025); the names are ours.
var Actions = [...]string{
	"open_dashboard", "open_device_protection", "open_web_protection", "open_network_protection", "open_device_health",
	"open_alert", "open_recommendation_card", "check_os_update", "trust_network", "untrust_network", "disconnect_wifi",
	"start_vpn", "stop_vpn", "toggle_web_protection", "toggle_unsafe_site_info", "report_problem", "report_unsafe_site",
	"sign_in", "sign_out", "get_help_signing_in", "return_to_compliance",
}
