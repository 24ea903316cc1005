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

type rawMQTT struct {
	Version       version  `json:"version,omitempty" default:"5" enum:"3.1.1|5" jsonschema:"version of MQTT"`
	QoS           int      `json:"qos,omitempty" default:"1" range:"0..2" jsonschema:"0: accepted is what was written; 1: what the broker acknowledged, PUBACK; 2: what it has once, PUBCOMP"`
	Topic         string   `json:"topic,omitempty" default:"drover/${account.tenant_id}/${device.id}" jsonschema:"topic of messages, with fields of the device, of the account and of the run, as in an adapter; what in a field would be a level or a wildcard of its own becomes _"`
	ClientID      string   `json:"clientId,omitempty" default:"${device.id}" jsonschema:"client identifier of a device's session, with the same fields; no two devices may have the same"`
	SessionExpiry duration `json:"sessionExpiry,omitempty" default:"0s" range:"0s..365d" jsonschema:"how long the broker keeps a device's session between its connections, over which messages under way are then completed; MQTT 3.1.1 cannot say how long. 0s: each connection begins a new session"`
	KeepAlive     duration `json:"keepAlive,omitempty" default:"60s" range:"0s..18h" jsonschema:"a connection that lies idle for as long says that it is there; 0s: it need not, and the broker does not look"`
	InFlight      int      `json:"inFlight,omitempty" default:"20" range:"1..65535" jsonschema:"most messages of a device that wait for their acknowledgement; a broker of MQTT 5 may want fewer"`
}

type rawKafka struct {
	Topic string `json:"topic,omitempty" default:"drover" jsonschema:"topic of messages, with fields of the device, of the account and of the run, as in an adapter; what a topic cannot have becomes _"`
	Key   string `json:"key,omitempty" default:"${device.id}" jsonschema:"key of messages, with the same fields: those of a key are in one partition, and in order"`
	Acks  string `json:"acks,omitempty" default:"all" enum:"none|leader|all" jsonschema:"who has to have a message for it to be accepted: nobody, the leader of its partition, or all replicas in sync, and then the producer is idempotent"`
	SASL  string `json:"sasl,omitempty" default:"plain" enum:"plain|scram-sha-256|scram-sha-512" jsonschema:"how auth type basic is shown"`
}
