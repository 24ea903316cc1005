// Package db keeps what the reference backend stores in an SQLite database, a file that any tester can open afterwards. It
// knows tables and commits; what is stored, and who waits for it, is the backend's business.
//
// The file is in WAL mode with synchronous=FULL: a commit has been written and synced before Write returns, so that it is
// there after the process was killed or the machine lost power, as far as the disk keeps what it says it has. While the file
// is open nobody else can open it. A clean close leaves one file; a process that was killed leaves FILE-wal beside it, which
// belongs to it and is taken in when it is opened next, by whatever program.
package db

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed schema.sql
var schema string

const (
	application = 0x64726f76 // "drov", in the file's header: what file(1) and SQLite call the application id
	version     = 1          // of the schema
)

// DB is an open database. It implements backend.Journal.
type DB struct {
	path string
	pool *sql.DB
	conn *sql.Conn
	statements
	tallied map[uint32]bool // tenants, in write
}

// Open opens a database of ours, or makes one where there is no file or an empty one. Its error names the path and says what to do.
func Open(path string) (*DB, error) {
	d := &DB{path: path, tallied: make(map[uint32]bool)}
	if err := d.open(); err != nil {
		d.Close()
		return nil, d.explain("open", err)
	}
	return d, nil
}

func (d *DB) open() error {
	full, err := filepath.Abs(d.path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(filepath.Dir(full)); err != nil || !info.IsDir() {
		return errors.New("there is no such directory; make it first")
	}
	if info, err := os.Stat(full); err == nil && !info.Mode().IsRegular() {
		return errors.New("it is not a file; want the path of one, or of one that is to be made")
	}
	name := filepath.ToSlash(full)
	if !strings.HasPrefix(name, "/") {
		name = "/" + name // Windows: file:/C:/...
	}
	if d.pool, err = sql.Open("sqlite", "file:"+(&url.URL{Path: name}).EscapedPath()); err != nil {
		return err
	}
	if d.conn, err = d.pool.Conn(context.Background()); err != nil {
		return err
	}
	if err := d.exec("PRAGMA locking_mode = EXCLUSIVE", "PRAGMA busy_timeout = 0"); err != nil {
		return err
	}
	if err := d.check(); err != nil {
		return err
	}
	var mode string
	if err := d.ask("PRAGMA journal_mode = WAL", &mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("its file system does not let SQLite write ahead (journal mode %s); want a local disk", mode)
	}
	// What was erased is overwritten. Sixteen megabytes of log before they are copied into the file: each copy costs two syncs.
	if err := d.exec("PRAGMA synchronous = FULL", "PRAGMA secure_delete = ON", "PRAGMA wal_autocheckpoint = 4000"); err != nil {
		return err
	}
	return d.prepare(d.conn)
}

// check makes an empty file ours and refuses what is not.
func (d *DB) check() error {
	if err := d.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	var app, ver, tables int
	if err := errors.Join(d.ask("PRAGMA application_id", &app), d.ask("PRAGMA user_version", &ver), d.ask("SELECT count(*) FROM sqlite_schema", &tables)); err != nil {
		return err
	}
	switch {
	case app == application && ver == version:
	case app == application:
		return fmt.Errorf("its schema is %d and this drover knows %d; want the drover that wrote it, or another file", ver, version)
	case app != 0 || ver != 0 || tables != 0:
		return errors.New("it is the database of another program; want another file")
	default:
		if err := d.exec(schema, fmt.Sprintf("PRAGMA application_id = %d", application), fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
			return err
		}
	}
	return d.exec("COMMIT")
}

// Close closes the file, after which nothing but it is left.
func (d *DB) Close() error {
	var err error
	for _, s := range d.all {
		err = errors.Join(err, s.Close())
	}
	if d.conn != nil {
		err = errors.Join(err, d.conn.Close())
	}
	if d.pool != nil {
		err = errors.Join(err, d.pool.Close())
	}
	if err != nil {
		return d.explain("close", err)
	}
	return nil
}

func (d *DB) exec(queries ...string) error {
	for _, q := range queries {
		if _, err := d.conn.ExecContext(context.Background(), q); err != nil {
			return err
		}
	}
	return nil
}

func (d *DB) ask(query string, into any) error {
	return d.conn.QueryRowContext(context.Background(), query).Scan(into)
}

// explain says of SQLite's commonest errors what they mean here.
func (d *DB) explain(act string, err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_NOTADB:
			err = errors.New("it is not an SQLite database; want a file of drover's, or one that is not there yet")
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			err = errors.New("another process has it open; end it, or use another file")
		case sqlite3.SQLITE_FULL:
			err = fmt.Errorf("no space is left: %w", err)
		case sqlite3.SQLITE_CANTOPEN:
			err = fmt.Errorf("it cannot be opened or made; may drover write there? (%w)", err)
		case sqlite3.SQLITE_READONLY:
			err = fmt.Errorf("it cannot be written: %w", err)
		case sqlite3.SQLITE_CORRUPT:
			err = fmt.Errorf("it is damaged; SQLite's .recover may save something of it: %w", err)
		}
	}
	return fmt.Errorf("%s database %s: %w", act, d.path, err)
}
