package db

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"drover/sim/backend"
	"drover/sim/defect"
	"drover/sim/event"
	"drover/sim/wire"
)

// Load implements backend.Journal.
func (d *DB) Load(f func(*backend.Batch) error) error {
	for _, load := range []func(func(*backend.Batch) error) error{d.loadTenants, d.loadSenders, d.loadEvents, d.loadPlanted} {
		if err := load(f); err != nil {
			return d.explain("load", err)
		}
	}
	return nil
}

// Run names a run of which something is held; it is empty where nothing is.
func (d *DB) Run() (string, error) {
	var run sql.NullString
	if err := d.ask("SELECT min(run) FROM tenant", &run); err != nil {
		return "", d.explain("read", err)
	}
	return run.String, nil
}

// each gives row each row of a query.
func (d *DB) each(query string, row func(*sql.Rows) error) error {
	rows, err := d.conn.QueryContext(context.Background(), query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (d *DB) loadTenants(f func(*backend.Batch) error) error {
	return d.each("SELECT no, run, id, duplicates, refused FROM tenant ORDER BY no", func(rows *sql.Rows) error {
		var r backend.TenantRow
		var t backend.TallyRow
		var id string
		if err := rows.Scan(&r.No, &r.Run, &id, &t.Duplicates, &t.Refused); err != nil {
			return err
		}
		t.Tenant = r.No
		var ok bool
		if r.ID, ok = wire.ParseGUID(id); !ok {
			return foreign("tenant", int64(r.No), "id", id)
		}
		return f(&backend.Batch{Tenants: []backend.TenantRow{r}, Tallies: []backend.TallyRow{t}})
	})
}

func (d *DB) loadSenders(f func(*backend.Batch) error) error {
	return d.each("SELECT tenant, no, device, body FROM sender ORDER BY tenant, no", func(rows *sql.Rows) error {
		var r backend.SenderRow
		var device, body string
		if err := rows.Scan(&r.Tenant, &r.No, &device, &body); err != nil {
			return err
		}
		var ok bool
		if r.Device, ok = parseDevice(device); !ok {
			return foreign("sender", int64(r.No), "device", device)
		}
		open, closed := strings.HasPrefix(body, "{"), strings.HasSuffix(body, "}")
		if !open || !closed {
			return foreign("sender", int64(r.No), "body", body)
		}
		r.Text = body[1 : len(body)-1]
		return f(&backend.Batch{Senders: []backend.SenderRow{r}})
	})
}

func (d *DB) loadEvents(f func(*backend.Batch) error) error {
	b := backend.Batch{Events: make([]backend.EventRow, 1)}
	return d.each("SELECT no, tenant, sender, seq, kind, id, how, visible_from, erased IS NOT NULL, body FROM event ORDER BY no", func(rows *sql.Rows) error {
		r := &b.Events[0]
		*r = backend.EventRow{}
		var kind, id, how, until, body sql.RawBytes
		if err := rows.Scan(&r.No, &r.Tenant, &r.Sender, &r.Seq, &kind, &id, &how, &until, &r.Erased, &body); err != nil {
			return err
		}
		var ok bool
		if r.Kind, ok = event.ParseKind(string(kind)); !ok {
			return foreign("event", int64(r.No), "kind", string(kind))
		}
		if r.ID, ok = parseID(string(id)); !ok {
			return foreign("event", int64(r.No), "id", string(id))
		}
		if how != nil {
			i := slices.Index(hows[:], any(string(how)))
			if i < 0 {
				return foreign("event", int64(r.No), "how", string(how))
			}
			r.How = backend.How(i)
		}
		if until != nil {
			var err error
			if r.Until, err = time.Parse(stampForm, string(until)); err != nil {
				return foreign("event", int64(r.No), "visible_from", string(until))
			}
		}
		r.Body = body
		return f(&b)
	})
}

func (d *DB) loadPlanted(f func(*backend.Batch) error) error {
	return d.each("SELECT rowid, defect, id FROM planted ORDER BY rowid", func(rows *sql.Rows) error {
		var no int64
		var kind, id string
		if err := rows.Scan(&no, &kind, &id); err != nil {
			return err
		}
		var r backend.PlantedRow
		for r.Kind < defect.NumKinds && r.Kind.String() != kind {
			r.Kind++
		}
		if r.Kind == defect.NumKinds {
			return foreign("planted", no, "defect", kind)
		}
		var ok bool
		if r.ID, ok = parseID(id); !ok {
			return foreign("planted", no, "id", id)
		}
		return f(&backend.Batch{Planted: []backend.PlantedRow{r}})
	})
}

// foreign is the error for a value that drover does not write.
func foreign(table string, no int64, column, value string) error {
	return fmt.Errorf("table %s, row %d: %s is %.40q, which drover does not write: something else has changed it", table, no, column, value)
}

func parseID(s string) (event.ID, bool) {
	id, ok := wire.ParseGUID(s)
	return event.ID(id), ok
}

// deviceName is a device's identifier as documents have it; empty where they have none.
func deviceName(id wire.DeviceID) string {
	if id == (wire.DeviceID{}) {
		return ""
	}
	return id.String()
}

func parseDevice(s string) (wire.DeviceID, bool) {
	if s == "" {
		return wire.DeviceID{}, true
	}
	return wire.ParseDeviceID(s)
}
