package main

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/publicsuffix"

	"drover/sim/event"
	"drover/sim/scenario"
	"drover/sim/wire"
)

var (
	code = regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>|\$\{[^}]*\}`) // of a page: not its data; fields of templates
	// Bundles; processes, sources, files; our document; keys of attributes, and the address of their schema.
	notSite = regexp.MustCompile(`^com\.(?:apple|microsoft)\.|\.(?:app|mm|py|md|sh)$|^drover\.run$|^(?:app|defender|device|host|os|service|user)\.[a-z_.]+$|^opentelemetry\.io$`)
	docNets = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("127.0.0.0/8")}
)

// real returns what in text could be a host on the Internet: a name below a public suffix that is no user name of a mail address, or an
// address that is neither for documentation nor a loopback.
func real(text string) (found []string) {
	if strings.Contains(text, "<s") || strings.Contains(text, "${") { // a ledger has millions of bytes and none of it
		text = code.ReplaceAllString(text, "")
	}
	for s := range dotted(text) {
		if a, err := netip.ParseAddr(s); err == nil {
			if !slices.ContainsFunc(docNets, func(p netip.Prefix) bool { return p.Contains(a) }) {
				found = append(found, s)
			}
			continue
		}
		_, kind := event.ParseKind(s)
		if _, icann := publicsuffix.PublicSuffix(strings.ToLower(s)); icann && !kind && !notSite.MatchString(s) {
			found = append(found, s)
		}
	}
	slices.Sort(found)
	return found
}

// dotted are the words with dots within, each once, but for user names of mail addresses.
func dotted(text string) map[string]bool {
	in := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
	}
	words := map[string]bool{}
	for at := 0; ; {
		dot := strings.IndexByte(text[at:], '.')
		if dot < 0 {
			return words
		}
		dot += at
		from, to := dot, dot
		for from > at && in(text[from-1]) {
			from--
		}
		for to+1 < len(text) && text[to] == '.' && in(text[to+1]) {
			for to++; to < len(text) && in(text[to]); to++ {
			}
		}
		if from == dot || to == dot { // no word on one side
			at = dot + 1
			continue
		}
		if to == len(text) || text[to] != '@' {
			words[text[from:to]] = true
		}
		at = to
	}
}

func TestDotted(t *testing.T) {
	for text, want := range map[string]string{
		"": "[]", ".": "[]", "a": "[]", "a.": "[]", ".a": "[]", "a.b": "[a.b]", "a..b.c": "[b.c]", ".a.b..c.d.": "[a.b c.d]", "a.b@c.d": "[c.d]",
		"a.b.@": "[a.b]", "x:1.2.3.4/A_-9.z a.b a.b": "[1.2.3.4 A_-9.z a.b]", "é.b ü.c.d": "[c.d]", "a.b@": "[]", "a.b@@c.d ": "[c.d]",
	} {
		if got := fmt.Sprint(slices.Sorted(maps.Keys(dotted(text)))); got != want {
			t.Errorf("dotted(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestReal(t *testing.T) {
	for text, want := range map[string]string{
		`see contoso-login.top.sim.test/a.html at 192.0.2.9:443 and 127.0.0.1, ann.lee@contoso.example, app.info, com.apple.mobile.app, 3.55ms, run.json`: "[]",
		`https://contoso-login.top/a`: "[contoso-login.top]", `10.1.2.3 a@evil.com WWW.Evil.COM`: "[10.1.2.3 WWW.Evil.COM evil.com]",
		`<script>a.com</script><script type="application/json">{"x":"b.org"}</script> ${device.id}`: "[b.org]",
	} {
		if got := fmt.Sprint(real(text)); got != want {
			t.Errorf("real(%q) = %s, want %s", text, got, want)
		}
	}
}

// realIn looks at the files of a run's directory, and at its ledger as it is printed.
func realIn(t *testing.T, dir string) (found []string) {
	t.Helper()
	texts := map[string]string{"ledger": want(t, exitPass, "ledger", dir)}
	for _, name := range []string{"run.json", "report.md", "report.html", "junit.xml", "scenario.yaml"} {
		src, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(src)
	}
	for name, text := range texts {
		for _, host := range real(text) {
			found = append(found, fmt.Sprintf("%s names %s", name, host))
		}
	}
	return found
}

// Nothing that drover prints of a shipped scenario names a host that could be real: not its devices, their events in any format, what
// they visit, the plan or the scenario itself. Reports of runs are looked at in TestShippedScenarios.
func TestPrintedOutputStaysReserved(t *testing.T) {
	formats := []string{"ndjson", "table", "uploads"}
	for name, format := range wire.Formats {
		// Native documents are uploads. In protobuf a tag may follow a name without a gap; otlp-json has the same names.
		if name != wire.Native.Name && !format(&wire.Constants{Send: event.AllFields}).Binary {
			formats = append(formats, name)
		}
	}
	slices.Sort(formats)
	shipped := scenario.Shipped()
	for i, name := range shipped {
		commands := [][]string{
			{"scenarios", "show", name}, {"plan", name}, {"devices", name, "--sample", "50", "--format", "ndjson"}, {"visits", name, "--device", "1"},
		}
		limit := "60"
		if name == "history" { // its whole year does not have 60, and would be gone through three times; another scenario prints the same format
			commands[1] = append(commands[1], "--variant", "month")
			limit = "20"
		}
		for f := range max(len(formats), len(shipped)) { // what is sent, of any kind and in any format, is looked at in TestOutputStaysReserved
			if f%len(shipped) == i {
				commands = append(commands, []string{"events", name, "--kind", "web.threat", "--limit", limit, "--format", formats[f%len(formats)]})
			}
		}
		zone := 0
		for _, args := range commands {
			out := want(t, exitPass, args...)
			zone += strings.Count(out, ".sim.test")
			if found := real(out); len(found) > 0 {
				t.Errorf("drover %s names %q", strings.Join(args, " "), found)
			}
		}
		if zone < 60 {
			t.Errorf("%s: only %d visited hosts to look at", name, zone)
		}
	}
}
