package report

import _ "embed" // run.schema.json

//go:embed run.schema.json
var runSchema []byte

// RunSchema returns the JSON Schema (draft 2020-12) of run.json, for those who read it with a program. A test makes it from
// Run and the comments of its fields; run it with -update after a change. It allows what a later minor version adds: fields
// that it does not name. What it does name stays, of the same type, as long as the major version of Schema does.
func RunSchema() []byte { return runSchema }
