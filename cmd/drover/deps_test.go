package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers is the house from the ground up. A package imports packages of lower layers only: never up, never sideways. The
// lowest ones are several, because target and check speak in measure's words and classify in event's.
var layers = [][]string{
	{"profiles", "scenarios", "sim/event", "sim/measure", "sim/pace", "sim/target/kafkatest"},
	{"sim/fleet", "sim/classify", "sim/defect", "sim/target", "sim/check"},
	{"sim/crash"},
	{"sim/behavior", "sim/wire", "sim/privacy"},
	{"sim/scenario", "sim/ledger"},
	{"sim", "sim/backend", "report"},
	{"sim/backend/db"},
	{"cmd/drover", "cmd/bench-peers"},
}

// forbidden are imports that a package must not have although its layer would allow them.
var forbidden = []struct {
	pkgs, imports []string // a trailing /... matches what lies below, too
	why           string
}{
	{pure, []string{"net", "net/http/...", "os", "os/exec", "syscall", "golang.org/x/sys/..."},
		"everything up to the bytes is pure: no socket, no process, no file"},
	{pure, []string{"crypto/rand"}, "a run is a function of its scenario: chance comes from the seed"},
	{pure, []string{"golang.org/x/sync/..."}, "the workers are sim's"},
	{[]string{"sim/measure", "sim/check", "report"}, []string{"net", "net/http/..."}, "the socket is target's and backend's"},
	{[]string{"sim/scenario"}, []string{"net/http/..."}, "scenario knows neither the clock nor the network"}, // net for the form of addresses
	{[]string{"sim/..."}, []string{"github.com/spf13/...", "flag"}, "the command line is cmd's"},
	{[]string{"report", "sim/backend", "sim", "sim/fleet", "sim/behavior", "sim/privacy", "sim/event", "sim/crash", "sim/wire", "sim/check", "sim/measure", "sim/target", "sim/pace", "sim/classify"},
		[]string{"gopkg.in/yaml.v3", "drover/profiles", "drover/scenarios"}, "domain packages never see YAML; scenario builds their values"},
	{[]string{"sim/fleet"}, []string{"drover/sim/event"}, "fleet knows who, not what"},
	{[]string{"sim/target"}, []string{"drover/sim/event", "drover/sim/fleet", "drover/sim/wire"}, "target does not know what the bytes mean"},
	{[]string{"sim/wire"}, []string{"drover/sim/target", "drover/sim/classify"}, "wire knows neither transport nor ground truth"},
	{[]string{"sim/privacy"}, []string{"drover/sim/classify"}, "privacy judges what is in a document, not what a site is"},
	{[]string{"sim/crash"}, []string{"drover/sim/pace", "drover/sim/target"}, "crash knows what iOS writes, neither schedules nor transport"},
	{[]string{"sim/classify"}, []string{"drover/sim/fleet", "drover/sim/behavior"}, "the classifier sees the URL alone"},
	{[]string{"report"}, []string{"drover/sim/scenario", "drover/sim/behavior", "drover/sim/target"}, "report shows a finished run, however it was driven"},
	{[]string{"sim/backend/..."}, []string{"drover/sim/scenario", "drover/sim/measure", "drover/sim/behavior", "drover/sim/target"},
		"the backend is the other side: it shares nothing with the simulator but the format"},
	{[]string{"sim", "sim/backend", "report", "cmd/drover"}, []string{"database/sql", "modernc.org/sqlite"}, "only sim/backend/db knows what a database is"},
}

// pure are the packages without clock, goroutine or socket.
var pure = []string{"sim/event", "sim/defect", "sim/fleet", "sim/behavior", "sim/privacy", "sim/classify", "sim/crash", "sim/wire", "sim/pace"}

// clock are the functions of package time that look at the wall clock.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// sockets are the functions and types of package net that reach the network.
var sockets = regexp.MustCompile(`^(Dial|Listen|Lookup|Resolve|Conn)`)

const module = "drover/"

// matches reports whether one of patterns names p.
func matches(patterns []string, p string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		below, ok := strings.CutSuffix(pattern, "/...")
		return p == below || ok && strings.HasPrefix(p, below+"/")
	})
}

func layerOf(pkg string) int {
	return slices.IndexFunc(layers, func(pkgs []string) bool { return slices.Contains(pkgs, pkg) })
}

// faults returns what is wrong with the imports and, in a pure package, with the code of one file of pkg.
func faults(fset *token.FileSet, pkg string, file *ast.File) (list []string) {
	add := func(at token.Pos, what string) { list = append(list, fset.Position(at).String()+": "+what) }
	names := map[string]string{} // local name of an import -> its path
	for _, spec := range file.Imports {
		imp, _ := strconv.Unquote(spec.Path.Value)
		names[path.Base(strings.TrimSuffix(imp, "/v2"))] = imp
		if spec.Name != nil {
			names[spec.Name.Name] = imp
		}
		if own, ok := strings.CutPrefix(imp, module); ok {
			switch mine, theirs := layerOf(pkg), layerOf(own); {
			case theirs < 0:
				add(spec.Pos(), pkg+" imports "+own+", which has no layer")
			case theirs >= mine:
				add(spec.Pos(), pkg+" imports "+own+": imports point down, never sideways or up")
			}
		}
		for _, f := range forbidden {
			if matches(f.pkgs, pkg) && matches(f.imports, imp) {
				add(spec.Pos(), pkg+" imports "+imp+": "+f.why)
			}
		}
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			add(f.Pos(), pkg+" has an init function: what a package needs it makes where it is used")
		}
	}
	if pkg == "sim/scenario" {
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := sel.X.(*ast.Ident); ok && names[id.Name] == "net" && sockets.MatchString(sel.Sel.Name) {
					add(n.Pos(), pkg+" uses net."+sel.Sel.Name+": scenario knows neither the clock nor the network")
				}
			}
			return true
		})
	}
	if !slices.Contains(pure, pkg) {
		return list
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			add(n.Pos(), pkg+" starts a goroutine: the workers are sim's")
		case *ast.SelectorExpr:
			id, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			switch names[id.Name] {
			case "time":
				if slices.Contains(clock, n.Sel.Name) {
					add(n.Pos(), pkg+" uses time."+n.Sel.Name+": the wall clock is sim's")
				}
			case "math/rand", "math/rand/v2":
				if fn := n.Sel.Name; isGlobalDraw(fn) {
					add(n.Pos(), pkg+" uses rand."+fn+": it draws from a stream that everybody shares and nobody can seed")
				}
			}
		}
		return true
	})
	return list
}

// isGlobalDraw reports whether name is a function of math/rand or math/rand/v2 that draws from the global source; the rest
// are types and their constructors.
func isGlobalDraw(name string) bool {
	return !strings.HasPrefix(name, "New") && !slices.Contains([]string{"Rand", "Source", "Source64", "PCG", "ChaCha8", "Zipf"}, name)
}

// sources calls f with each Go file of the repository that is not a test.
func sources(t *testing.T, f func(pkg, name string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	for _, top := range []string{"cmd", "profiles", "report", "scenarios", "sim"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "testdata":
				return filepath.SkipDir
			case d.IsDir(), !strings.HasSuffix(name, ".go"), strings.HasSuffix(name, "_test.go"):
				return nil
			}
			pkg, err := filepath.Rel(root, filepath.Dir(name))
			if err != nil {
				return err
			}
			f(filepath.ToSlash(pkg), name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestImportsPointDown holds the whole repository, for all platforms, to the layers and to the purity of the domain.
func TestImportsPointDown(t *testing.T) {
	seen := map[string]bool{}
	sources(t, func(pkg, name string) {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if layerOf(pkg) < 0 && !seen[pkg] {
			t.Errorf("package %s has no layer; say in layers where it stands", pkg)
		}
		seen[pkg] = true
		for _, f := range faults(fset, pkg, file) {
			t.Error(f)
		}
	})
	for _, pkg := range pure {
		if !seen[pkg] {
			t.Errorf("package %s is to be pure, but there is no such package", pkg)
		}
	}
}

// TestFaults proves that faults sees what it is for.
func TestFaults(t *testing.T) {
	tests := []struct {
		pkg, src string
		want     string // part of the only fault; "" for none
	}{
		{"sim/event", `import "time"; var day = 24 * time.Hour; func f(t time.Time) time.Time { return t.Add(day) }`, ""},
		{"sim/event", `import "time"; func f() time.Time { return time.Now() }`, "time.Now"},
		{"sim/event", `import clock "time"; func f() { clock.Sleep(1) }`, "time.Sleep"},
		{"sim/event", `func f() { go f() }`, "goroutine"},
		{"sim", `import "time"; func f() { go time.Sleep(1) }`, ""},
		{"sim/wire", `import "net/http"; var _ http.Header`, "no socket"},
		{"sim/target", `import "net/http"; var _ http.Header`, ""},
		{"sim/fleet", `import "math/rand/v2"; func f() int { return rand.IntN(3) }`, "rand.IntN"},
		{"sim/fleet", `import "math/rand"; func f() int { return rand.Intn(3) }`, "rand.Intn"},
		{"sim/fleet", `import "math/rand/v2"; func f(r *rand.Rand) int { return r.IntN(3) + rand.New(rand.NewPCG(1, 2)).IntN(3) }`, ""},
		{"sim/fleet", `import "drover/sim/behavior"; var _ behavior.Plan`, "imports point down"}, // up
		{"sim/fleet", `import "drover/sim/target"; var _ target.Target`, "imports point down"},   // sideways
		{"sim/behavior", `import "drover/sim/fleet"; var _ fleet.Device`, ""},
		{"sim/behavior", `import "drover/sim/util"; var _ util.X`, "no layer"},
		{"report", `import "drover/sim/scenario"; var _ scenario.Scenario`, "however it was driven"},
		{"sim/scenario", `import "net"; var ip = net.ParseIP("::1")`, ""},
		{"sim/scenario", `import "net"; var ips, _ = net.LookupHost("x")`, "net.LookupHost"},
		{"sim/measure", `func init() {}`, "init function"},
		{"sim/measure", `type t struct{}; func (t) init() {}`, ""},
	}
	for _, tt := range tests {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "x.go", "package x; "+tt.src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		got := faults(fset, tt.pkg, file)
		switch {
		case tt.want == "" && len(got) > 0:
			t.Errorf("faults(%s, %q) = %q, want none", tt.pkg, tt.src, got)
		case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
			t.Errorf("faults(%s, %q) = %q, want one about %q", tt.pkg, tt.src, got, tt.want)
		}
	}
}
