package scenario

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"drover/profiles"
	"drover/sim/event"
	"drover/sim/wire"
)

// Adapters returns the names of the adapters that come with the binary, sorted.
func Adapters() []string { return namesOf(profiles.Files, "adapters/*.yaml") }

// AdapterFile returns the text of a shipped adapter.
func AdapterFile(name string) ([]byte, error) {
	src, err := fs.ReadFile(profiles.Files, "adapters/"+name+".yaml")
	if err != nil {
		names := Adapters()
		return nil, fmt.Errorf("there is no adapter %q; %s", clip(name), didYouMean(name, names, "name a file, or one of "+strings.Join(names, ", ")))
	}
	return src, nil
}

// AdapterDescription is the line that a shipped adapter says about itself.
func AdapterDescription(name string) string {
	all, err := shippedAdapters()
	if err != nil || all[name] == nil {
		return ""
	}
	return all[name].Metadata.Description
}

// namesOf returns the names of shipped files, without folder and extension, sorted.
func namesOf(fsys fs.FS, pattern string) []string {
	files, _ := fs.Glob(fsys, pattern)
	for i, f := range files {
		files[i] = strings.TrimSuffix(path.Base(f), ".yaml")
	}
	slices.Sort(files)
	return files
}

// shippedAdapters reads the presets, by name, and holds each to the language.
var shippedAdapters = sync.OnceValues(func() (map[string]*rawAdapterFile, error) {
	all := map[string]*rawAdapterFile{}
	for _, name := range Adapters() {
		src, err := AdapterFile(name)
		if err != nil {
			return nil, err
		}
		f, d, err := readAdapter("adapters/"+name+".yaml", src)
		if err != nil {
			return nil, err
		}
		if (&mapper{decoder: d, c: &wire.Constants{Send: event.AllFields}}).mapping(&f.Spec, name); d.err() != nil {
			return nil, d.err()
		}
		all[name] = f
	}
	return all, nil
})

// readAdapter reads the file of an adapter. Mistakes come back as Errors.
func readAdapter(file string, src []byte) (*rawAdapterFile, *decoder, error) {
	d, root := begin(file, src, adapterKind)
	if root == nil {
		return nil, nil, d.err()
	}
	f := new(rawAdapterFile)
	d.document(root, f, "")
	return f, d, d.err()
}

// adapter finds the adapter that a scenario names, or has, and compiles it. What a file has is written into the resolved scenario.
func (b *builder) adapter(t *rawTarget, sc *Scenario) *wire.Mapping {
	a := &t.Adapter
	if !b.good(a) || sc.Contract == nil {
		return nil
	}
	c := &wire.Constants{Send: sc.Sends.All}
	if a.Own != nil {
		b.carried(b.decoder, a.Own, t, sc.Target.Protocol, "")
		return b.apart((&mapper{decoder: b.decoder, c: c}).mapping(a.Own, "inline"), t)
	}
	n := b.at(a)
	if n == nil {
		n = a.node
	}
	if !isPath(a.Name) {
		all, err := shippedAdapters()
		if err != nil {
			b.errorf(n, "", "the adapters built into drover are damaged: %v", err)
			return nil
		}
		if all[a.Name] == nil {
			names := Adapters()
			b.errorf(n, didYouMean(a.Name, names, "name a file, ./my-adapter.yaml, or "+list(names)), "target.adapter: there is no adapter %q", clip(a.Name))
			return nil
		}
		src, _ := AdapterFile(a.Name)
		f, d, err := readAdapter("adapters/"+a.Name+".yaml", src)
		if err != nil {
			return nil
		}
		b.carried(d, &f.Spec, t, sc.Target.Protocol, a.Name)
		m := (&mapper{decoder: d, c: c}).mapping(&f.Spec, a.Name)
		if errs, ok := d.err().(Errors); ok { // of the contract: a field that it does not have
			b.also(errs)
			return nil
		}
		return b.apart(m, t)
	}
	file, src, ok := b.beside(n, a.Name, "target.adapter")
	if !ok {
		return nil
	}
	f, d, err := readAdapter(file, src)
	var m *wire.Mapping
	if err == nil {
		b.carried(d, &f.Spec, t, sc.Target.Protocol, "")
		m = (&mapper{decoder: d, c: c}).mapping(&f.Spec, string(f.Metadata.Name))
		err = d.err()
	}
	if errs := (Errors)(nil); errors.As(err, &errs) {
		b.also(errs)
		return nil
	}
	if f.Spec.Name == "" {
		f.Spec.Name = f.Metadata.Name
	}
	a.Own = &f.Spec
	return b.apart(m, t)
}

// beside reads a file that the scenario names in a field, by a path that is relative to the scenario's folder.
func (b *builder) beside(n *yaml.Node, path, field string) (file string, src []byte, ok bool) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(b.file), path)
	}
	file = filepath.ToSlash(path)
	src, err := readSmall(oneFile{}, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		b.errorf(n, "a path is relative to the scenario's folder", "%s: there is no file %s", field, file)
	case err != nil:
		b.errorf(n, "", "%s: %v", field, err)
	}
	return file, src, err == nil
}

// readSmall reads a file, or so much of it that parseYAML says that it is too much.
func readSmall(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 2*maxBytes))
}

// formatOf holds the format of a target against its adapter.
func (b *builder) formatOf(m *wire.Mapping, t *rawTarget) {
	if !b.good(&t.Format) {
		return
	}
	if len(m.Formats) > 0 {
		if !b.written(&t.Format) {
			t.Format = m.Formats[0]
		}
		if !slices.Contains(m.Formats, t.Format) {
			b.errorf(b.at(&t.Format), "want "+list(m.Formats), "target.format: adapter %s cannot be used with %s", m.Name, t.Format)
			return
		}
	}
	if t.Format == wire.Native.Name || wire.Formats[t.Format] == nil {
		return
	}
	m.Format = t.Format
	f := wire.Formats[t.Format](&wire.Constants{})
	batch := &t.Client.Batch
	switch whole, single := m.Writes(); {
	case !whole && !single:
		b.errorf(b.at(&t.Format), "remove it, or use body: format or ${event.doc} in an adapter", "target.format: adapter %s does not write %s: it says itself what an event looks like", m.Name, t.Format)
	case single && !f.Then:
		b.errorf(b.at(&t.Format), "use body: format", "target.format: %s has no document for one event alone, which ${event.doc} of adapter %s wants", t.Format, m.Name)
	case m.Upload.Body != nil || !f.One || m.PerEvent:
	case b.written(&batch.MaxEvents) && batch.MaxEvents != 1:
		b.errorf(b.at(&batch.MaxEvents), "leave it out, or set it to 1", "target.client.batch.maxEvents: with format %s a request carries one event", t.Format)
	default:
		batch.MaxEvents = 1
	}
}

// apart holds an adapter against the rest of the target.
func (b *builder) apart(m *wire.Mapping, t *rawTarget) *wire.Mapping {
	if m == nil {
		return nil
	}
	batch := &t.Client.Batch
	b.formatOf(m, t)
	b.gathered(m, t)
	if m.PerEvent && b.written(&batch.MaxEvents) && batch.MaxEvents != 1 {
		b.errorf(b.at(&batch.MaxEvents), "leave it out, or set it to 1", "target.client.batch.maxEvents: adapter %s sends one event in a request", m.Name)
	}
	if m.PerEvent {
		batch.MaxEvents = 1
	}
	if mapped := t.Auth.Type == "token"; mapped != (m.Token != nil) && b.good(&t.Auth, &t.Auth.Type) {
		n, what := b.at(&t.Auth.Type, &t.Auth), "target.auth: adapter %s does not say how a token is asked for"
		mend := "add token to it, or use type: oauth2"
		if !mapped {
			n, what, mend = b.at(&t.Adapter, &t.URL), "target.adapter: %s asks for tokens, and target.auth has no use for them", "add auth: {type: token}, or remove token"
		}
		b.errorf(n, mend, what, m.Name)
	}
	if a := &t.Auth; m.Token != nil && a.Type == "token" && b.good(a) {
		switch uses := m.Token.Names("auth.secret"); {
		case uses && a.SecretFrom == nil:
			b.errorf(b.at(a), "add secretFrom: {env: NAME} or {file: PATH}", "target.auth: adapter %s asks for tokens by ${auth.secret}, which is not named", m.Name)
		case !uses && a.SecretFrom != nil:
			b.errorf(b.key(&a.SecretFrom), "remove it, or use ${auth.secret} in token", "target.auth.secretFrom: adapter %s asks for tokens without a secret", m.Name)
		}
	}
	if !m.Own && t.URL == embedded {
		b.errorf(b.at(&t.Adapter, &t.URL), "use adapter: drover, or the url of a server that speaks this", "target.adapter: the embedded backend does not understand %s", m.Name)
	}
	return m
}
