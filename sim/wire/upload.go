package wire

import (
	"drover/sim/event"
	"drover/sim/fleet"
)

// Upload is a decoded native document. It is reused: DecodeUpload keeps its memory. Slices of bytes point into the
// document or into the Upload, and are valid until either is changed or decoded again.
type Upload struct {
	Device  Device
	Account Account
	App     App
	Events  []Event

	scratch []byte
}

// Device is what a document says about the device. What the sender's contract does not have is empty or zero.
type Device struct {
	ID        DeviceID
	OSVersion []byte
	OSBuild   []byte // empty where the build is not known
	CPU       CPU
	Locale    []byte
	Timezone  []byte // IANA name
	Raw       []byte // the object as written
}

// DeviceID is the one identifier of a device. It is comparable.
type DeviceID struct {
	HasMAC bool
	GUID   fleet.GUID // when !HasMAC
	MAC    [6]byte    // when HasMAC
}

// String writes the identifier as documents have it: a GUID, or a MAC address.
func (id DeviceID) String() string {
	if id.HasMAC {
		return string(appendMAC(nil, id.MAC))
	}
	return id.GUID.String()
}

// ParseDeviceID is the inverse of DeviceID.String; it takes no other form.
func ParseDeviceID(s string) (id DeviceID, ok bool) {
	if id.HasMAC = parseMAC([]byte(s), &id.MAC); id.HasMAC {
		return id, true
	}
	id.GUID, ok = ParseGUID(s)
	return id, ok
}

// CPU is the hardware: identifier of the model, system on a chip, instruction set, cores.
type CPU struct {
	Model, SoC, Arch []byte
	Cores            uint32
}

// Account is whose device it is. What the sender's contract does not have is zero or empty.
type Account struct {
	DeviceID, UserID, TenantID, OrgID fleet.GUID
	UPN                               []byte
	Raw                               []byte // the object as written
}

// App is the app that reports.
type App struct {
	Name    string // AppName, or empty
	Version []byte
	Raw     []byte // the object as written
}

// Event is one event of a document. Of Web, Host and Address are never set, since a stranger may write any domain and any
// address, and Truth is not, since ground truth is not on the wire.
type Event struct {
	event.Event
	Domain    []byte  // web.domain; empty: withheld
	RemoteIP  [4]byte // web.remote_ip; 0.0.0.0: withheld
	Email     []byte  // feedback.email, when Feedback.Email
	Report    []byte  // app.crash.report, the whole .ips file, of a Crash; nil when it is not reported in this form
	MetricKit []byte  // app.crash.metrickit, the payload of MetricKit, of a Crash; nil likewise
	Raw       []byte  // the object as written
}

// DecodeUpload reads a native document into u. It is strict: a field that the format does not have, or not for this kind of
// event, one that is missing or occurs twice, a value in another form than the encoder's, text that is not UTF-8, or
// anything after the document is an error. The order of fields and white space are free. A data type may be missing as a
// whole, since contracts differ, but neither what AddressFields says nor what an event of its kind is about. An error is an
// *Error; u is then half filled.
func DecodeUpload(data []byte, u *Upload) error {
	*u = Upload{Events: u.Events[:0], scratch: u.scratch[:0]}
	doc := decoder{data: data, scratch: u.scratch, event: -1}
	d := &doc
	d.checkUTF8()
	for o := d.object(&uploadShape); o.next(d); {
		switch o.field {
		case "v":
			if d.uint32() != 1 {
				d.fail("want version 1")
			}
		case "device":
			d.device(&u.Device)
		case "account":
			d.account(&u.Account)
		case "app":
			d.app(&u.App)
		case "events":
			for l := d.list("events[]"); l.next(d); {
				if len(u.Events) < cap(u.Events) {
					u.Events = u.Events[:len(u.Events)+1]
				} else {
					u.Events = append(u.Events, Event{})
				}
				d.readEvent(&u.Events[len(u.Events)-1])
			}
			if d.err == nil && len(u.Events) == 0 {
				d.failAt(&uploadShape, "events", "want at least one event")
			}
		}
	}
	u.scratch = d.scratch
	return d.finish()
}

var (
	uploadShape  = shape{"", []string{"v", "device", "account", "app", "events"}, 1<<0 | 1<<1 | 1<<2 | 1<<4, false}
	deviceShape  = shape{"device", []string{"id", "os_version", "os_build", "cpu", "locale", "timezone"}, 1<<0 | 1<<4 | 1<<5, false}
	idShape      = shape{"device.id", []string{"guid", "wifi_mac"}, 0, false}
	cpuShape     = shape{"device.cpu", []string{"model", "soc", "arch", "cores"}, 1<<4 - 1, false}
	accountShape = shape{"account", []string{"device_id", "user_id", "tenant_id", "org_id", "upn"}, 1<<0 | 1<<2, false}
	appShape     = shape{"app", []string{"name", "version"}, 0, false}
)

func (d *decoder) device(v *Device) {
	d.peek()
	from := d.pos
	for o := d.object(&deviceShape); o.next(d); {
		switch o.field {
		case "id":
			d.deviceID(&v.ID)
		case "os_version":
			v.OSVersion = d.text()
		case "os_build":
			v.OSBuild = d.text()
		case "cpu":
			for o := d.object(&cpuShape); o.next(d); {
				switch o.field {
				case "model":
					v.CPU.Model = d.text()
				case "soc":
					v.CPU.SoC = d.text()
				case "arch":
					v.CPU.Arch = d.text()
				case "cores":
					v.CPU.Cores = d.uint32()
				}
			}
		case "locale":
			v.Locale = d.text()
		case "timezone":
			v.Timezone = d.text()
		}
	}
	// The build says which version it is, so one without the other is half a data type.
	if version, build := v.OSVersion != nil, v.OSBuild != nil; d.err == nil && version != build {
		d.failAt(&deviceShape, "", "want both os_version and os_build, or neither")
	}
	v.Raw = d.data[from:d.pos:d.pos]
}

func (d *decoder) deviceID(id *DeviceID) {
	n := 0
	for o := d.object(&idShape); o.next(d); n++ {
		switch o.field {
		case "guid":
			id.GUID = d.guid()
		case "wifi_mac":
			id.HasMAC, id.MAC = true, d.mac()
		}
	}
	if d.err == nil && n != 1 {
		d.failAt(&idShape, "", "want exactly one of guid and wifi_mac")
	}
}

func (d *decoder) account(v *Account) {
	d.peek()
	from := d.pos
	for o := d.object(&accountShape); o.next(d); {
		switch o.field {
		case "device_id":
			v.DeviceID = d.guid()
		case "user_id":
			v.UserID = d.guid()
		case "tenant_id":
			v.TenantID = d.guid()
		case "org_id":
			v.OrgID = d.guid()
		case "upn":
			v.UPN = d.text()
		}
	}
	v.Raw = d.data[from:d.pos:d.pos]
}

func (d *decoder) app(v *App) {
	d.peek()
	from := d.pos
	n := 0
	for o := d.object(&appShape); o.next(d); n++ {
		switch o.field {
		case "name":
			v.Name = d.oneOf("no other app may be named; want "+AppName, appNames[:])
		case "version":
			v.Version = d.text()
		}
	}
	if d.err == nil && n == 0 {
		d.failAt(&appShape, "", "is empty; leave it out")
	}
	v.Raw = d.data[from:d.pos:d.pos]
}

var appNames = [...]string{AppName}
