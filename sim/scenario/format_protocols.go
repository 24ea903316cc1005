package scenario

// The parts of the format that belong to a protocol other than HTTP.

type rawSinkFile struct {
	Existing string `json:"existing,omitempty" default:"refuse" enum:"refuse|append|replace" jsonschema:"what becomes of a file that is there and not empty; refuse ends drover before the load"`
}

type rawSyslog struct {
	Facility int    `json:"facility,omitempty" default:"16" range:"0..23" jsonschema:"facility of RFC 5424; 16 to 23 are local0 to local7"`
	App      string `json:"app,omitempty" default:"defender" jsonschema:"APP-NAME of messages"`
}

type rawNATS struct {
	Subject   string `json:"subject,omitempty" default:"drover.${account.tenant_id}.${device.id}" jsonschema:"subject of messages, with fields of the device, of the account and of the run, as in an adapter; what a subject cannot have in a token, a dot or a blank, becomes _"`
	JetStream bool   `json:"jetstream,omitempty" default:"true" jsonschema:"accepted is the PubAck of a stream that takes the subject; false: core NATS, where accepted is that the server has read the messages"`
}
