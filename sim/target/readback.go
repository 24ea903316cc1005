package target

import "time"

// Readback says how a backend shows what it stored. The zero value stands for one that does not.
type Readback struct {
	Adapter string        // "drover-audit", "http", the name of a preset of the latter, or "" for none
	Settle  time.Duration // how long to wait for what was acknowledged to be shown
	Foreign bool          // try each tenant's own credential, too
	Auth    *Auth         // whose credential it is read by; nil: the target's
	Sample  float64       // events per second that are looked for while the run goes on; 0: none

	// With any Adapter but "drover-audit". In Request and Body {run}, {limit}, {cursor} and {offset} are replaced. The others are
	// the places of things in the answer, as names joined by dots.
	Base    string // URL that Request is below; "": that of uploads, "/": the root of that; file:PATH: the answer is a file
	Request string
	Other   string // the request for the events of one tenant, {tenant}; "": there is none
	One     string // the request for one event, {id}; "" where there is no Sample
	Body    string // JSON; a page is then asked for by POST
	Start   string // the cursor of the first page
	After   string // in the last item of a page: the cursor of the next one
	Limit   int    // items of a page
	Items   string // the list; "": the answer is NDJSON, an item a line
	Next    string // the cursor of the next page; "" is never read: pages go by {offset}, or there is only one
	Records string // "otlp-json": an item is an export request of OpenTelemetry logs; its records are written down as documents with ID, Tenant and Event
	ID      string // in an item: the event's id
	Tenant  string // in an item: the tenant's id; "" when it is not shown
	Device  string // in an item: the device's id; "" when it is not shown
	Hash    string // in an item: the SHA-256 of the event's bytes as they were sent; "" when it is not shown
	Event   string // in an item: the event as it was sent, or a native document with the one event; ".": the item itself; "" when it is not shown
}
