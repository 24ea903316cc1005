package db

import (
	"context"
	"database/sql"
	"time"

	"drover/sim/backend"
	"drover/sim/event"
	"drover/sim/fleet"
)

// statements are what Write says to SQLite, prepared once.
type statements struct {
	begin, commit, rollback                                 *sql.Stmt
	tenant, sender, event, tally, verdict, planted, erasure *sql.Stmt
	all                                                     []*sql.Stmt // to be closed: SQLite keeps the file as long as one is open
}

func (s *statements) prepare(conn *sql.Conn) error {
	for _, p := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&s.begin, "BEGIN IMMEDIATE"}, {&s.commit, "COMMIT"}, {&s.rollback, "ROLLBACK"},
		{&s.tenant, "INSERT INTO tenant (no, run, id) VALUES (?, ?, ?)"},
		{&s.sender, "INSERT INTO sender (tenant, no, device, body) VALUES (?, ?, ?, ?)"},
		{&s.event, "INSERT INTO event (no, tenant, sender, seq, kind, time, id, received, how, visible_from, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&s.tally, "UPDATE tenant SET duplicates = ?, refused = ? WHERE no = ?"},
		{&s.verdict, "INSERT INTO verdict (tenant, id, seq, verdict, category, score, answered) VALUES (?, ?, ?, ?, ?, ?, ?)"},
		{&s.planted, "INSERT INTO planted (defect, id) VALUES (?, ?)"},
		{&s.erasure, "UPDATE event SET body = NULL, erased = ? WHERE no = ?"},
	} {
		var err error
		if *p.stmt, err = conn.PrepareContext(context.Background(), p.query); err != nil {
			return err
		}
		s.all = append(s.all, *p.stmt)
	}
	return nil
}

// Write implements backend.Journal.
func (d *DB) Write(b *backend.Batch) error {
	err := d.run(d.begin)
	if err == nil {
		if err = d.write(b); err == nil {
			err = d.run(d.commit)
		}
		if err != nil {
			_ = d.run(d.rollback) // SQLite may have done it already
		}
	}
	if err != nil {
		return d.explain("write", err)
	}
	if len(b.Erased) > 0 {
		// The old bytes are in the log, too. Where it is not emptied now it is when the file is closed.
		_ = d.exec("PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return nil
}

func (d *DB) write(b *backend.Batch) error {
	for i := range b.Tenants {
		r := &b.Tenants[i]
		if err := d.run(d.tenant, r.No, r.Run, r.ID.String()); err != nil {
			return err
		}
	}
	for i := range b.Senders {
		r := &b.Senders[i]
		if err := d.run(d.sender, r.Tenant, r.No, deviceName(r.Device), "{"+r.Text+"}"); err != nil {
			return err
		}
	}
	for i := range b.Events {
		r := &b.Events[i]
		var until any
		if !r.Until.IsZero() {
			until = stamp(r.Until)
		}
		if err := d.run(d.event, r.No, r.Tenant, r.Sender, r.Seq, r.Kind.String(), stamp(r.Time), guid(r.ID), r.Received.UnixMilli(), hows[r.How], until, string(r.Body)); err != nil {
			return err
		}
	}
	clear(d.tallied)
	for i := len(b.Tallies) - 1; i >= 0; i-- { // of each tenant the last one stands for all
		r := &b.Tallies[i]
		if d.tallied[r.Tenant] {
			continue
		}
		d.tallied[r.Tenant] = true
		if err := d.run(d.tally, r.Duplicates, r.Refused, r.Tenant); err != nil {
			return err
		}
	}
	for i := range b.Verdicts {
		r := &b.Verdicts[i]
		name, category, score := "unknown", any(nil), any(nil)
		if r.Known {
			name, category, score = "malicious", r.Category.String(), float64(r.Score)
			if r.Category == event.Benign {
				name = "benign"
			}
		}
		if err := d.run(d.verdict, r.Tenant, guid(r.ID), r.Seq, name, category, score, r.At.UnixMilli()); err != nil {
			return err
		}
	}
	for i := range b.Planted {
		if err := d.run(d.planted, b.Planted[i].Kind.String(), guid(b.Planted[i].ID)); err != nil {
			return err
		}
	}
	for i := range b.Erased {
		if err := d.run(d.erasure, stamp(b.Erased[i].At), b.Erased[i].No); err != nil {
			return err
		}
	}
	return nil
}

func (d *DB) run(s *sql.Stmt, args ...any) error {
	_, err := s.ExecContext(context.Background(), args...)
	return err
}

const stampForm = "2006-01-02T15:04:05.000Z"

func stamp(t time.Time) string { return t.UTC().Format(stampForm) }

func guid(id event.ID) string { return fleet.GUID(id).String() }

// hows are the words for what a defect did; nil where none did.
var hows = [...]any{backend.Sent: nil, backend.Copied: "copied", backend.Swapped: "swapped", backend.Leaked: "leaked"}
