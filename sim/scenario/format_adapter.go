package scenario

import (
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"drover/sim/wire"
)

// rawAdapterFile is a file with an adapter of its own.
type rawAdapterFile struct {
	APIVersion string      `json:"apiVersion" enum:"drover/v1" jsonschema:"version of this language"`
	Kind       string      `json:"kind" enum:"Adapter" jsonschema:"what the file is"`
	Metadata   rawMetadata `json:"metadata" jsonschema:"what the adapter is called"`
	Spec       rawMapping  `json:"spec" jsonschema:"how uploads become requests, and what answers mean"`
}

// rawAdapter is the name of a preset, the path of a file, or a mapping.
type rawAdapter struct {
	Name string
	Own  *rawMapping
	node *yaml.Node
}

func (a *rawAdapter) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) bool {
	a.node = n
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		a.Name, a.Own = n.Value, nil
		return true
	}
	if n.Kind != yaml.MappingNode {
		d.errorf(n, "want the name of a preset, a file or a mapping; see drover help adapters", "%s: %s is no adapter", path, show(n))
		return false
	}
	d.value(n, reflect.ValueOf(&a.Own).Elem(), path, "")
	return !d.bad[&a.Own] && !d.bad[a.Own]
}

func (a rawAdapter) encode() *yaml.Node {
	if a.Own != nil {
		return encode(reflect.ValueOf(a.Own))
	}
	return textNode(a.Name)
}

// rawMapping is an adapter.
type rawMapping struct {
	Name      word       `json:"name,omitempty" jsonschema:"what reports call it; without it the file's name, or inline"`
	Per       string     `json:"per,omitempty" default:"upload" enum:"upload|event|devices" jsonschema:"what a request carries: a device's upload, one event, or as gather says the uploads of several devices of a tenant, as a gateway before the backend sends them"`
	Gather    *rawGather `json:"gather,omitempty" jsonschema:"per: devices: how uploads come together in a request; enrolments with enrolments, and look-ups alone"`
	KeyHeader string     `json:"keyHeader,omitempty" default:"Idempotency-Key" jsonschema:"header that the upload's key goes in, the same for all its attempts; none: in no header"`
	Formats   []string   `json:"formats,omitempty" jsonschema:"formats that target.format can be, the first where it is not written; without it any"`
	Headers   rawPairs   `json:"headers,omitempty" jsonschema:"headers of all requests; fields can be used in their values"`
	Enrol     *rawOp     `json:"enrol,omitempty" jsonschema:"how a device enrols, in the fields of upload; without it enrolments go out as uploads"`
	Upload    rawOp      `json:"upload" jsonschema:"how everything else goes out"`
	Single    *rawOp     `json:"single,omitempty" jsonschema:"how an upload that has one event goes out, in the fields of upload: a request of its own, of the operation single, where the backend takes one event another way than several; document without it is the event alone. Without it such uploads are like all others"`

	Config  *rawConfig  `json:"config,omitempty" jsonschema:"how a device fetches its configuration: a request beside its uploads, of the operation config"`
	Verdict *rawVerdict `json:"verdict,omitempty" jsonschema:"how a device asks for a verdict of each threat whose domain it reports, beside the upload with it: of the operation verdict; what uploads are answered of threats is then not read"`
	Token   *rawToken   `json:"token,omitempty" jsonschema:"how a device asks for its credential before it uploads, with target.auth of type token; ${auth.secret} is that one's secret"`
}

type rawGather struct {
	Uploads int      `json:"uploads,omitempty" default:"20" range:"2..1000" jsonschema:"most uploads in a request, which goes when it has them"`
	Wait    duration `json:"wait,omitempty" default:"200ms" range:"1ms..1m" jsonschema:"the longest that the first of them waits for others, in wall time; 200ms is what the batch processor of an OpenTelemetry Collector waits (opentelemetry-collector, processor/batchprocessor/README.md)"`
}

// rawOp is one kind of request, and its answer.
type rawOp struct {
	Method      string       `json:"method,omitempty" default:"POST" enum:"POST|PUT|PATCH" jsonschema:"method of HTTP"`
	Path        string       `json:"path,omitempty" jsonschema:"below target.url; values of fields are escaped; without it target.url itself"`
	Query       rawPairs     `json:"query,omitempty" jsonschema:"parameters; values are escaped, and one without a value is left out"`
	Headers     rawPairs     `json:"headers,omitempty" jsonschema:"headers beside those of the adapter; one without a value is left out"`
	ContentType string       `json:"contentType,omitempty" jsonschema:"without it application/json, application/x-ndjson or text/plain, by body"`
	Body        string       `json:"body,omitempty" default:"json" enum:"json|ndjson|text|format" jsonschema:"json: one document; ndjson: a document a line; text: any text; format: the whole upload in target.format"`
	Document    *rawAny      `json:"document,omitempty" jsonschema:"json: what is around the events, whose list is ${upload.events}; without it the list alone, and per: event the event alone"`
	Event       *rawAny      `json:"event,omitempty" jsonschema:"an event: a value with fields in its texts; ndjson: a list is several lines; text: the text with its line end"`
	Answers     string       `json:"answers,omitempty" default:"mapped" enum:"mapped|drover|otlp" jsonschema:"mapped: as success, items and verdicts say; drover: those of drover's own API; otlp: those to an export of OpenTelemetry logs, with their partial success"`
	Success     rawSuccess   `json:"success,omitempty" jsonschema:"which answers say yes"`
	Items       *rawItems    `json:"items,omitempty" jsonschema:"where the answer has a result for each event, in their order"`
	Verdicts    *rawOpinions `json:"verdicts,omitempty" jsonschema:"where the answer has the backend's own opinion of events"`
}

type rawSuccess struct {
	Status rawSpans `json:"status,omitempty" jsonschema:"statuses of HTTP, e.g. [200, 202-204]; without it 200-299"`
	Say    string   `json:"say,omitempty" jsonschema:"place in the answer that says yes or no, as names joined by dots"`
	Yes    rawWords `json:"yes,omitempty" jsonschema:"what it says then: one value or a list"`
}

type rawItems struct {
	List   string   `json:"list" example:"items" jsonschema:"place of the list in the answer"`
	Status string   `json:"status" example:"*.status" jsonschema:"place of the status in an item; * is the only member whatever its name"`
	OK     rawSpans `json:"ok,omitempty" jsonschema:"statuses that say yes; without it 200-299"`
	Again  rawSpans `json:"again,omitempty" jsonschema:"statuses that ask for an event to be sent again, e.g. [429, 503]: an upload's next attempt has those events alone; without it they are refused"`
	Reason string   `json:"reason,omitempty" jsonschema:"place in an item that says why not"`
}

type rawOpinions struct {
	List  string   `json:"list" example:"results" jsonschema:"place of the list in the answer"`
	ID    string   `json:"id,omitempty" jsonschema:"place of the event's id in an item"`
	Seq   string   `json:"seq,omitempty" jsonschema:"place of its seq; with neither, items are in the order of the events"`
	Word  string   `json:"word" example:"verdict" jsonschema:"place in an item of what the event is"`
	Score string   `json:"score,omitempty" jsonschema:"place in an item of a number from 0 to 1"`
	Words rawPairs `json:"words,omitempty" jsonschema:"what the backend's words mean: benign, phishing, malware, c2, scam or unknown; without it those themselves"`
}

// rawPairs is a mapping from any names to texts, in file order.
type rawPairs []rawPair

type rawPair struct {
	Name, Value string
	key, node   *yaml.Node
}

func (p *rawPairs) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) bool {
	if n.Kind != yaml.MappingNode {
		d.errorf(n, "write it as name: value", "%s: want a mapping, not %s", path, show(n))
		return false
	}
	*p = rawPairs{}
	ok := true
	for k, v := range members(n) {
		if v.Tag == badTag {
			ok = false
		} else if v.Kind != yaml.ScalarNode || v.ShortTag() == "!!null" {
			d.errorf(v, "", "%s.%s: want a text, not %s", path, clip(k.Value), show(v))
			ok = false
		}
		*p = append(*p, rawPair{k.Value, v.Value, k, v})
	}
	return ok
}

func (p rawPairs) encode() *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for _, x := range p {
		m.Content = append(m.Content, textNode(x.Name), textNode(x.Value))
	}
	return m
}

// rawAny is a value of any shape.
type rawAny struct{ node *yaml.Node }

func (a *rawAny) decode(_ *decoder, n *yaml.Node, _ string, _ reflect.StructTag) bool {
	a.node = n
	return true
}

func (a rawAny) encode() *yaml.Node {
	var bare func(n *yaml.Node) *yaml.Node
	bare = func(n *yaml.Node) *yaml.Node {
		out := &yaml.Node{Kind: n.Kind}
		if n.Kind == yaml.ScalarNode {
			if n.ShortTag() == "!!str" {
				return textNode(n.Value)
			}
			out.Value = n.Value
		}
		for _, c := range n.Content {
			out.Content = append(out.Content, bare(c))
		}
		if len(n.Content) == 0 && n.Kind != yaml.ScalarNode {
			out.Style = yaml.FlowStyle
		}
		return out
	}
	return bare(a.node)
}

// rawSpans are statuses: a number, from-to, or a list of these.
type rawSpans []wire.Span

func (s *rawSpans) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) bool {
	*s = nil
	ok := true
	for _, item := range itemsOf(n) {
		if item.Tag == badTag {
			ok = false
			continue
		}
		low, high, found := strings.Cut(item.Value, "-")
		if !found {
			high = low
		}
		from, err1 := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if item.Kind != yaml.ScalarNode || err1 != nil || err2 != nil || from < 100 || to > 999 || to < from {
			d.errorf(item, "want e.g. 200, 200-299 or [200, 201]", "%s: %s is no status", path, show(item))
			ok = false
			continue
		}
		*s = append(*s, wire.Span{From: from, To: to})
	}
	return ok
}

func itemsOf(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return []*yaml.Node{n}
}

func (s rawSpans) encode() *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, x := range s {
		text := strconv.Itoa(x.From)
		if x.To != x.From {
			text += "-" + strconv.Itoa(x.To)
		}
		list.Content = append(list.Content, plainNode(text))
	}
	return list
}

// rawWords is one plain value or a list of them, as written.
type rawWords []string

func (w *rawWords) decode(d *decoder, n *yaml.Node, path string, _ reflect.StructTag) bool {
	*w = nil
	for _, item := range itemsOf(n) {
		if item.Kind != yaml.ScalarNode {
			d.errorf(item, "", "%s: want a plain value, not %s", path, show(item))
			return false
		}
		*w = append(*w, item.Value)
	}
	return true
}

func (w rawWords) encode() *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, x := range w {
		list.Content = append(list.Content, textNode(x))
	}
	return list
}
