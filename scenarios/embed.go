// Package scenarios holds the scenarios that come with drover. They are meant to be read and copied; package scenario
// says what they mean.
package scenarios

import "embed"

// Files are the shipped scenarios, one *.yaml each.
//
//go:embed *.yaml
var Files embed.FS
