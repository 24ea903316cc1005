package db

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drover/sim/backend"
	"drover/sim/defect"
	"drover/sim/event"
	"drover/sim/fleet"
	"drover/sim/wire"
)

func open(t *testing.T, path string) *DB {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// everything is a batch with a row of each kind and each form of a row.
func everything() *backend.Batch {
	day := time.Date(2026, 5, 4, 9, 0, 0, 123e6, time.UTC)
	id := func(n byte) event.ID { return event.ID{15: n} }
	b := &backend.Batch{
		Tenants: []backend.TenantRow{{No: 1, Run: "a run", ID: fleet.GUID{1}}, {No: 2, Run: "a run", ID: fleet.GUID{2}}},
		Senders: []backend.SenderRow{
			{Tenant: 1, Device: wire.DeviceID{GUID: fleet.GUID{3}}, Text: `"device":{"id":"é"}`},
			{Tenant: 1, No: 1, Device: wire.DeviceID{HasMAC: true, MAC: [6]byte{2, 0, 0, 0, 0, 9}}, Text: `"device":{}`},
			{Tenant: 2, Text: `"app":{}`},
		},
		Tallies:  []backend.TallyRow{{Tenant: 1, Duplicates: 1}, {Tenant: 2, Refused: 1}, {Tenant: 1, Duplicates: 7, Refused: 3}},
		Verdicts: []backend.VerdictRow{{Tenant: 1, ID: id(1), At: day, Verdict: wire.Verdict{Seq: 7, Known: true, Category: event.Phishing, Score: 0.75}}, {Tenant: 1, ID: id(2), At: day}},
	}
	for i, how := range []backend.How{backend.Sent, backend.Copied, backend.Swapped, backend.Leaked} {
		b.Events = append(b.Events, backend.EventRow{
			No: uint32(i + 1), Tenant: 1, Sender: uint32(i % 2), How: how, Kind: event.Kinds()[i], Seq: uint32(10 * i), ID: id(byte(i)),
			Time: day, Received: day, Body: fmt.Appendf(nil, `{"cut off":"in a letter \xc3`),
		})
	}
	b.Events[3].Until = day.Add(time.Hour)
	for k := range defect.NumKinds {
		b.Planted = append(b.Planted, backend.PlantedRow{Kind: k, ID: id(byte(k))})
	}
	return b
}

// TestRoundTrip: what was written comes back, in order, after the file was opened anew.
func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd name?#%.db")
	d, wrote := open(t, path), everything()
	if err := d.Write(wrote); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(files) != 1 || files[0] != path {
		t.Errorf("closing leaves %q, want the file alone", files)
	}
	var got backend.Batch
	err := open(t, path).Load(func(b *backend.Batch) error {
		for _, e := range b.Events {
			e.Body = bytes.Clone(e.Body) // it is ours until we return
			got.Events = append(got.Events, e)
		}
		got.Tenants, got.Senders, got.Planted = append(got.Tenants, b.Tenants...), append(got.Senders, b.Senders...), append(got.Planted, b.Planted...)
		got.Tallies = append(got.Tallies, b.Tallies...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := everything()
	want.Verdicts = nil                                                 // are not asked for
	want.Tallies = []backend.TallyRow{want.Tallies[2], want.Tallies[1]} // the last of each
	for i := range want.Events {
		want.Events[i].Time, want.Events[i].Received = time.Time{}, time.Time{} // nor are these
	}
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Errorf("(-wrote +got)\n%s", diff)
	}
}

// ask returns the first column of a query's rows, in a file that is closed.
func ask(t *testing.T, path, query string) (got []string) {
	t.Helper()
	pool, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	rows, err := pool.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	return got
}

// TestViews: what people read is in the words of the documents.
func TestViews(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	d := open(t, path)
	if err := d.Write(everything()); err != nil {
		t.Fatal(err)
	}
	d.Close()
	for _, tt := range []struct {
		query string
		want  []string
	}{
		{"SELECT concat_ws(' ', run, tenant, device, seq, kind, time, id, received, coalesce(how, '-')) FROM events WHERE no < 3", []string{
			"a run 01000000-0000-0000-0000-000000000000 03000000-0000-0000-0000-000000000000 0 enrolment 2026-05-04T09:00:00.123Z 00000000-0000-0000-0000-000000000000 2026-05-04T09:00:00.123Z -",
			"a run 01000000-0000-0000-0000-000000000000 02:00:00:00:00:09 10 heartbeat 2026-05-04T09:00:00.123Z 00000000-0000-0000-0000-000000000001 2026-05-04T09:00:00.123Z copied",
		}},
		{"SELECT sender ->> '$.device.id' FROM events WHERE no = 1", []string{"é"}},
		{"SELECT visible_from FROM events WHERE how = 'leaked'", []string{"2026-05-04T10:00:00.123Z"}},
		{"SELECT concat_ws(' ', verdict, category, score, answered) FROM verdicts", []string{"malicious phishing 0.75 2026-05-04T09:00:00.123Z", "unknown 2026-05-04T09:00:00.123Z"}},
		{"SELECT defect FROM planted LIMIT 2", []string{"lose", "swapTenant"}},
	} {
		if diff := cmp.Diff(tt.want, ask(t, path, tt.query)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.query, diff)
		}
	}
}

// TestErased: what was erased is not in the file any more, nor in its log.
func TestErased(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	d, b := open(t, path), everything()
	b.Events[1].Body = bytes.Repeat([]byte("do not keep me "), 1000)
	if err := d.Write(b); err != nil {
		t.Fatal(err)
	}
	there := func() (n int) {
		for _, suffix := range []string{"", "-wal"} {
			raw, err := os.ReadFile(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			n += bytes.Count(raw, []byte("do not keep me"))
		}
		return n
	}
	if there() < 900 { // pages cut some in two
		t.Error("the body is not where it is looked for")
	}
	if err := d.Write(&backend.Batch{Erased: []backend.ErasedRow{{No: 2, At: time.Now()}}}); err != nil {
		t.Fatal(err)
	}
	if n := there(); n != 0 {
		t.Errorf("%d times left of what was erased", n)
	}
	d.Close()
	if got := ask(t, path, "SELECT no FROM events WHERE erased IS NOT NULL AND body IS NULL"); len(got) != 1 || got[0] != "2" {
		t.Errorf("erased are %v, want 2", got)
	}
}

// TestOpenRefuses: whatever is not for the taking is left as it is, and the error says what to do.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	make := func(name string, queries ...string) {
		d := open(t, at(name))
		if err := d.exec(queries...); err != nil {
			t.Fatal(err)
		}
		d.Close()
	}
	make("newer", "PRAGMA user_version = 2")
	make("other", "PRAGMA application_id = 7")
	pool, err := sql.Open("sqlite", at("plain"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec("CREATE TABLE t (x)"); err != nil {
		t.Fatal(err)
	}
	pool.Close()
	if err := os.WriteFile(at("text"), []byte(strings.Repeat("kind: Scenario\n", 100)), 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, at("busy"))
	for _, tt := range []struct{ path, want string }{
		{at("newer"), "its schema is 2 and this drover knows 1; want the drover that wrote it, or another file"},
		{at("other"), "it is the database of another program; want another file"},
		{at("plain"), "it is the database of another program; want another file"},
		{at("text"), "it is not an SQLite database; want a file of drover's, or one that is not there yet"},
		{at("busy"), "another process has it open; end it, or use another file"},
		{dir, "it is not a file; want the path of one, or of one that is to be made"},
		{at("none/db"), "there is no such directory; make it first"},
	} {
		before, _ := os.ReadFile(tt.path)
		d, err := Open(tt.path)
		if err == nil {
			d.Close()
			t.Errorf("Open(%s) = nil", tt.path)
		} else if want := "open database " + tt.path + ": " + tt.want; err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
		if after, _ := os.ReadFile(tt.path); !bytes.Equal(before, after) {
			t.Errorf("%s was changed", tt.path)
		}
	}
	if err := os.WriteFile(at("empty"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, at("empty")) // as mktemp makes it
}

// TestLoadRefuses: rows that drover does not write are named.
func TestLoadRefuses(t *testing.T) {
	for _, tt := range []struct{ change, want string }{
		{"UPDATE event SET kind = 'heartbreak' WHERE no = 2", `table event, row 2: kind is "heartbreak"`},
		{"UPDATE event SET id = upper('0000000a-0000-0000-0000-000000000000') WHERE no = 1", `table event, row 1: id is "0000000A-`},
		{"UPDATE event SET how = 'sent'", `table event, row 1: how is "sent"`},
		{"UPDATE event SET visible_from = 'soon' WHERE no = 3", `table event, row 3: visible_from is "soon"`},
		{"UPDATE tenant SET id = 'contoso'", `table tenant, row 1: id is "contoso"`},
		{"UPDATE sender SET device = 'phone'", `table sender, row 0: device is "phone"`},
		{"UPDATE sender SET body = ''", `table sender, row 0: body is ""`},
		{"UPDATE planted SET defect = 'loose'", `table planted, row 1: defect is "loose"`},
		{"UPDATE event SET seq = 'x' WHERE no = 1", "seq"},
		{"DELETE FROM tenant WHERE no = 1", "no tenant 1 but one 2"},
		{"DELETE FROM sender WHERE tenant = 1 AND no = 0", "a sender 1 of tenant 1 that does not belong there"},
		{"DELETE FROM sender WHERE tenant = 1", "an event 1 of nobody"},
	} {
		d := open(t, filepath.Join(t.TempDir(), "db"))
		if err := d.Write(everything()); err != nil {
			t.Fatal(err)
		}
		if err := d.exec(tt.change); err != nil {
			t.Fatal(err)
		}
		srv, err := backend.Start(context.Background(), backend.Options{Journal: d})
		if err == nil {
			srv.Close()
			t.Errorf("%s: no error", tt.change)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.change, err, tt.want)
		}
	}
}

// TestFull: on a disk that is full nothing is acknowledged and nothing forgotten, and when there is room again it goes on.
func TestFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	d := open(t, path)
	var pages int
	if err := d.ask("PRAGMA page_count", &pages); err != nil {
		t.Fatal(err)
	}
	if err := d.exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
		t.Fatal(err)
	}
	srv, err := backend.Start(context.Background(), backend.Options{Journal: d})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	acked := 0
	post := func(seq uint32) int {
		r, err := http.Post(srv.URL()+"/v1/events", "application/json", bytes.NewReader(document(seq)))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode == 200 {
			acked++
		}
		return r.StatusCode
	}
	seq := uint32(0)
	for post(seq) == 200 {
		seq++
	}
	for n := range uint32(3) {
		if code := post(seq + 10 + n); code != http.StatusServiceUnavailable {
			t.Errorf("on a full disk: %d, want 503", code)
		}
	}
	r, err := http.Get(srv.URL() + "/v1/audit/counts")
	if err != nil {
		t.Fatal(err)
	}
	var held wire.Counts
	if err := json.NewDecoder(r.Body).Decode(&held); err != nil || held.Total.Events != int64(seq+1) {
		t.Errorf("%d events in memory, %v; want those acknowledged and the one that found the disk full, %d", held.Total.Events, err, seq+1)
	}
	r.Body.Close()
	// Between two uploads nobody else uses the connection: the first was answered, and it is the next that tries again.
	if err := d.exec("PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	for post(seq) != 200 { // the first asks the scribe to try again
	}
	if code := post(seq + 1); code != 200 {
		t.Errorf("with room again: %d, want 200", code)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if got := ask(t, path, "SELECT DISTINCT seq FROM events"); len(got) != acked || uint32(acked) != seq+2 {
		t.Errorf("%d events in the file, %d acknowledged, %d sent", len(got), acked, seq+2)
	}
}

// document is an upload of one event.
func document(seq uint32) []byte {
	d := &fleet.Device{
		GUID: fleet.GUID{1}, TenantID: fleet.GUID{2}, UPN: fleet.NewUPN("u@contoso.example"),
		Model: &fleet.Model{ID: "iPhone15,2", SoC: "A16 Bionic", Arch: "arm64e", Cores: 6},
		OS:    &fleet.Release{Version: "26.4.2", Build: "23E261"}, App: "1.1.50010101", Locale: "de-DE",
	}
	e := event.Event{ID: event.ID{12: byte(seq >> 16), 13: byte(seq >> 8), 14: byte(seq), 15: 1}, Seq: seq, Kind: event.Heartbeat, Has: event.Heartbeat.Fields(), At: time.Unix(int64(seq), 0).UTC()}
	b := wire.Native.Begin(nil, d, event.AllFields)
	return wire.Native.End(wire.Native.Event(b, 0, d, &e), 0)
}
