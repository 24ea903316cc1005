package event

import "math/bits"

// Field is one of the data types that the privacy texts name. The set is closed: nothing else about a device or its user is
// ever sent. Names and kinds of event are those of profiles/privacy-catalogue.yaml, and a test keeps them equal.
type Field uint8

const (
	WebConnection Field = iota
	WebProtocol
	WebDomain
	WebRemoteIP
	DeviceTime
	DeviceOSVersion
	DeviceCPU
	DeviceWiFiMAC
	DeviceGUID
	AccountDeviceID
	AccountUserID
	AccountTenantID
	AccountOrgID
	AccountUPN
	AppName
	AppVersion
	AppUpgradeStatus
	AppActions
	AppCrash
	AppMemory
	DiagAppUsage
	DiagCPUUsage
	DiagNetworkUsage
	DiagFeatures
	DiagBrowsers
	FeedbackEmail
	FeedbackType
	FeedbackComments
	NumFields // how many there are; not a field
)

// everyKind stands for an item that belongs to the upload, or to each event whatever its kind.
const everyKind = NumKinds

// fieldTable is which kind of event carries each data type.
var fieldTable = [NumFields]struct {
	name string
	kind Kind
}{
	WebConnection:    {"web.connection", WebThreat},
	WebProtocol:      {"web.protocol", WebThreat},
	WebDomain:        {"web.domain", WebThreat},
	WebRemoteIP:      {"web.remote_ip", WebThreat},
	DeviceTime:       {"device.time", everyKind},
	DeviceOSVersion:  {"device.os_version", everyKind},
	DeviceCPU:        {"device.cpu", everyKind},
	DeviceWiFiMAC:    {"device.id.wifi_mac", everyKind},
	DeviceGUID:       {"device.id.guid", everyKind},
	AccountDeviceID:  {"account.device_id", everyKind},
	AccountUserID:    {"account.user_id", everyKind},
	AccountTenantID:  {"account.tenant_id", everyKind},
	AccountOrgID:     {"account.org_id", everyKind},
	AccountUPN:       {"account.upn", everyKind},
	AppName:          {"app.name", everyKind},
	AppVersion:       {"app.version", everyKind},
	AppUpgradeStatus: {"app.upgrade_status", AppInfo},
	AppActions:       {"app.action", AppAction},
	AppCrash:         {"app.crash", Crash},
	AppMemory:        {"app.memory", Memory},
	DiagAppUsage:     {"diag.app_usage", Diagnostics},
	DiagCPUUsage:     {"diag.cpu_usage", Diagnostics},
	DiagNetworkUsage: {"diag.network_usage", Diagnostics},
	DiagFeatures:     {"diag.features", Diagnostics},
	DiagBrowsers:     {"diag.browsers", Diagnostics},
	FeedbackEmail:    {"feedback.email", Feedback},
	FeedbackType:     {"feedback.type", Feedback},
	FeedbackComments: {"feedback.comments", Feedback},
}

// String returns the field's name in the catalogue, e.g. "web.domain".
func (f Field) String() string {
	if f < NumFields {
		return fieldTable[f].name
	}
	return "unknown"
}

// ParseField is the inverse of String.
func ParseField(name string) (Field, bool) {
	for f := range NumFields {
		if fieldTable[f].name == name {
			return f, true
		}
	}
	return 0, false
}

// Kind returns the kind of event that carries the field; ok is false where every upload does, or every event.
func (f Field) Kind() (k Kind, ok bool) { return fieldTable[f].kind, fieldTable[f].kind < NumKinds }

// Fields is a set of data types.
type Fields uint32

// AllFields has every data type.
const AllFields Fields = 1<<NumFields - 1

// FieldsOf returns the set of some data types.
func FieldsOf(list ...Field) (s Fields) {
	for _, f := range list {
		s |= 1 << f
	}
	return s
}

// Has reports whether f is in the set.
func (s Fields) Has(f Field) bool { return s&(1<<f) != 0 }

// List returns the data types of the set in the order of the catalogue.
func (s Fields) List() (list []Field) {
	for left := s; left != 0; left &= left - 1 {
		list = append(list, Field(bits.TrailingZeros32(uint32(left))))
	}
	return list
}

// kindFields is the inverse of fieldTable.
var kindFields = func() (sets [NumKinds]Fields) {
	for f := range NumFields {
		if k, ok := f.Kind(); ok {
			sets[k] |= 1 << f
		}
	}
	return sets
}()

// Fields returns the data types that events of the kind carry beside those of every upload. Enrolments and heartbeats have
// none: the upload around them is the report.
func (k Kind) Fields() Fields { return kindFields[k] }

// Sends is what a contract lets devices send. The zero Sends is nothing but addresses, and alerts without a site.
type Sends struct {
	All        Fields // every data type of the contract
	PrivacyOff Fields // of these: not while privacy is in effect on the device
}

// On returns what a device sends; private says whether privacy is in effect on it. Whether there is a diagnostics event or
// feedback at all is decided before: a device whose user allows none makes none.
func (s Sends) On(private bool) Fields {
	if private {
		return s.All &^ s.PrivacyOff
	}
	return s.All
}
