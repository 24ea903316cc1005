package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// step is one command of the README, or one file that it tells the reader to save.
type step struct {
	line int
	file string   // save text under this name
	text string   // of the file
	args []string // or run drover with these
	to   string   // and its output goes into this file; "" for the screen
	want []string // lines that the README shows as the output; a line "..." stands for any number of lines
}

var saveAs = regexp.MustCompile("[Ss]ave this as `([A-Za-z0-9_-]+\\.yaml)`")

// readmeSteps finds, in order, the files to save (a yaml block after "save this as `NAME.yaml`") and the drover commands of
// the ```console blocks: lines that begin with "$ drover". Commands with a pipe belong to a shell and are left out.
func readmeSteps(text string) (steps []step, err error) {
	var lang, fence, file string
	var block []string
	for i, line := range strings.Split(text, "\n") {
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			lang, fence, block = strings.TrimPrefix(line, "```"), "```", nil
			if lang == "yaml" && file != "" {
				steps = append(steps, step{line: i + 1, file: file})
			}
		case fence != "" && line == fence:
			if lang == "yaml" && file != "" {
				steps[len(steps)-1].text = strings.Join(block, "\n") + "\n"
				file = ""
			}
			fence = ""
		case fence == "":
			if m := saveAs.FindStringSubmatch(line); m != nil {
				file = m[1]
			}
		case lang == "console" && strings.HasPrefix(line, "$ "):
			args, err := words(strings.TrimPrefix(line, "$ "))
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			if len(args) == 0 || args[0] != "drover" || slices.Contains(args, "|") {
				lang = "console, other" // what follows is not drover's output
				continue
			}
			s := step{line: i + 1, args: args[1:]}
			if n := slices.Index(s.args, ">"); n >= 0 {
				if n+2 != len(s.args) {
					return nil, fmt.Errorf("line %d: want one file after >", i+1)
				}
				s.args, s.to = s.args[:n], s.args[n+1]
			}
			steps = append(steps, s)
		case lang == "console, other" && strings.HasPrefix(line, "$ drover "):
			return nil, fmt.Errorf("line %d: a drover command after one of another program; give it a block of its own", i+1)
		case lang == "console" && len(steps) > 0:
			s := &steps[len(steps)-1]
			s.want = append(s.want, line)
		default:
			block = append(block, line)
		}
	}
	return steps, nil
}

// words splits a command line as a shell does, with single and double quotes and comments, without expansion.
func words(line string) (list []string, err error) {
	var word strings.Builder
	in, quote := false, rune(0)
	end := func() {
		if in {
			list = append(list, word.String())
		}
		word.Reset()
		in = false
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ':
			end()
		case r == '#' && !in:
			return list, nil
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is not closed in %q", line)
	}
	end()
	return list, nil
}

// shows reports whether got has the lines of want in order, "..." standing for any number of lines. Blanks at the ends of
// lines do not count.
func shows(got, want []string) bool {
	if len(want) == 0 {
		return true
	}
	if strings.TrimSpace(want[0]) == "..." {
		for i := range len(got) + 1 {
			if shows(got[i:], want[1:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && strings.TrimRight(got[0], " ") == strings.TrimRight(want[0], " ") && shows(got[1:], want[1:])
}

// figures tells commands whose output is the same everywhere and always from those that measure or wait.
func figures(command string) bool {
	return !slices.Contains([]string{"run", "report", "version", "serve"}, command)
}

// TestREADME does what the README tells its readers to do, in an empty directory.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Skip("there is no README.md yet")
	}
	steps, err := readmeSteps(string(text))
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	if len(steps) == 0 {
		t.Skip("README.md has no console blocks with drover commands")
	}
	t.Chdir(t.TempDir())
	for _, s := range steps {
		if s.file != "" {
			if err := os.WriteFile(s.file, []byte(s.text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		command := strings.Join(s.args, " ")
		if s.args[0] == "serve" || testing.Short() && s.args[0] == "run" {
			continue // serve has a test of its own: it would wait for ever
		}
		code, stdout, stderr := drover(t, testEnv(), s.args...)
		if code != exitPass {
			t.Errorf("README.md:%d: drover %s: exit code %d, want %d\n%s", s.line, command, code, exitPass, stderr)
		}
		if s.to != "" {
			if err := os.WriteFile(s.to, []byte(stdout), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		shown := s.want
		for len(shown) > 0 && strings.TrimSpace(shown[len(shown)-1]) == "" {
			shown = shown[:len(shown)-1]
		}
		if figures(s.args[0]) && len(shown) > 0 && !shows(lines(stdout), shown) {
			t.Errorf("README.md:%d: drover %s prints\n%s\nwant\n%s", s.line, command, stdout, strings.Join(shown, "\n"))
		}
	}
}

func TestReadmeSteps(t *testing.T) {
	const text = "Save this as `my.yaml`:\n\n```yaml\na: 1\n```\n\n```sh\ndrover run x\n```\n```console\n" +
		"$ drover validate my.yaml   # comment\nmy.yaml: ok\n$ drover schema > 's.json'\n$ drover events x | wc\n3\n```\n"
	got, err := readmeSteps(text)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{3 my.yaml a: 1
 []  []} {11   [validate my.yaml]  [my.yaml: ok]} {13   [schema] s.json []}]`
	if fmt.Sprint(got) != want {
		t.Errorf("readmeSteps = %v, want %s", got, want)
	}
	tests := []struct {
		got, want string
		ok        bool
	}{
		{"a b c", "a b c", true},
		{"a b c", "a b", true}, // a beginning will do
		{"a b c", "b c", false},
		{"a b c", "... c", true},
		{"a b c", "a ... c", true},
		{"a b c", "a ... d", false},
		{"a", "a b", false},
	}
	for _, tt := range tests {
		if ok := shows(strings.Fields(tt.got), strings.Fields(tt.want)); ok != tt.ok {
			t.Errorf("shows(%q, %q) = %v, want %v", tt.got, tt.want, ok, tt.ok)
		}
	}
}

// TestREADMEExitCodes: the table of the README has the codes of exits, no more and no fewer.
func TestREADMEExitCodes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Skip("there is no README.md yet")
	}
	_, table, found := strings.Cut(string(text), "\n| code |")
	if !found {
		t.Fatal("README.md has no table of exit codes")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var want, got []string
	for _, e := range exits {
		want = append(want, fmt.Sprint(e.code))
	}
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(table, -1) {
		got = append(got, m[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("README.md has the exit codes %v, want %v", got, want)
	}
}
