package wire

import (
	"slices"
	"sync"

	"drover/sim/event"
	"drover/sim/fleet"
)

// MDE writes an upload as a message of Defender XDR's streaming API, {"records": [...]}: each event is a row of an advanced-hunting
// table in its envelope (MicrosoftDocs/defender-docs: streaming-api-event-hub.md, 2024-06-21, and the pages of the tables; the
// envelope's operationName, _TimeReceivedBySvc and Tenant are those of one real record). Enrolments and heartbeats are rows of
// DeviceInfo, all else of DeviceEvents. A row has every column of its table: null is what is not known, or withheld. What no column
// has a place for is in AdditionalFields, a text with a document in it, by its native name.
//
// No public page says which ActionType an iOS device emits: that of an alert is what SmartScreen's is on other platforms, and the
// others are native kinds. Crashes, feedback and diagnostics do not go to hunting tables in truth; here they are DeviceEvents, too.
func MDE(c *Constants) Format {
	write := mdeTable().events(c)
	return Format{
		Name: "mde", ContentType: "application/json", Then: true,
		Begin: func(dst []byte, _ *fleet.Device, _ event.Fields) []byte { return append(dst, `{"records":[`...) },
		Event: func(dst []byte, n int, d *fleet.Device, e *event.Event) []byte {
			if n > 0 {
				dst = append(dst, ',')
			}
			return write(dst, d, e)
		},
		End:    func(dst []byte, _ int) []byte { return append(dst, "]}"...) },
		Next:   between(","),
		Decode: decodeMDE,
	}
}

// decodeMDE reads messages, or records one after another.
func decodeMDE(body []byte, each func(native []byte) error) error {
	return documents(body, func(doc []byte) error {
		records := member(doc, "records")
		if records == nil {
			return mdeTable().decode(doc, each)
		}
		for key := range membersOf(doc) {
			if string(key) != "records" {
				return &Error{Field: string(key), Msg: "does not belong here"}
			}
		}
		if records[0] != '[' {
			return &Error{Field: "records", Msg: "want a list"}
		}
		return mdeTable().decode(records, each)
	})
}

var mdeRows = []row{
	{"time", "$event.time|iso7"},
	{"tenantId", "$account.tenant_id"},
	{"operationName", `"Publish"`},
	{"_TimeReceivedBySvc", "$event.time|iso7"},
	{"Tenant", `"DefaultTenant"`},
	{"properties.Timestamp", "$event.time|iso7"},
	{"properties.DeviceId", "$device.id.guid|guid or $device.id.wifi_mac|mac"},
	{"properties.ReportId", "$event.seq"},
	{"properties.AdditionalFields~.event.id", "$event.id"},
	{"properties.AdditionalFields~.event.kind", "$event.kind"},
	{"properties.AdditionalFields~.run", "$run.id"},
	{"properties.AdditionalFields~.device.cpu.soc", "$device.cpu.soc"},
	{"properties.AdditionalFields~.device.cpu.arch", "$device.cpu.arch"},
	{"properties.AdditionalFields~.device.cpu.cores", "$device.cpu.cores"},
	{"properties.AdditionalFields~.device.os_build", "$device.os_build"},
	{"properties.AdditionalFields~.device.locale", "$device.locale"},
	{"properties.AdditionalFields~.device.timezone", "$device.timezone"},
	{"properties.AdditionalFields~.account.org_id", "$account.org_id"},
	{"properties.AdditionalFields~.app.name", "$app.name"},
}

// mdeInfo are the columns of DeviceInfo that have a value. OSBuild is null on devices of Apple.
var mdeInfo = []row{
	{"category", `"AdvancedHunting-DeviceInfo"`},
	{"properties.ClientVersion", "$app.version or null"},
	{"properties.AadDeviceId", "$account.device_id"},
	{"properties.OSPlatform", `$device.cpu.model|os or $device.os_version|="iOS" or null`},
	{"properties.OSVersion", "$device.os_version or null"},
	{"properties.OSArchitecture", `$device.cpu.arch|="64-bit" or null`},
	{"properties.Vendor", `$device.cpu.model|="Apple" or null`},
	{"properties.Model", "$device.cpu.model or null"},
	{"properties.DeviceCategory", `"Endpoint"`},
	{"properties.DeviceType", `"Mobile"`},
	{"properties.DeviceSubtype", "$device.cpu.model|mde-type or null"},
	{"properties.OnboardingStatus", `"Onboarded"`},
	{"properties.SensorHealthState", `"Active"`},
	{"properties.AdditionalFields~.account.user_id", "$account.user_id"},
	{"properties.AdditionalFields~.account.upn", "$account.upn"},
}

// mdeEvents are the columns of DeviceEvents that have a value whatever the kind.
var mdeEvents = []row{
	{"category", `"AdvancedHunting-DeviceEvents"`},
	{"properties.InitiatingProcessAccountObjectId", "$account.user_id or null"},
	{"properties.InitiatingProcessAccountUpn", "$account.upn or null"},
	{"properties.AdditionalFields~.account.device_id", "$account.device_id"},
	{"properties.AdditionalFields~.device.os_version", "$device.os_version"},
	{"properties.AdditionalFields~.device.cpu.model", "$device.cpu.model"},
	{"properties.AdditionalFields~.app.version", "$app.version"},
}

var mdeThreat = []row{
	{"properties.ActionType", "$detection.bypassed|mde-action"},
	{"properties.RemoteUrl", "$web.domain or null"},
	{"properties.RemoteIP", "$web.remote_ip or null"},
	{"properties.RemotePort", "$web.connection.remote_port or null"},
}

var mdeTable = sync.OnceValue(func() *table {
	rows := ownRows("properties.AdditionalFields~.", "web.domain", "web.remote_ip", "web.connection.remote_port")
	for k := range rows {
		own, columns := mdeEvents, mdeEventsColumns
		switch event.Kind(k) {
		case event.Enrolment, event.Heartbeat:
			own, columns = mdeInfo, mdeInfoColumns
		case event.WebThreat:
			own = slices.Concat(own, mdeThreat)
		default:
			own = append(slices.Clip(own), row{"properties.ActionType", "$event.kind"})
		}
		own = slices.Concat(own, rows[k])
		for _, name := range columns {
			at := "properties." + name
			has := func(r row) bool { return r.at == at || len(r.at) > len(at) && r.at[:len(at)+1] == at+"~" }
			if !slices.ContainsFunc(own, has) && !slices.ContainsFunc(mdeRows, has) {
				own = append(own, row{at, "null"})
			}
		}
		rows[k] = own
	}
	return newTable(".", "properties.AdditionalFields~.event.kind", nil, mdeRows, &rows)
})

// The columns of the two tables, and MachineGroup, which streaming adds to each (pages of 2024-01-16 and 2024-09-06).
var mdeInfoColumns = []string{
	"Timestamp", "DeviceId", "DeviceName", "ClientVersion", "PublicIP", "OSArchitecture", "OSPlatform", "OSBuild",
	"IsAzureADJoined", "JoinType", "AadDeviceId", "LoggedOnUsers", "RegistryDeviceTag", "OSVersion", "MachineGroup", "ReportId",
	"OnboardingStatus", "AdditionalFields", "DeviceCategory", "DeviceType", "DeviceSubtype", "Model", "Vendor", "OSDistribution",
	"OSVersionInfo", "MergedDeviceIds", "MergedToDeviceId", "IsInternetFacing", "SensorHealthState", "IsExcluded",
	"ExclusionReason", "ExposureLevel", "AssetValue", "DeviceManualTags", "DeviceDynamicTags", "ConnectivityType", "HostDeviceId",
}

var mdeEventsColumns = []string{
	"Timestamp", "DeviceId", "DeviceName", "ActionType", "FileName", "FolderPath", "SHA1", "SHA256", "MD5", "FileSize",
	"AccountDomain", "AccountName", "AccountSid", "RemoteUrl", "RemoteDeviceName", "ProcessId", "ProcessCommandLine",
	"ProcessCreationTime", "ProcessTokenElevation", "LogonId", "RegistryKey", "RegistryValueName", "RegistryValueData", "RemoteIP",
	"RemotePort", "LocalIP", "LocalPort", "FileOriginUrl", "FileOriginIP", "InitiatingProcessSHA1", "InitiatingProcessSHA256",
	"InitiatingProcessMD5", "InitiatingProcessFileName", "InitiatingProcessFileSize", "InitiatingProcessFolderPath",
	"InitiatingProcessId", "InitiatingProcessCommandLine", "InitiatingProcessCreationTime", "InitiatingProcessAccountDomain",
	"InitiatingProcessAccountName", "InitiatingProcessAccountSid", "InitiatingProcessAccountUpn",
	"InitiatingProcessAccountObjectId", "InitiatingProcessVersionInfoCompanyName", "InitiatingProcessVersionInfoProductName",
	"InitiatingProcessVersionInfoProductVersion", "InitiatingProcessVersionInfoInternalFileName",
	"InitiatingProcessVersionInfoOriginalFileName", "InitiatingProcessVersionInfoFileDescription", "InitiatingProcessParentId",
	"InitiatingProcessParentFileName", "InitiatingProcessParentCreationTime", "InitiatingProcessLogonId", "ReportId",
	"AppGuardContainerId", "AdditionalFields", "InitiatingProcessSessionId", "IsInitiatingProcessRemoteSession",
	"InitiatingProcessRemoteSessionDeviceName", "InitiatingProcessRemoteSessionIP", "CreatedProcessSessionId",
	"IsProcessRemoteSession", "ProcessRemoteSessionDeviceName", "ProcessRemoteSessionIP", "MachineGroup",
}
