package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/ledger"
	"drover/sim/wire"
)

// Settlement holds what was sent against what was read back.
type Settlement struct {
	Model    *Model
	Format   wire.Format   // of the uploads
	Adapter  *wire.Adapter // of the run, which is asked for the bytes of single events; needed where the backend shows their hashes
	Index    *ledger.Index
	Readback func() (io.ReadCloser, error) // what ReadBack wrote; opened twice when events were altered
	Temp     string                        // a folder for what does not fit into memory; "" for the system's

	decode func(doc []byte, each func(native []byte) error) error // of the events that a read-back shows; nil: they are native
	held   []byte
}

// Settle gives each event its fate. What could not be seen is said in Blind, and is no error.
func (c *Settlement) Settle() (*check.Settlement, error) {
	s := ledger.NewSettler(c.Temp)
	defer s.Close()
	if c.Model.Scenario.Target.Readback.Records == "" { // of those documents are made when they are read
		c.decode = c.Model.Scenario.Target.Adapter.Decoder()
	}
	var blind []string
	if !c.Index.Ledger.Whole() {
		blind = append(blind, fmt.Sprintf("the ledger was cut short: it knows %s uploads until %v after the start, and what came after them was sent or not",
			check.FormatCount(c.Index.Ledger.Uploads), c.Index.Ledger.Last.Round(time.Millisecond)))
	}
	withdrawn, err := c.Withdrawn()
	if err != nil {
		return nil, err
	}
	var stored *storedAudit
	if c.Format.Name == wire.Native.Name { // others say less than an audit asks for
		stored = newStoredAudit(c.Model, withdrawn)
	}
	own := false // it is one tenant's credential that looks
	retrace := NewRetracer(c.Model, c.Format)
	retrace.withdrawn = withdrawn
	how := &c.Model.Scenario.Target.Readback
	if how.Hash != "" {
		retrace.hashed = c.Adapter
	}
	if how.Device != "" {
		s.Owner = c.owner(s.Printer)
	}
	if err := retrace.Expect(c.Index, s); err != nil {
		return nil, err
	}
	why, err := c.read(readers{
		look: func(at time.Duration) {
			s.Look(at)
			stored.look()
		},
		end: s.LookOver,
		as: func(tenant, of string) error {
			own = true
			return c.strangers(s, tenant, of)
		},
		refused: s.Refuse,
		failed:  s.FailToAsk,
		line: func(line []byte) error {
			if !own {
				stored.show(how, line)
			}
			return s.Show(c.print(s.Printer, line))
		},
	})
	if err != nil {
		return nil, err
	}
	if why != "" {
		blind = append(blind, why)
	}
	if err := s.Settle(); err != nil {
		return nil, err
	}
	if s.AnyAltered() {
		if err := c.compare(retrace, s); err != nil {
			return nil, err
		}
	}
	out := s.Result()
	out.Stored = stored.result(&retrace.made)
	out.Blind = strings.Join(blind, "; ")
	return out, nil
}

// compare looks for the fields in which altered events differ.
func (c *Settlement) compare(retrace *Retracer, s *ledger.Settler) error {
	held := map[event.ID][]byte{}
	as := false
	_, err := c.read(readers{
		look: func(time.Duration) { as = false },
		as:   func(string, string) error { as = true; return nil },
		line: func(line []byte) error {
			if as {
				return nil
			}
			if id := c.print(s.Printer, line).ID; s.Altered(id) {
				held[id] = append(held[id][:0], line...) // the last look's
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	how := &c.Model.Scenario.Target.Readback
	return retrace.Altered(c.Index, s, func(id event.ID, doc []byte) {
		line := held[id]
		if how.Adapter != "drover-audit" {
			if line = c.native(content(how, line)); line == nil {
				s.Compare(id, doc, nil)
				return
			}
			if wire.Lookup(line, "events") == nil { // the event alone
				_, doc, _ = bytes.Cut(doc, []byte(`"events":[`))
				doc = bytes.TrimSuffix(doc, []byte("]}"))
			}
		}
		s.Compare(id, doc, line)
	})
}

// native is an event that the backend showed, as a native document; as it is where it cannot be read, which then differs from
// what was sent.
func (c *Settlement) native(ev []byte) []byte {
	decode := c.decode
	if decode == nil || ev == nil {
		return ev
	}
	c.held = c.held[:0]
	if err := decode(ev, func(native []byte) error { c.held = append(c.held[:0], native...); return nil }); err != nil {
		return ev
	}
	return c.held
}

// print makes the print of a line that the backend showed.
func (c *Settlement) print(p *ledger.Printer, line []byte) ledger.Print {
	how := &c.Model.Scenario.Target.Readback
	if how.Adapter == "drover-audit" {
		return p.Document(line)
	}
	var pr ledger.Print
	if ev := c.native(content(how, line)); ev != nil {
		if wire.Lookup(ev, "events") != nil {
			pr = p.Document(ev)
		} else {
			pr = p.Single(ev)
		}
	}
	if raw := wire.Lookup(line, how.ID); raw != nil {
		if id, ok := wire.ParseGUID(strings.ToLower(plain(raw))); ok {
			pr.ID, pr.Has = event.ID(id), pr.Has|ledger.HasID
		}
	}
	if raw := wire.Lookup(line, how.Tenant); how.Tenant != "" && raw != nil {
		if id, ok := wire.ParseGUID(strings.ToLower(plain(raw))); ok {
			pr.Tenant, pr.Has = id, pr.Has|ledger.HasTenant
		}
	}
	if raw := wire.Lookup(line, how.Device); how.Device != "" && raw != nil {
		pr.Device, pr.Has = p.Word(plain(raw)), pr.Has|ledger.HasDevice
	}
	if raw := wire.Lookup(line, how.Hash); how.Hash != "" && raw != nil {
		pr.Has |= ledger.HasHash
		if sum, ok := ledger.ParseHash(plain(raw)); ok {
			pr.Hash = ledger.HashPrint(sum)
		}
	}
	return pr
}

// owner tells devices by either of the names that they have.
func (c *Settlement) owner(p *ledger.Printer) func(device int, name uint64) bool {
	var d fleet.Device
	last := -1
	var names [2]uint64
	return func(device int, name uint64) bool {
		if device != last {
			c.Model.Fleet.Device(device, &d)
			names = [2]uint64{p.Word(d.EntraID.String()), p.Word(wire.DeviceID{HasMAC: d.HasMAC, GUID: d.GUID, MAC: d.MAC}.String())}
			last = device
		}
		return name == names[0] || name == names[1]
	}
}

// readers takes a read-back apart. What they are given is valid until they return.
type readers struct {
	withdrawn func(devices []int) // nil: not of interest
	look      func(at time.Duration)
	end       func(at time.Duration)        // of a look; nil: not of interest. A read-back of an earlier drover does not say when: 0
	as        func(tenant, of string) error // of: whom it asks for by name; "" where it asks for all
	refused   func()                        // nil: not of interest, as is failed
	failed    func(why string)
	line      func(line []byte) error
}

// maxLine is the longest line of a read-back.
const maxLine = 64 << 20

// read goes through the read-back and returns why the backend may not have shown all; "" when it has.
func (c *Settlement) read(to readers) (why string, err error) {
	f, err := c.Readback()
	if err != nil {
		return "", err
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(make([]byte, 1<<16), maxLine)
	over, looks := false, 0
	for first := true; in.Scan(); first = false {
		line := in.Bytes()
		if first {
			if !bytes.HasPrefix(line, []byte(readBackVersion)) {
				return "", errors.New("not a read-back of drover")
			}
			if how := c.Model.Scenario.Target.Readback.Adapter; !bytes.Contains(line, []byte(`"adapter":"`+how+`"`)) {
				return "", fmt.Errorf("the read-back is not of adapter %q", how)
			}
			continue
		}
		if len(line) == 0 || line[0] != '#' {
			if looks == 0 {
				return "", errors.New("the read-back has an event before its first look")
			}
			if err := to.line(line); err != nil {
				return "", err
			}
			continue
		}
		var say struct {
			At     int64  `json:"at_ns"`
			Tenant string `json:"tenant"`
			Of     string `json:"of"`
			Why    string `json:"why"`

			Devices []int `json:"devices"`
		}
		word, rest, _ := bytes.Cut(line, []byte(" "))
		if err := json.Unmarshal(rest, &say); err != nil {
			return "", fmt.Errorf("the read-back says %.60q: %w", line, err)
		}
		switch string(word) {
		case "#withdrawn":
			if to.withdrawn != nil {
				to.withdrawn(say.Devices)
			}
		case "#look":
			looks++
			to.look(time.Duration(say.At))
		case "#as", "#ask":
			if err := to.as(say.Tenant, say.Of); err != nil {
				return "", err
			}
		case "#refused":
			if to.refused != nil {
				to.refused()
			}
		case "#failed":
			if to.failed != nil {
				to.failed(say.Why)
			}
		case "#end":
			if to.end != nil {
				to.end(time.Duration(say.At))
			}
		case "#over":
			over, why = true, say.Why
		default:
			return "", fmt.Errorf("the read-back says %.60q: written by a newer drover", line)
		}
	}
	if err := in.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	if !over {
		why = "the read-back was cut short"
	}
	return why, nil
}
