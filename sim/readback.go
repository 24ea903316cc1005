package sim

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"drover/sim/fleet"
	"drover/sim/target"
	"drover/sim/wire"
)

// ReadBack is one reading of what a backend holds of a run, written down as it comes.
//
// What is written is NDJSON: each line is what the backend showed of one event, and lines that begin with # say how it was
// looked at:
//
//	#drover.readback/v1 {"run":"...","adapter":"drover-audit"}   first of all
//	#withdrawn {"devices":[7]}                                   the backend was told to erase the optional data of these
//	#look {"at_ns":61000000000}                                  a look at everything begins, at this offset from the run's start
//	#as {"tenant":"..."}                                         what this tenant's own credential is shown begins
//	#ask {"tenant":"...","of":"..."}                             what it is shown begins when it asks for another tenant's data by name
//	#refused {}                                                  the answer to an ask was no
//	#failed {"why":"..."}                                        there was no answer to an ask
//	#end {"shown":1000,"at_ns":61200000000}                      a look is over, at this offset
//	#over {"why":""}                                             last of all: why the backend may not have shown all; "": it stood still
type ReadBack struct {
	Source  Source
	How     target.Readback
	Run     string
	Fleet   *fleet.Fleet         // of the run
	Tenants []string             // ids, by the index that Source knows
	Seed    uint64               // decides which of them ask for whose data
	Wanted  int64                // events that were acknowledged: when so many are shown, there is nothing more to wait for
	Since   func() time.Duration // the offset from the run's start, now
	Out     io.Writer

	Withdrawn []int // devices whose users took consent back, see Model.Withdrawn: a backend of drover's own is told before the first look

	last int64 // events that the look before this one showed
}

// Source fetches a path of the backend with the credential of a tenant, or of the operator (target.Admin).
type Source interface {
	Get(ctx context.Context, path string, tenant int) ([]byte, error)
	// Open does the same, by POST when there is a body, and the answer is read as it comes.
	Open(ctx context.Context, path string, body []byte, tenant int) (io.ReadCloser, error)
}

const readBackVersion = "#drover.readback/v1 "

const (
	firstPoll = 250 * time.Millisecond
	maxPoll   = 4 * time.Second
	maxLooks  = 32
)

// Do looks at the backend until all that was acknowledged is shown and the number stands still, or until the time is up. Its error is the
// source's, or Out's; what was written before it is of use.
func (r *ReadBack) Do(ctx context.Context) error {
	if err := r.say(readBackVersion, map[string]string{"run": r.Run, "adapter": r.How.Adapter}); err != nil {
		return err
	}
	if r.How.Adapter == "drover-audit" {
		if err := r.withdraw(ctx); err != nil {
			return err
		}
	}
	deadline := r.Since() + r.How.Settle
	why, wait := "", firstPoll
	r.last = -1
	for looks := 1; ; looks++ {
		at := r.Since()
		if err := r.say("#look ", map[string]int64{"at_ns": int64(at)}); err != nil {
			return err
		}
		shown, err := r.walk(ctx, target.Admin, "")
		if err != nil {
			return err
		}
		still, err := r.still(ctx, shown, deadline, &wait)
		if err != nil {
			return err
		}
		if still {
			break
		}
		if r.Since() >= deadline || looks == maxLooks {
			why = fmt.Sprintf("what the backend shows still changed after %v", r.How.Settle)
			break
		}
	}
	if r.How.Foreign {
		if err := r.foreign(ctx); err != nil {
			return err
		}
	}
	return r.say("#over ", map[string]string{"why": why})
}

// still waits until another look is worth its while: false when the backend holds another number than was shown. True says
// that nothing more is to be expected.
func (r *ReadBack) still(ctx context.Context, shown int64, deadline time.Duration, wait *time.Duration) (bool, error) {
	if r.How.Adapter != "drover-audit" {
		// Only a look tells the number: look again, ever more rarely, while something is missing, and until two looks show the
		// same: what was stored twice shows later, too.
		stands := shown == r.last
		if r.last = shown; stands && shown >= r.Wanted || r.Since()+*wait >= deadline {
			return true, nil
		}
		err := pause(ctx, *wait)
		*wait = min(2**wait, maxPoll)
		return false, err
	}
	for {
		if err := pause(ctx, *wait); err != nil {
			return false, err
		}
		held, err := r.held(ctx)
		if err != nil {
			return false, err
		}
		switch {
		case held != shown:
			*wait = min(2**wait, maxPoll)
			return false, nil
		case shown >= r.Wanted || r.Since() >= deadline:
			return true, nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// held asks the backend how many events it holds of the run.
func (r *ReadBack) held(ctx context.Context) (int64, error) {
	body, err := r.Source.Get(ctx, "/v1/audit/counts?run="+url.QueryEscape(r.Run), target.Admin)
	if err != nil {
		return 0, err
	}
	var c wire.Counts
	if err := json.Unmarshal(body, &c); err != nil {
		return 0, fmt.Errorf("the answer to /v1/audit/counts: %w", err)
	}
	return c.Total.Events, nil
}

func (r *ReadBack) say(what string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return r.keep(append(append([]byte(what), b...), '\n'))
}

// walk writes down all that a reader is shown, of one tenant where it asks for one, and returns how many events that is.
func (r *ReadBack) walk(ctx context.Context, tenant int, of string) (shown int64, err error) {
	if r.How.Adapter == "drover-audit" {
		shown, err = r.audit(ctx, tenant, of)
	} else {
		shown, err = r.pages(ctx, tenant, of)
	}
	if err != nil {
		return shown, err
	}
	return shown, r.say("#end ", map[string]int64{"shown": shown, "at_ns": int64(r.Since())})
}

// audit walks through the audit of drover's own backend.
func (r *ReadBack) audit(ctx context.Context, tenant int, of string) (shown int64, err error) {
	path := "/v1/audit/events?limit=10000&run=" + url.QueryEscape(r.Run)
	if of != "" {
		path += "&tenant=" + url.QueryEscape(of)
	}
	for after, more := "", true; more; {
		body, err := r.Source.Get(ctx, path+"&after="+url.QueryEscape(after), tenant)
		if err != nil {
			return shown, err
		}
		body = bytes.TrimSuffix(body, []byte("\n"))
		cut := bytes.LastIndexByte(body, '\n') + 1
		var end wire.PageEnd
		if err := json.Unmarshal(body[cut:], &end); err != nil {
			return shown, fmt.Errorf("a page of /v1/audit/events has no end: %w", err)
		}
		shown += int64(bytes.Count(body[:cut], []byte("\n")))
		if err := r.keep(body[:cut]); err != nil {
			return shown, err
		}
		if end.More && end.Next == after {
			return shown, errors.New("a page of /v1/audit/events says that it is its own next")
		}
		after, more = end.Next, end.More
	}
	return shown, nil
}

// pages walks through a backend as the scenario describes it.
func (r *ReadBack) pages(ctx context.Context, tenant int, of string) (shown int64, err error) {
	cursor, request, place := r.How.Start, r.How.Request, "{tenant}"
	if of != "" {
		request, place = r.How.Other, of
	}
	for {
		in := func(text string, quote func(string) string) string {
			return strings.NewReplacer("{run}", quote(r.Run), "{tenant}", place, "{limit}", strconv.Itoa(r.How.Limit), "{cursor}", quote(cursor), "{offset}", strconv.FormatInt(shown, 10)).Replace(text)
		}
		path := in(request, url.QueryEscape)
		p := page{how: &r.How, run: r.Run, keep: r.keep}
		err := r.page(ctx, path, in(r.How.Body, func(s string) string { return s }), tenant, &p)
		shown += p.items
		if err != nil {
			return shown, err
		}
		switch {
		case r.How.Next != "" || r.How.After != "":
			if p.next == "" || p.items == 0 {
				return shown, nil
			}
			if p.next == cursor {
				return shown, fmt.Errorf("%s: the next page is said to be the same", path)
			}
			cursor = p.next
		case p.items < int64(r.How.Limit) || !strings.Contains(request+r.How.Body, "{offset}"):
			return shown, nil
		}
	}
}

// page is one answer of a backend, written down as it is taken apart.
type page struct {
	how   *target.Readback
	run   string
	keep  func([]byte) error
	line  bytes.Buffer
	items int64
	next  string
}

// maxPage is the longest page that is one document; one of NDJSON may be of any length.
const maxPage = 64 << 20

// page takes one answer apart. What the source says of an answer that does not come says whose it is; what is wrong in one that came is told here.
func (r *ReadBack) page(ctx context.Context, path, body string, tenant int, p *page) error {
	in, err := r.Source.Open(ctx, path, []byte(body), tenant)
	if err != nil {
		return err
	}
	defer in.Close()
	wrong := func(err error) error {
		if file, ok := strings.CutPrefix(p.how.Base, "file:"); ok {
			path = file
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	if p.how.Items == "" {
		lines := bufio.NewScanner(in)
		lines.Buffer(make([]byte, 1<<16), maxLine)
		for lines.Scan() {
			if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
				if err := p.item(line); err != nil {
					return wrong(err)
				}
			}
		}
		if errors.Is(lines.Err(), bufio.ErrTooLong) {
			return wrong(fmt.Errorf("a line is longer than %d bytes", maxLine))
		}
		return lines.Err()
	}
	doc, err := io.ReadAll(io.LimitReader(in, maxPage+1))
	if err != nil {
		return err
	}
	if len(doc) > maxPage {
		return wrong(fmt.Errorf("a page is longer than %d bytes; use a smaller limit", maxPage))
	}
	var items []json.RawMessage
	if !json.Valid(doc) || json.Unmarshal(wire.Lookup(doc, p.how.Items), &items) != nil {
		return wrong(fmt.Errorf("the answer has no list at %q: %.200q", p.how.Items, doc))
	}
	for _, it := range items {
		if err := p.item(it); err != nil {
			return wrong(err)
		}
	}
	if p.how.Next != "" {
		if raw := wire.Lookup(doc, p.how.Next); raw != nil {
			p.next = plain(raw)
		}
	}
	return nil
}

// item writes down what is shown of one event, or of each in an item that holds several.
func (p *page) item(it []byte) error {
	if p.how.Records != "" {
		return p.records(it)
	}
	p.line.Reset()
	if err := json.Compact(&p.line, it); err != nil {
		return fmt.Errorf("an item is no JSON: %w", err)
	}
	p.items++
	if p.how.After != "" {
		if raw := wire.Lookup(p.line.Bytes(), p.how.After); raw != nil {
			p.next = string(raw)
		}
	}
	p.line.WriteByte('\n')
	return p.keep(p.line.Bytes())
}

// records writes down the events in an export request of OpenTelemetry logs, by the names that target.Readback has for them. What a
// writer left behind that was killed in the middle of a request shows nothing.
func (p *page) records(it []byte) error {
	for it != nil {
		ok, err := wire.OTLPRecords(it, p.run, func(r wire.OTLPRecord) error {
			id, err := json.Marshal(string(r.ID))
			if err != nil {
				return err
			}
			tenant, err := json.Marshal(string(r.Tenant))
			if err != nil {
				return err
			}
			if r.Native == nil {
				r.Native = []byte("{}") // which is none that was sent
			}
			p.line.Reset()
			fmt.Fprintf(&p.line, "{%q:%s,%q:%s,%q:%s}\n", p.how.ID, id, p.how.Tenant, tenant, p.how.Event, r.Native)
			p.items++
			return p.keep(p.line.Bytes())
		})
		if ok || err != nil {
			return err
		}
		it = wire.OTLPRest(it)
	}
	return nil
}

// content is the event that a line shows at its place, which may be a text with the document in it; nil: it shows none.
func content(how *target.Readback, line []byte) []byte {
	switch how.Event {
	case "":
		return nil
	case ".":
		return line
	}
	raw := wire.Lookup(line, how.Event)
	if len(raw) > 0 && raw[0] == '"' {
		return []byte(plain(raw))
	}
	return raw
}

// plain is a text without its quotes, and anything else as it stands.
func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
