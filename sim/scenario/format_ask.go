package scenario

// The format's part that says what devices ask a backend for, beside what they upload. format.go explains the tags.

// rawAsk is a request that asks for something, and its answer.
type rawAsk struct {
	Method      string     `json:"method,omitempty" default:"GET" enum:"GET|POST|PUT" jsonschema:"method of HTTP; with document or form without it POST"`
	Path        string     `json:"path,omitempty" jsonschema:"below target.url; values of fields are escaped; without it target.url itself"`
	Query       rawPairs   `json:"query,omitempty" jsonschema:"parameters; values are escaped, and one without a value is left out"`
	Headers     rawPairs   `json:"headers,omitempty" jsonschema:"headers beside those of the adapter; one without a value is left out"`
	ContentType string     `json:"contentType,omitempty" jsonschema:"without it application/json, or application/x-www-form-urlencoded with form"`
	Document    *rawAny    `json:"document,omitempty" jsonschema:"the body: a value of JSON with fields in its texts"`
	Form        rawPairs   `json:"form,omitempty" jsonschema:"the body: parameters, as a form of a web page sends them"`
	Success     rawSuccess `json:"success,omitempty" jsonschema:"which answers say yes"`
}

type rawConfig struct {
	rawAsk
	Every duration `json:"every,omitempty" default:"24h" range:"1s..365d" jsonschema:"with a device's first upload, and with the first one after so much of its time"`
}

type rawVerdict struct {
	rawAsk
	Verdict rawOpinion `json:"verdict" jsonschema:"where the answer has the backend's own opinion"`
}

type rawToken struct {
	rawAsk
	Token   string `json:"token" example:"access_token" jsonschema:"place in the answer of the token"`
	Expires string `json:"expires,omitempty" jsonschema:"place of how many seconds it lasts; without it until it is refused"`
}

type rawOpinion struct {
	Word  string   `json:"word" example:"verdict" jsonschema:"place in the answer of what the site is; an answer without it, or with another word than these, is no verdict"`
	Score string   `json:"score,omitempty" jsonschema:"place of a number from 0 to 1"`
	Words rawPairs `json:"words,omitempty" jsonschema:"what the backend's words mean: benign, phishing, malware, c2, scam or unknown; without it those themselves"`
}
