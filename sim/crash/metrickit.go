package crash

import (
	"strings"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

// metricTime is the layout of time.Format of MetricKit's times, which are UTC.
const metricTime = "2006-01-02 15:04:05"

// machTypes and signals are the numbers of exceptions and signals (mach/exception_types.h, sys/signal.h).
var (
	machTypes = map[string]uint64{"EXC_BAD_ACCESS": 1, "EXC_BREAKPOINT": 6, "EXC_CRASH": 10}
	signals   = map[string]uint64{"SIGTRAP": 5, "SIGABRT": 6, "SIGKILL": 9, "SIGSEGV": 11}
)

// AppendMetricKit appends what MetricKit tells of a crash to dst: an MXDiagnosticPayload with the one crash, as jsonRepresentation writes
// it. It is of the same accident as the report that Append makes. A kill for want of memory is no crash to MetricKit: it is
// counted among the exits of an MXMetricPayload, that of the day before the kill. Else it is like Append.
//
// Source of the keys: an MXDiagnosticPayload that was published 2020-11-04 and Apple's documentation; of what came later, and of the
// order of frames (the innermost is the root, its callers are below it) and of a payload's times (those of the crash, since it is
// delivered at the next launch), public apps that read such payloads, 2025 to 2026. What an extension's exits count as is an assumption:
// as those of the app in the background.
func AppendMetricKit(dst []byte, d *fleet.Device, e *event.Event) []byte {
	r := newReport(dst, d, e)
	if e.Crash.Reason == "jetsam" {
		r.exits()
	} else {
		r.diagnostic()
	}
	return r.b
}

// diagnostic writes an MXDiagnosticPayload.
func (r *report) diagnostic() {
	d, m, s := r.accident()
	r.raw("{")
	at := r.captured.UTC()
	r.key("timeStampBegin")
	r.time(at, metricTime)
	r.key("timeStampEnd")
	r.time(at, metricTime)
	r.key("crashDiagnostics")
	r.raw("[{")
	r.keyStr("version", "1.0.0")
	r.key("callStackTree")
	r.raw("{")
	r.key("callStackPerThread")
	r.raw("true")
	r.key("callStacks")
	r.raw("[")
	for i := range 1 + s.others {
		r.comma()
		r.raw("{")
		r.key("threadAttributed")
		if i == s.thread {
			r.raw("true")
		} else {
			r.raw("false")
		}
		r.key("callStackRootFrames")
		r.tree(&m, &s, i)
		r.raw("}")
	}
	r.raw("]}")
	r.key("diagnosticMetaData")
	r.raw("{")
	r.about()
	if r.since(17) {
		r.keyNum("pid", r.pid)
		r.key("bundleIdentifier")
		r.bundle()
		r.raw(`,"isTestFlightApp":false,"lowPowerModeEnabled":false`)
	}
	r.keyNum("exceptionType", machTypes[d.exception])
	r.keyNum("exceptionCode", d.code0)
	r.keyNum("signal", signals[d.signal])
	r.key("terminationReason")
	r.terminationReason(d)
	if d.subtype {
		r.key("virtualMemoryRegionInfo")
		r.region(&m, s.bad)
	}
	if d.thrown && r.since(17) {
		r.thrown(s.bug)
	}
	r.raw("}}]}\n")
}

// about writes what every payload says of the app and the device.
func (r *report) about() {
	r.keyStr("appBuildVersion", r.dev.App)
	r.keyStr("appVersion", r.dev.App)
	r.keyStr("regionFormat", r.dev.Locale[strings.LastIndexByte(r.dev.Locale, '-')+1:])
	r.key("osVersion")
	r.osVersion()
	r.keyStr("deviceType", r.dev.Model.ID)
	r.keyStr("platformArchitecture", r.dev.Model.Arch)
}

// terminationReason is a text: before iOS 17 the code of a signal is hexadecimal and without words (which iOS changed it is an
// assumption; both are seen).
func (r *report) terminationReason(d *death) {
	r.open()
	r.raw("Namespace ")
	r.raw(d.namespace)
	r.raw(", Code ")
	switch {
	case d.namespace != "SIGNAL":
		r.raw("0x")
		r.hex(d.code, 8)
	case r.since(17):
		r.num(d.code)
		r.raw(" ")
		r.raw(d.indicator)
	default:
		r.raw("0x")
		r.hex(d.code, 1)
	}
	r.close()
}

// exceptions are what the app's mistakes throw.
var exceptions = [...]struct{ name, class, message string }{
	{"NSInvalidArgumentException", "NSException", "*** -[__NSPlaceholderDictionary initWithObjects:forKeys:count:]: attempt to insert nil object from objects[0]"},
	{"NSRangeException", "NSException", "*** -[__NSArrayM objectAtIndex:]: index 3 beyond bounds [0 .. 2]"},
	{"NSInvalidArgumentException", "NSException", "-[__NSCFString count]: unrecognized selector sent to instance"},
	{"NSInternalInconsistencyException", "NSException", "Modifications to the layout engine must not be performed from a background thread after it has been accessed from the main thread."},
}

func (r *report) thrown(bug uint64) {
	x := &exceptions[bug%uint64(len(exceptions))]
	r.key("objectiveCexceptionReason")
	r.raw("{")
	r.keyStr("composedMessage", x.message)
	r.keyStr("formatString", x.message)
	r.raw(`,"arguments":[]`)
	r.keyStr("exceptionType", x.name)
	r.keyStr("className", x.class)
	r.keyStr("exceptionName", x.name)
	r.raw("}")
}

// tree writes the frames of a thread, each inside of the one that it called.
func (r *report) tree(m *memory, s *scene, thread int) {
	depth := uint64(0)
	for _, st := range r.stacks(thread, s) {
		for _, site := range st {
			f := r.place(m, site, s.bug, depth)
			if depth > 0 {
				r.key("subFrames")
			}
			depth++
			r.raw("[{")
			r.key("binaryUUID")
			r.uuid(r.imageUUID(f.image), true)
			r.keyNum("offsetIntoBinaryTextSegment", f.offset)
			r.keyNum("sampleCount", 1)
			r.keyStr("binaryName", r.imageName(f.image))
			r.keyNum("address", m.base[f.image]+f.offset)
		}
	}
	for range depth {
		r.raw("}]")
	}
}

// exits writes an MXMetricPayload that has one kill for want of memory. That the system took what was in the background, or the user
// closed it, is everyday life.
func (r *report) exits() {
	r.raw("{")
	end := r.written.UTC()
	r.key("timeStampBegin")
	r.time(end.Add(-24*time.Hour), metricTime)
	r.key("timeStampEnd")
	r.time(end, metricTime)
	r.keyStr("appVersion", r.dev.App)
	r.key("metaData")
	r.raw("{")
	r.about()
	r.raw("}")
	r.key("applicationExitMetrics")
	r.raw("{")
	r.key("foregroundExitData")
	r.raw("{")
	r.keyNum("cumulativeNormalAppExitCount", r.rand.below(2))
	for _, cause := range [...]string{"MemoryResourceLimit", "BadAccess", "Abnormal", "IllegalInstruction", "AppWatchdog"} {
		r.exit(cause, 0)
	}
	r.raw("}")
	r.key("backgroundExitData")
	r.raw("{")
	r.keyNum("cumulativeNormalAppExitCount", r.rand.below(3))
	r.exit("MemoryResourceLimit", 1)
	r.exit("MemoryPressure", r.rand.below(4))
	for _, cause := range [...]string{"CPUResourceLimit", "BadAccess", "Abnormal", "IllegalInstruction", "AppWatchdog", "SuspendedWithLockedFile", "BackgroundTaskAssertionTimeout"} {
		r.exit(cause, 0)
	}
	r.raw("}}}\n")
}

func (r *report) exit(cause string, n uint64) {
	r.comma()
	r.raw(`"cumulative`)
	r.raw(cause)
	r.raw(`ExitCount":`)
	r.num(n)
}
