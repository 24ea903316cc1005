package scenario

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"drover/profiles"
	"drover/scenarios"
	"drover/sim/behavior"
	"drover/sim/fleet"
)

// embedded is the target.url of the reference backend.
const embedded = "embedded"

// Load reads a scenario from a path, or a shipped one by its name. Mistakes in the file come back as Errors; another
// error says that the file could not be read.
func Load(name string, opt Options) (*Scenario, error) {
	src, err := read(name)
	if err != nil {
		return nil, err
	}
	return Parse(name, src, opt)
}

// read returns the text of a shipped scenario or of a file. A name without folder and extension is a shipped one.
func read(name string) ([]byte, error) {
	plain := !isPath(name)
	if plain {
		if src, err := fs.ReadFile(scenarios.Files, name+".yaml"); err == nil {
			return src, nil
		}
	}
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		if plain && errors.Is(err, fs.ErrNotExist) {
			shipped := Shipped()
			return nil, fmt.Errorf("there is no scenario %q; %s", name,
				didYouMean(name, shipped, "name a file, or one of "+strings.Join(shipped, ", ")))
		}
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, 16*maxBytes)) // Parse says how much is too much
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	return src, nil
}

// Shipped returns the names of the scenarios that come with the binary, sorted.
func Shipped() []string { return namesOf(scenarios.Files, "*.yaml") }

// facts are what a scenario may name. They are read once and never changed.
type facts struct {
	catalogue *fleet.Catalogue
	shapes    map[string]behavior.Day
	profiles  map[string]fleet.Profile
	versions  []string             // of iOS
	uptake    map[string]rawUptake // of a release that does not say: app and os
}

var loadFacts = sync.OnceValues(func() (facts, error) {
	cat, err := LoadCatalogue(profiles.Files)
	if err != nil {
		return facts{}, err
	}
	shapes, err := LoadShapes(profiles.Files)
	if err != nil {
		return facts{}, err
	}
	f := facts{catalogue: cat, shapes: shapes, profiles: map[string]fleet.Profile{}}
	if _, err := shippedContracts(); err != nil {
		return facts{}, err
	}
	for _, name := range profileNames() {
		if f.profiles[name], err = LoadProfile(profiles.Files, name); err != nil {
			return facts{}, err
		}
	}
	if f.uptake, err = loadUptake(profiles.Files); err != nil {
		return facts{}, err
	}
	for _, r := range cat.Releases {
		f.versions = append(f.versions, r.Version)
	}
	return f, nil
})

var profileKind = regexp.MustCompile(`(?m)^kind: Profile\s*$`)

// profileNames lists the shipped device profiles: the files among the facts that say they are one.
func profileNames() []string {
	files, _ := fs.Glob(profiles.Files, "*.yaml")
	var names []string
	for _, f := range files {
		if src, err := fs.ReadFile(profiles.Files, f); err == nil && profileKind.Match(src) {
			names = append(names, strings.TrimSuffix(f, ".yaml"))
		}
	}
	return names
}

// Parse turns the text of a file into a Scenario. file is its name in messages. Mistakes come back as Errors, all at
// once and in file order. Without Options.Variant, each variant of the file is checked as well. It never panics.
func Parse(file string, src []byte, opt Options) (*Scenario, error) {
	sc, variants, err := parse(file, src, opt)
	if err != nil || opt.Variant != "" {
		return sc, err
	}
	r := newReport(file)
	for _, name := range variants {
		_, _, err := parse(file, src, Options{Set: opt.Set, Variant: name})
		var errs Errors
		if errors.As(err, &errs) {
			for _, e := range errs {
				r.add(e.Line, e.Col, e.Mend, "with variant %s: %s", name, e.What)
			}
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return sc, nil
}

// parse reads the file with one variant, or with none, and returns the names of all its variants.
func parse(file string, src []byte, opt Options) (*Scenario, []string, error) {
	facts, err := loadFacts()
	if err != nil {
		return nil, nil, fmt.Errorf("the facts built into drover are damaged: %w", err)
	}
	d, root := begin(file, src, scenarioKind)
	if root == nil {
		return nil, nil, d.err()
	}
	decls := map[string]*rawParam{}
	if block := lookup(lookup(root, "spec"), "params"); block != nil {
		d.value(block, reflect.ValueOf(&decls).Elem(), "params", "")
	}
	substitute(d.report, root, decls, d.key, opt.Set)

	f := new(rawFile)
	d.document(root, f, "")
	b := builder{decoder: d, spec: &f.Spec, facts: facts, zones: map[string]bool{}, windowed: map[string]bool{}}
	b.behaviors()
	b.variants(opt.Variant)
	sc := &Scenario{
		Name: string(f.Metadata.Name), Description: f.Metadata.Description, File: file,
		Seeds: Seeds(f.Spec.Seed), Start: time.Time(f.Spec.Clock.Start), Speed: f.Spec.Clock.Speed, Catalogue: facts.catalogue,
	}
	b.target(sc)
	b.contract(sc)
	sc.Target.Adapter = b.adapter(&f.Spec.Target, sc)
	b.dim.ops = operations(sc.Target.Adapter)
	b.hashed(&f.Spec.Target, &sc.Target)
	b.messagePlace(&f.Spec.Target, sc)
	sc.Batch.MaxEvents = f.Spec.Target.Client.Batch.MaxEvents
	sc.Canaries = f.Spec.Privacy.Canaries.BenignHosts
	sc.Zone, sc.Sites = b.zone(), b.sites()
	b.fleets(sc)
	b.load(sc)
	b.timeline(sc)
	b.checks(sc)
	if err := d.err(); err != nil {
		return nil, nil, err
	}
	variants := slices.Sorted(maps.Keys(f.Spec.Variants))
	f.Spec.Params, f.Spec.Variants = nil, nil
	sc.Resolved = canonical(f)
	sum := sha256.Sum256(append(slices.Clone(sc.Resolved), sc.ContractFile...))
	sc.Digest = hex.EncodeToString(sum[:])
	sc.Work = work(*f, sc.ContractFile)
	return sc, variants, nil
}

// work is the digest of what the devices do: two runs of one work can be compared, whatever backend they were driven at, by
// whatever credential, and whatever was promised of it. How a device sends (target.client) is a part of it.
func work(f rawFile, contract []byte) string {
	f.Metadata = rawMetadata{}
	f.Spec.Target = rawTarget{Client: f.Spec.Target.Client}
	f.Spec.Checks = nil
	sum := sha256.Sum256(append(canonical(&f), contract...))
	return hex.EncodeToString(sum[:])
}

// builder checks what several fields mean together and builds the values of the domain packages.
type builder struct {
	*decoder
	spec  *rawSpec
	facts facts
	zones map[string]bool           // whether there is such a time zone, of those asked for
	used  map[string]bool           // behaviours that a cohort has or another behaviour extends
	plans map[string]*behavior.Plan // by behaviour
	dim   dimensions

	spreads  map[float64]*behavior.Spread // by shape
	windowed map[string]bool              // entries of the timeline that a check names
}

// dimensions are the names that a check may pick uploads by.
type dimensions struct{ ops, phases, fleets, cohorts, entries []string }
