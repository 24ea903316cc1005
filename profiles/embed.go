// Package profiles holds what fleets are built from, as files that people edit: hardware models, iOS releases and how they spread,
// address blocks, day shapes, the profiles of kinds of device, and the privacy contracts; and the adapters and read-backs of backends.
// Each file names its sources. Package scenario reads them.
package profiles

import "embed"

// Files are the shipped files by name.
//
//go:embed *.yaml *.csv adapters/*.yaml readbacks/*.yaml
var Files embed.FS
