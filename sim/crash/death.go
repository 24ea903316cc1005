package crash

import (
	"strconv"

	"drover/sim/event"
)

// death is how a process ended: what the exception and the termination of a report say, and where the process was.
type death struct {
	exception string
	signal    string
	code0     uint64
	subtype   bool // code 1 is the bad address, and subtype and vmregioninfo tell of it; otherwise code 1 is 0
	trap      bool // code 1 is the address of the trap
	namespace string
	code      uint64
	indicator string // of a signal
	byItself  bool   // the process raised the signal; otherwise the exception handler did
	reasons   bool   // FRONTBOARD says what it waited for
	thrown    bool   // an Objective-C exception, whose own stack the report has
	event     string // what FRONTBOARD waited for
	allowance uint64 // and how long, in ms
	main      bool   // always the main thread
	away      bool   // in the background
	on        stack
	esr       string // description of the exception register
	weight    uint64
}

// deaths are the forms that each reason takes. The exceptions and codes are published (Apple, "Understanding the exception types in
// a crash report"; reports as in the package comment); the weights within a reason are assumptions.
var deaths = map[string][]death{
	"sigsegv": {
		{exception: "EXC_BAD_ACCESS", signal: "SIGSEGV", code0: 1, subtype: true, namespace: "SIGNAL", code: 11, indicator: "Segmentation fault: 11",
			on: messaging, esr: "(Data Abort) byte read Translation fault", weight: 2},
		{exception: "EXC_BAD_ACCESS", signal: "SIGSEGV", code0: 1, subtype: true, namespace: "SIGNAL", code: 11, indicator: "Segmentation fault: 11",
			on: releasing, esr: "(Data Abort) byte write Translation fault", weight: 1},
	},
	"sigtrap": {
		{exception: "EXC_BREAKPOINT", signal: "SIGTRAP", code0: 1, trap: true, namespace: "SIGNAL", code: 5, indicator: "Trace/BPT trap: 5",
			on: trapping, esr: "(Breakpoint) brk 1", weight: 1},
		{exception: "EXC_BREAKPOINT", signal: "SIGTRAP", code0: 1, trap: true, namespace: "SIGNAL", code: 5, indicator: "Trace/BPT trap: 5",
			esr: "(Breakpoint) brk 1", weight: 1},
	},
	"sigabrt": {
		{exception: "EXC_CRASH", signal: "SIGABRT", namespace: "SIGNAL", code: 6, indicator: "Abort trap: 6", byItself: true, thrown: true,
			on: aborting, esr: "(Syscall)", weight: 1},
	},
	"watchdog": {
		{exception: "EXC_CRASH", signal: "SIGKILL", namespace: "FRONTBOARD", code: 0x8badf00d, reasons: true, event: "scene-update", allowance: 10_000,
			main: true, on: locking, esr: "(Syscall)", weight: 12},
		{exception: "EXC_CRASH", signal: "SIGKILL", namespace: "FRONTBOARD", code: 0x8badf00d, reasons: true, event: "process-exit", allowance: 5_000,
			main: true, away: true, on: waiting, esr: "(Syscall)", weight: 4},
		{exception: "EXC_CRASH", signal: "SIGKILL", namespace: "RUNNINGBOARD", code: 0xdead10cc, away: true, on: writing, esr: "(Syscall)", weight: 5},
		{exception: "EXC_CRASH", signal: "SIGKILL", namespace: "RUNNINGBOARD", code: 0x2182bad2, away: true, on: waiting, esr: "(Syscall)", weight: 1},
	},
}

// draw picks one by weight.
func draw(r *draws, list []death) *death {
	var total uint64
	for i := range list {
		total += list[i].weight
	}
	n := r.below(total)
	for i := range list {
		if n < list[i].weight {
			return &list[i]
		}
		n -= list[i].weight
	}
	return &list[len(list)-1]
}

// exception writes what the processor or the process itself raised. bad is the address that was used, pc that of the instruction.
func (r *report) exception(d *death, bad, pc uint64) {
	code1 := uint64(0)
	switch {
	case d.subtype:
		code1 = bad
	case d.trap:
		code1 = pc
	}
	r.top("exception")
	r.raw(`{"codes":"`)
	r.address(d.code0)
	r.raw(", ")
	r.address(code1)
	r.raw(`","rawCodes":[`)
	r.num(d.code0)
	r.raw(",")
	r.num(code1)
	r.raw("]")
	r.keyStr("type", d.exception)
	r.keyStr("signal", d.signal)
	if d.subtype {
		r.raw(`,"subtype":"KERN_INVALID_ADDRESS at `)
		r.address(bad)
		r.close()
	}
	r.raw("}")
}

// termination writes who ended the process.
func (r *report) termination(d *death) {
	r.top("termination")
	r.raw("{")
	if d.namespace == "SIGNAL" {
		r.keyNum("flags", 0)
		r.keyNum("code", d.code)
		r.keyStr("namespace", d.namespace)
		r.keyStr("indicator", d.indicator)
		by := "exc handler"
		if d.byItself {
			by = r.name
		}
		r.keyStr("byProc", by)
		r.keyNum("byPid", r.pid)
	} else {
		r.keyNum("flags", 6)
		r.keyNum("code", d.code)
		r.keyStr("namespace", d.namespace)
	}
	if d.reasons {
		r.reasons(d)
	}
	r.raw("}")
}

// reasons writes what FRONTBOARD says of a watchdog, element by element. The process had a part of the CPU time of all cores.
func (r *report) reasons(d *death) {
	total := d.allowance/2 + r.rand.below(d.allowance)
	user := total * (60 + r.rand.below(20)) / 100
	own := user * r.rand.below(50) / 100
	visibility := "Foreground"
	if d.away {
		visibility = "Background"
	}
	r.key("reasons")
	r.raw(`["<RBSTerminateContext| domain:10 code:0x8BADF00D explanation:`)
	r.text(d.event)
	r.raw(" watchdog transgression: app<")
	r.raw(event.AppBundle)
	r.raw(">:")
	r.num(r.pid)
	r.raw(" exhausted real (wall clock) time allowance of ")
	r.num(d.allowance / 1000)
	r.raw(`.00 seconds ","ProcessVisibility: `)
	r.raw(visibility)
	r.raw(`","ProcessState: Running","WatchdogEvent: `)
	r.raw(d.event)
	r.raw(`","WatchdogVisibility: `)
	r.raw(visibility)
	r.raw(`","WatchdogCPUStatistics: (","\"Elapsed total CPU time (seconds): `)
	r.decimals(total)
	r.raw(" (user ")
	r.decimals(user)
	r.raw(", system ")
	r.decimals(total - user)
	r.raw("), ")
	r.num(total * 100 / d.allowance / uint64(max(1, r.dev.Model.Cores)))
	r.raw(`% CPU\",","\"Elapsed application CPU time (seconds): `)
	r.decimals(own)
	r.raw(", ")
	r.num(own * 100 / d.allowance / uint64(max(1, r.dev.Model.Cores)))
	r.raw(`% CPU\"",")`)
	if r.since(17) {
		level := r.rand.below(30)
		state := "nominal"
		if level >= 20 {
			state = "fair"
		}
		r.raw(`","ThermalInfo: (","\"Thermal Level:   `)
		r.num(level)
		r.raw(`\",","\"Thermal State:   `)
		r.raw(state)
		r.raw(`\"",")`)
	}
	r.raw(` reportType:CrashLog maxTerminationResistance:Interactive>"]`)
}

// region writes where a bad address lies: below all memory of the process.
func (r *report) region(m *memory, bad uint64) {
	r.open()
	r.raw("0x")
	r.b = strconv.AppendUint(r.b, bad, 16)
	r.raw(" is not in any region.  Bytes before following region: ")
	r.num(m.base[self] - bad)
	r.raw(`\n      REGION TYPE                 START - END      [ VSIZE] PRT\/MAX SHRMOD  REGION DETAIL\n      UNUSED SPACE AT START\n--->  \n      __TEXT                   `)
	r.b = strconv.AppendUint(r.b, m.base[self], 16)
	r.raw("-")
	r.b = strconv.AppendUint(r.b, m.base[self]+m.size[self], 16)
	r.raw(" [ ")
	r.num(m.size[self] / 1024)
	r.raw(`K] r-x\/r-x SM=COW  `)
	r.text(r.name)
	r.close()
}
