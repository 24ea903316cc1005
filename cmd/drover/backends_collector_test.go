package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// realCollector is an OpenTelemetry Collector that writes what it gets into a file, by each of the ways in which it takes logs; the file is
// read back as it stands. It asks for a bearer token.
func realCollector(t *testing.T, trust realTrust) realServer {
	const version, stable = "v0.165.0", "v1.71.0"
	at, secured := freeAddr(t), freeAddr(t)
	file := filepath.Join(t.TempDir(), "logs.jsonl")
	s := realServer{
		name: "Collector",
		goMod: `module backends/collector

go 1.26.0

tool go.opentelemetry.io/collector/cmd/builder

require (
	github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter ` + version + `
	github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension ` + version + `
	go.opentelemetry.io/collector/cmd/builder ` + version + `
	go.opentelemetry.io/collector/component ` + stable + `
	go.opentelemetry.io/collector/confmap ` + stable + `
	go.opentelemetry.io/collector/confmap/provider/envprovider ` + stable + `
	go.opentelemetry.io/collector/confmap/provider/fileprovider ` + stable + `
	go.opentelemetry.io/collector/otelcol ` + version + `
	go.opentelemetry.io/collector/receiver/otlpreceiver ` + version + `
)
`,
		pkg: "go.opentelemetry.io/collector/cmd/builder",
		parts: `dist: {name: collector, module: backends/collector, output_path: .}
receivers: [{gomod: go.opentelemetry.io/collector/receiver/otlpreceiver ` + version + `}]
exporters: [{gomod: github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter ` + version + `}]
extensions: [{gomod: github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension ` + version + `}]
providers: [{gomod: go.opentelemetry.io/collector/confmap/provider/envprovider ` + stable + `}, {gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider ` + stable + `}]
`,
		args: func(addr, data string) []string {
			conf := filepath.Join(data, "collector.yaml")
			text := fmt.Sprintf(`extensions: {bearertokenauth: {token: %q}}
receivers:
  otlp:
    protocols:
      grpc: {endpoint: %q, auth: {authenticator: bearertokenauth}}
      http: {endpoint: %q, auth: {authenticator: bearertokenauth}}
  otlp/secured:
    protocols:
      grpc: {endpoint: %q, auth: {authenticator: bearertokenauth}, tls: {cert_file: %q, key_file: %q}}
exporters: {file: {path: %q, append: true}}
service:
  extensions: [bearertokenauth]
  pipelines: {logs: {receivers: [otlp, otlp/secured], exporters: [file]}}
  telemetry: {logs: {level: error}, metrics: {level: none}}
`, realPassword, at, addr, secured, trust.cert, trust.key, file)
			if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
				t.Error(err)
			}
			return []string{"--config=file:" + conf}
		},
	}
	add := func(row realRow, url func(addr string) string, block string) {
		row.target = func(t *testing.T, addr string) (string, string) {
			return url(addr), block + "    auth: {type: bearer, tokenFrom: {env: REAL_PASSWORD}}\n" +
				"    readback: {adapter: otlp-json, url: \"file:" + filepath.ToSlash(file) + "\", settle: 30s}\n"
		}
		s.rows = append(s.rows, row)
	}
	http := func(addr string) string { return "http://" + addr }
	add(realRow{adapter: "otlp-grpc", refusal: "UNAUTHENTICATED"}, func(string) string { return "grpc://" + at }, "")
	add(realRow{adapter: "otlp-grpc, TLS", secure: true, spared: true, refusal: "UNAUTHENTICATED"}, func(string) string { return "grpcs://" + secured }, trustBlock)
	add(realRow{adapter: "otlp-http, protobuf", refusal: "401"}, http, "    adapter: otlp-http\n")
	add(realRow{adapter: "otlp-http, JSON", refusal: "401"}, http, "    adapter: otlp-http\n    format: otlp-json\n")
	return s
}
