package target

import (
	"context"
	"slices"
	"strings"
)

// Protocol is a way to carry uploads. The scheme of a target's URL says which one.
//
// A new one of messages is: a row of Protocols; a carrier, and a constructor that puts it below newMessages (sink.go is the shortest); a
// row of protocolCases in the tests, with a small backend that has tempers; a case in messages of cmd/drover/side.go; its own fields
// in sim/scenario/format_protocols.go, and in foreign, messagePlace and withTemplates there, with their mistakes in testdata/err; and
// a page with a scenario in cmd/drover/protocols.go, which a test asks for.
type Protocol struct {
	Name    string
	Schemes []string // of URLs, e.g. "nats"; a scheme alone is a URL where Host and Path are false
	Secure  []string // those of Schemes that go over TLS
	Host    bool     // its URLs have a host, and optionally a port
	Path    bool     // its URLs name a file

	// What of a target's settings it can honour; a scenario that asks for more is refused.
	Auth        []string // types of Auth beside none
	Compression []string // beside none
	PerDevice   bool     // a connection for each device
	Sessions    bool     // and no other way, since each device has a session
	Unfit       string   // what a field cannot have where it stands in a topic or a subject: there it becomes _
	HTTP        bool     // versions of HTTP, proxies, tokens in headers, signatures, resumption
	Calls       bool     // it is gRPC, which HTTP carries: the target is an *HTTP
}

// Messages reports whether it carries messages, which are taken or not, and not requests, which are answered.
func (p *Protocol) Messages() bool { return !p.HTTP && !p.Calls }

// Protocols are all there are. HTTP is the first.
var Protocols = []Protocol{
	{Name: "http", Schemes: []string{"http", "https"}, Secure: []string{"https"}, Host: true, HTTP: true,
		Auth: []string{"bearer", "oauth2", "basic", "header", "token"}, Compression: []string{"gzip", "zstd"}, PerDevice: true},
	{Name: "grpc", Schemes: []string{"grpc", "grpcs"}, Secure: []string{"grpcs"}, Host: true, Calls: true,
		Auth: []string{"bearer", "oauth2", "basic", "header"}, Compression: []string{"gzip", "zstd"}, PerDevice: true},
	{Name: "discard", Schemes: []string{"discard"}},
	{Name: "stdout", Schemes: []string{"stdout"}},
	{Name: "file", Schemes: []string{"file"}, Path: true},
	{Name: "syslog", Schemes: []string{"syslog", "syslog+tls"}, Secure: []string{"syslog+tls"}, Host: true},
	{Name: "nats", Schemes: []string{"nats", "nats+tls"}, Secure: []string{"nats+tls"}, Host: true, Unfit: ".*>", Auth: []string{"basic", "bearer"}},
	{Name: "mqtt", Schemes: []string{"mqtt", "mqtt+tls", "mqtts"}, Secure: []string{"mqtt+tls", "mqtts"}, Host: true, Unfit: "/+#$", Auth: []string{"basic"},
		PerDevice: true, Sessions: true},
	{Name: "kafka", Schemes: []string{"kafka", "kafka+tls"}, Secure: []string{"kafka+tls"}, Host: true, Unfit: "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~", Auth: []string{"basic"},
		Compression: []string{"gzip", "zstd"}},
}

// ProtocolOf returns the protocol of a URL; false when its scheme is none. A scheme alone, with or without its colon, is the URL of
// a protocol that needs no more.
func ProtocolOf(url string) (*Protocol, bool) {
	scheme, _, _ := strings.Cut(url, ":")
	scheme = strings.ToLower(scheme)
	i := slices.IndexFunc(Protocols, func(p Protocol) bool { return slices.Contains(p.Schemes, scheme) })
	if i < 0 {
		return nil, false
	}
	return &Protocols[i], true
}

// Handle is a target that a run can be driven at.
type Handle interface {
	Target

	// Preflight asks, before a run, whether the backend is there and takes the credential. The error is nil,
	// *UnreachableError, *UnauthorisedError, or, when ctx ended, one that wraps the context's own.
	Preflight(ctx context.Context) error

	// Connections and Struck say what became of the connections, and how often drover's own faults struck, so far.
	Connections() Connections
	Struck() Struck
}

var (
	_ Handle = (*HTTP)(nil)
	_ Handle = (*Messages)(nil)
)
