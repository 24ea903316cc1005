package scenario

// The parts of the format that say how a device reaches the backend.

type rawTLS struct {
	CAFrom     *rawSecret `json:"caFrom,omitempty" jsonschema:"where the authorities to trust are read from, certificates in PEM; without it those of the system"`
	ServerName string     `json:"serverName,omitempty" jsonschema:"name to ask for and to find in the backend's certificate; without it the host of url"`
	MinVersion version    `json:"minVersion,omitempty" default:"1.2" enum:"1.2|1.3" jsonschema:"lowest version of TLS to speak"`
	MaxVersion version    `json:"maxVersion,omitempty" default:"1.3" enum:"1.2|1.3" jsonschema:"highest version of TLS to speak"`

	ClientCertificate  *rawClientCert  `json:"clientCertificate,omitempty" jsonschema:"the one certificate that drover shows on every connection, over whatever protocol"`
	ClientCertificates *rawClientCerts `json:"clientCertificates,omitempty" jsonschema:"each device shows a certificate of its own, ECDSA P-256, whose subject is its identifier; with connections: per-device. With url: embedded {} will do"`
}

type rawFaults struct {
	Latency      duration `json:"latency,omitempty" default:"0s" range:"0s..1h" jsonschema:"added to each attempt, half before and half after; what comes later than timeout is a time-out"`
	Jitter       duration `json:"jitter,omitempty" default:"0s" range:"0s..1h" jsonschema:"up to so much more, drawn evenly"`
	BytesPerSec  float64  `json:"bytesPerSec,omitempty" default:"0" range:"0..1000000000" jsonschema:"of bodies, before compression, and of answers; 0: as fast as they come"`
	Reset        share    `json:"reset,omitempty" default:"0%" range:"0%..100%" jsonschema:"share of attempts whose connection breaks: for one half before anything was sent, for the other in the middle"`
	Blackhole    share    `json:"blackhole,omitempty" default:"0%" range:"0%..100%" jsonschema:"share of attempts of which nothing gets through: they end with the time-out"`
	DropResponse share    `json:"dropResponse,omitempty" default:"0%" range:"0%..100%" jsonschema:"share of attempts that arrive and whose answer is thrown away: the device sees a reset, and sends the same again"`
	Malformed    share    `json:"malformed,omitempty" default:"0%" range:"0%..100%" jsonschema:"share of attempts whose body is cut in half"`
	Oversized    share    `json:"oversized,omitempty" default:"0%" range:"0%..100%" jsonschema:"share of attempts whose body has 9 MiB of blanks before it"`
	ClockSkew    *rawSkew `json:"clockSkew,omitempty" jsonschema:"how wrong the clocks of devices are, which shows in the time of events"`
	_            struct{} `later:"select"`
}

type rawSkew struct {
	Devices share    `json:"devices,omitempty" default:"100%" range:"0%..100%" jsonschema:"share of the devices, drawn by the seed of faults"`
	UpTo    duration `json:"upTo" example:"5m" range:"1ms..30d" jsonschema:"how far ahead or behind, drawn evenly for each device"`
}

type rawClientCert struct {
	CertFrom *rawSecret `json:"certFrom,omitempty" jsonschema:"where it is read from, in PEM, with the certificates that vouch for it behind it"`
	KeyFrom  *rawSecret `json:"keyFrom,omitempty" jsonschema:"where its key is read from, in PEM"`
}

type rawClientCerts struct {
	CAFrom  *rawSecret `json:"caFrom,omitempty" jsonschema:"where the certificate of the authority that issues them is read from, in PEM; the embedded backend needs none"`
	KeyFrom *rawSecret `json:"keyFrom,omitempty" jsonschema:"where its ECDSA key is read from, in PEM"`
}
