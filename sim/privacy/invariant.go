package privacy

import "fmt"

// Invariant is one of the promises P01 to P15 that a stream of telemetry keeps.
type Invariant uint8

const (
	P01 Invariant = iota
	P02
	P03
	P04
	P05
	P06
	P07
	P08
	P09
	P10
	P11
	P12
	P13
	P14
	P15
	NumInvariants
)

// String returns e.g. "P01".
func (i Invariant) String() string { return fmt.Sprintf("P%02d", int(i)+1) }

// Rule is the promise in words.
func (i Invariant) Rule() string { return rules[i] }

var rules = [NumInvariants]string{
	P01: "no record has a web field unless its verdict is malicious",
	P02: "no web field that the privacy setting covers while effective privacy is on",
	P03: "a contract with the privacy setting: no field of the older contract without it",
	P04: "a contract without the privacy setting: no field of the newer ones",
	P05: "one identifier per device, of a kind that the contract has, and stable",
	P06: "benign visits produce no record, whatever their number",
	P07: "no path, query, fragment, title or referrer of a URL anywhere",
	P08: "app and usage fields name the Defender app only",
	P09: "no optional diagnostic data unless the user allows it",
	P10: "feedback only in feedback records; email and comments only when given; a known type",
	P11: "one tenant per device, and no record in another tenant's sink",
	P12: "privacy settings change neither compliance nor risk",
	P13: "closed world: no field that neither the contract nor the envelope has",
	P14: "crash logs come from the Defender app or its extensions only",
	P15: "every required item is there where its conditions hold",
}

// Coverage says how far an audit could look at an invariant.
type Coverage string

const (
	Checked    Coverage = "checked"
	InPart     Coverage = "in part"
	NotChecked Coverage = "not checked"
	NotInForce Coverage = "not in force" // the contract has no such rule
)

// Finding is what an audit says of one invariant.
type Finding struct {
	Invariant  Invariant
	Coverage   Coverage
	Why        string // what was not looked at, and what would be needed; "" when Checked
	Violations int64
}

// coverage says how far the input allowed to check each invariant.
func (a *Auditor) coverage(i Invariant) (Coverage, string) {
	settings, known := a.settingsCoverage()
	switch i {
	case P02:
		if !a.c.Setting {
			return NotInForce, "this contract has no privacy setting"
		}
		return settings, known
	case P03:
		if !a.c.Setting {
			return NotInForce, "this contract has no privacy setting; P04 is in force"
		}
	case P04:
		if a.c.Setting {
			return NotInForce, "this contract has the privacy setting; P03 is in force"
		}
	case P06:
		looked := "no record has a benign verdict"
		if n := len(a.canary); n > 0 {
			looked += fmt.Sprintf(", and %d canaries were looked for", n)
		}
		return InPart, looked + "; that their number does not grow with browsing takes two runs of a scenario"
	case P09:
		return settings, known
	case P10:
		if settings != Checked {
			return InPart, "whether the form was offered takes the devices' settings"
		}
	case P11:
		if a.opt.Tenant == nil {
			return InPart, "one tenant per device; whose sink the capture is from was not said"
		}
	case P12:
		const rest = "documents carry no compliance result: that takes what the backend says of two runs with other settings"
		switch {
		case !a.sawRisk:
			return NotChecked, "no detection says its risk; " + rest
		case settings == Checked:
			return InPart, "each detection has the risk that follows from its category and from what the user did; " + rest
		}
		return InPart, "the same detection has the same risk on all devices; " + rest
	case P15:
		if a.opt.Period <= 0 {
			return InPart, "what every upload carries; what comes from time to time takes a reporting period"
		}
	}
	return Checked, ""
}

func (a *Auditor) settingsCoverage() (Coverage, string) {
	switch {
	case a.known == 0:
		return NotChecked, "a document does not tell its device's settings; it takes the scenario"
	case a.strangers > 0:
		return InPart, fmt.Sprintf("%d uploads were of devices whose settings are not known", a.strangers)
	}
	return Checked, ""
}
