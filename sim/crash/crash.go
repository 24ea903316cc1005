// Package crash knows what iOS writes when a process of the Defender app dies: the .ips file of a crash (bug_type 309) and the
// JetsamEvent of a kill for want of memory (bug_type 298), with the fields that each iOS major from 15 on has, and what
// MetricKit tells the app of the same. It leaves to others when a crash happens and why (behavior), and how the file travels (wire).
//
// An .ips file is two JSON objects: a header of one line, and a body from the second line on. What is in one follows from
// the device and the event alone, and only from what an upload says of them, so that a report can be made again from a
// capture.
//
// Where real devices agree, so do reports: all devices with one build of iOS and one instruction set have the same shared
// cache and the same system images with the same UUIDs, and all with one version of the app have the same app image. The
// places that the system loads them at differ from boot to boot.
//
// Some kills leave no report at all (netbirdio/ios-client issue 219, 2026-09). No source says how many; the event is then one
// that the app could not know of, so the share is in the rate of crashes.
//
// A kill is of the extension, which is killed when it passes its limit; that the system ends apps in the background when it is
// short of memory is everyday life, and no crash. A real JetsamEvent names every process of the device. One made here names daemons
// of the system and the Defender app's own processes, and no other app: the privacy texts promise that no other app is named.
//
// Source of the fields and of the exception and termination codes, where nothing else is said: reports of iOS 15.5 to 26.6.2
// that were published 2022 to 2026, and the Go structures of blacktop/ipsw pkg/crashlog (MIT, 2026-08-22). UUIDs, offsets and sizes
// are made up. Fields that not every report has are left out: basebandVersion, of which the values of one release are known,
// voucherInfos, ktriageinfo and isCorpse.
package crash

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"drover/sim/event"
	"drover/sim/fleet"
)

// Layouts of time.Format: the header and a JetsamEvent have hundredths, the body of a crash four decimals.
const (
	headerTime = "2006-01-02 15:04:05.00 -0700"
	bodyTime   = "2006-01-02 15:04:05.0000 -0700"
)

// ticksPerSec is the rate of the clock behind procStartAbsTime on all devices.
const ticksPerSec = 24_000_000

// Append appends the whole report of a crash, an event of kind event.Crash, to dst. The device needs a Model and an OS; a reason
// that is not known reads as sigabrt. It allocates nothing beyond what dst needs to grow, keeps nothing of its arguments and
// is safe for concurrent use. A report is UTF-8, and its only control character is the line feed.
func Append(dst []byte, d *fleet.Device, e *event.Event) []byte {
	r := newReport(dst, d, e)
	if e.Crash.Reason == "jetsam" {
		r.jetsam()
	} else {
		r.crash()
	}
	return r.b
}

// report is one document in the making.
type report struct {
	writer
	dev  *fleet.Device
	c    *event.CrashReport
	rand draws

	major     int
	build     uint64 // hash of what all devices with one build and instruction set share
	app       uint64 // hash of what all devices with one version of the app share
	device    uint64 // hash of the device
	extension bool
	name      string // of the process
	pid       uint64
	written   time.Time // header; the day is the device's own
	captured  time.Time
	launched  time.Time
	lifetime  uint64 // in units of 100 µs, the resolution of the body's times
	booted    time.Time
	bootTicks uint64 // from then until the process started
}

func newReport(dst []byte, d *fleet.Device, e *event.Event) report {
	c := &e.Crash
	r := report{writer: writer{b: dst}, dev: d, c: c, name: event.ProcessApp, major: majorOf(d.OS.Version)}
	if c.Process == event.ProcessTunnel || c.Process == event.ProcessFilter {
		r.extension, r.name = true, c.Process
	}
	r.rand = draws(hash(hash(0, c.Incident[:8]), c.Incident[8:]))
	r.build = hash(hash(1, d.OS.Build), d.Model.Arch)
	if d.OS.Build == "" {
		r.build = hash(r.build, d.OS.Version)
	}
	r.app = hash(hash(2, d.App), r.name)
	r.device = hash(3, d.EntraID[:])
	r.pid = 200 + r.rand.below(30_000)

	zone := d.Timezone
	if zone == nil {
		zone = time.UTC
	}
	const unit = 100 * time.Microsecond
	r.written = e.At.In(zone).Truncate(10 * time.Millisecond)
	r.captured = r.written.Add(-unit * time.Duration(3000+r.rand.below(22_000)))
	r.lifetime = uint64(c.UptimeSec)*10_000 + 1 + r.rand.below(9_999) // never nothing: a process lives before it dies
	r.launched = r.captured.Add(-time.Duration(r.lifetime) * unit)
	r.booted = d.Booted(r.launched)
	r.bootTicks = uint64(r.launched.Sub(r.booted)/unit)*(ticksPerSec/10_000) + r.rand.below(ticksPerSec/10_000)
	return r
}

// majorOf reads the number that a version begins with.
func majorOf(version string) (n int) {
	for i := 0; i < len(version) && version[i]-'0' <= 9 && n < 1000; i++ {
		n = n*10 + int(version[i]-'0')
	}
	return n
}

func minorOf(version string) int {
	_, rest, _ := strings.Cut(version, ".")
	return majorOf(rest)
}

// since reports whether the device runs that iOS major or a later one.
func (r *report) since(major int) bool { return r.major >= major }

// osVersion writes e.g. "iPhone OS 26.4.2 (23E261)", the train and the build. iPads say iPhone OS, too.
func (r *report) osVersion() {
	r.open()
	r.text("iPhone OS ")
	r.text(r.dev.OS.Version)
	r.text(" (")
	r.text(r.dev.OS.Build)
	r.text(")")
	r.close()
}

// incident writes the id of the report as iOS does, in capitals; the event has the same.
func (r *report) incident() { r.uuid(r.c.Incident, true) }

// execPath writes the path of the process, which is in the container of the app.
func (r *report) execPath() {
	r.open()
	r.text("/private/var/containers/Bundle/Application/")
	r.uuidText(uuid(hash(r.device, r.dev.App)), true)
	r.text("/Defender.app/")
	if r.extension {
		r.text("PlugIns/")
		r.text(r.name)
		r.text(".appex/")
	}
	r.text(r.name)
	r.close()
}

// bundle writes the identifier of the process's bundle.
func (r *report) bundle() {
	r.open()
	r.text(event.AppBundle)
	if r.extension {
		r.text(".")
		r.text(r.name)
	}
	r.close()
}

// hash mixes a text into h (FNV-1a, and a finisher, so that near texts come out far apart).
func hash[S string | []byte](h uint64, s S) uint64 {
	h ^= 0xcbf29ce484222325
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	d := draws(h)
	return d.next()
}

// uuid makes a version 4 UUID from a hash.
func uuid(h uint64) (id event.ID) {
	d := draws(h)
	hi, lo := d.next(), d.next()
	for i := range 8 {
		id[i], id[8+i] = byte(hi>>(8*i)), byte(lo>>(8*i))
	}
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// draws is a stream of random words: splitmix64.
type draws uint64

func (d *draws) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is uniform in 0..n-1. n is far below 2^64, so the skew of the remainder does not show.
func (d *draws) below(n uint64) uint64 { return d.next() % n }

// writer appends JSON as Apple's writer forms it: the members of the body on lines of their own with " : ", what is within threads
// close together, and a slash in a text escaped.
type writer struct{ b []byte }

// top begins a member of the body.
func (w *writer) top(key string) {
	w.comma()
	w.b = append(w.b, "\n  \""...)
	w.b = append(w.b, key...)
	w.b = append(w.b, `" : `...)
}

// key begins a member of an inner object or of the header.
func (w *writer) key(key string) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, key...)
	w.b = append(w.b, `":`...)
}

// comma separates from what came before, if anything did.
func (w *writer) comma() {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' {
		w.b = append(w.b, ',')
	}
}

func (w *writer) raw(s string)       { w.b = append(w.b, s...) }
func (w *writer) num(n uint64)       { w.b = strconv.AppendUint(w.b, n, 10) }
func (w *writer) open()              { w.b = append(w.b, '"') }
func (w *writer) close()             { w.b = append(w.b, '"') }
func (w *writer) str(s string)       { w.open(); w.text(s); w.close() }
func (w *writer) topStr(k, s string) { w.top(k); w.str(s) }
func (w *writer) topNum(k string, n uint64) {
	w.top(k)
	w.num(n)
}
func (w *writer) keyStr(k, s string) { w.key(k); w.str(s) }
func (w *writer) keyNum(k string, n uint64) {
	w.key(k)
	w.num(n)
}

// text writes the inside of a string.
func (w *writer) text(s string) {
	for _, c := range s { // bytes that are not UTF-8 come out as U+FFFD
		switch {
		case c == '"' || c == '\\' || c == '/':
			w.b = append(w.b, '\\', byte(c))
		case c == '\n':
			w.b = append(w.b, '\\', 'n')
		case c < 0x20:
			w.b = append(w.b, '\\', 'u', '0', '0')
			w.hex(uint64(c), 2)
		case c < 0x80:
			w.b = append(w.b, byte(c))
		default:
			w.b = utf8.AppendRune(w.b, c)
		}
	}
}

// hex writes the last digits of n.
func (w *writer) hex(n uint64, digits int) {
	for i := digits - 1; i >= 0; i-- {
		w.b = append(w.b, "0123456789abcdef"[n>>(4*i)&15])
	}
}

// address writes e.g. 0x0000000000000010.
func (w *writer) address(n uint64) {
	w.raw("0x")
	w.hex(n, 16)
}

// decimals writes n thousandths, e.g. 16.430.
func (w *writer) decimals(n uint64) {
	w.num(n / 1000)
	w.b = append(w.b, '.', '0'+byte(n/100%10), '0'+byte(n/10%10), '0'+byte(n%10))
}

func (w *writer) uuid(id event.ID, capitals bool) {
	w.open()
	w.uuidText(id, capitals)
	w.close()
}

func (w *writer) uuidText(id event.ID, capitals bool) {
	from := len(w.b)
	w.b = fleet.GUID(id).AppendText(w.b)
	if !capitals {
		return
	}
	for i := from; i < len(w.b); i++ {
		if c := w.b[i]; c >= 'a' && c <= 'f' {
			w.b[i] = c - 'a' + 'A'
		}
	}
}

// hex40 writes a key of 40 hexadecimal digits.
func (w *writer) hex40(h uint64) {
	d := draws(h)
	w.open()
	for range 5 {
		w.hex(d.next(), 8)
	}
	w.close()
}

func (w *writer) time(t time.Time, layout string) {
	w.open()
	w.b = t.AppendFormat(w.b, layout)
	w.close()
}
