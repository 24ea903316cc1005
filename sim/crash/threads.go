package crash

import (
	"encoding/base64"

	"drover/sim/event"
)

// idle is a thread that had no part in a crash.
type idle struct {
	name   string
	queue  string
	stacks []stack
}

// idles are threads that the app and the extension have beside the one that crashed; onlyApp of them come last.
var idles = [...]idle{
	{stacks: []stack{idleWorker}},
	{stacks: []stack{newWorker}},
	{queue: "com.apple.network.connections", stacks: []stack{resolving, fromQueue[3:]}},
	{name: "com.apple.NSURLConnectionLoader", stacks: []stack{runLoop, loading, threaded}},
	{queue: "com.apple.security.trust-evaluation", stacks: []stack{waiting, tracing, fromQueue[3:]}},
	{queue: "com.microsoft.scmx.queue", stacks: []stack{waiting, fromQueue}},
	{stacks: []stack{newWorker}},
	{stacks: []stack{idleWorker}},
	{}, // see idle
	{name: "com.apple.CFSocket.private", stacks: []stack{{{kernel, "__select"}, {coreFoundation, "__CFSocketManager"}}, threaded}},
	{name: "com.apple.uikit.eventfetch-thread", stacks: []stack{runLoop, fetching, threaded}},
	{queue: "com.apple.frontboard.services", stacks: []stack{waiting, serving, fromQueue[3:]}},
}

const onlyApp = 2

// own are the threads that only one process has, by name: what takes part in the traffic, and what sets that up. The names of the
// queues of a filter and of the app's are assumptions.
var own = [...]idle{
	{name: event.ProcessApp, queue: "NEConfigurationManager queue", stacks: []stack{connecting, fromQueue[3:]}},
	{name: event.ProcessTunnel, queue: "NEFlow queue", stacks: []stack{reading, fromQueue[3:]}},
	{name: event.ProcessFilter, queue: "NEFilterExtensionProviderContext queue", stacks: []stack{filtering, fromQueue[3:]}},
}

// idle returns the i-th thread that had no part in a crash, from 1.
func (r *report) idle(i int) (t idle) {
	if t = idles[i-1]; t.stacks == nil {
		for _, o := range own {
			if o.name == r.name {
				t = idle{queue: o.queue, stacks: o.stacks}
			}
		}
	}
	return t
}

// scene is where the crash happened: the thread, its stack and the app's mistake behind it.
type scene struct {
	thread int
	main   bool
	queue  string
	bug    uint64
	stacks [3]stack
	bad    uint64 // the address that was used
	others int    // threads beside it
}

// stage sets the scene. The extension does its work on queues, the app on the main thread, too.
func (r *report) stage(d *death) (s scene) {
	s.bug = r.rand.below(12)
	s.bad = 8 * r.rand.below(64)
	s.others = len(idles)
	if r.extension {
		s.others -= onlyApp
	}
	s.others -= int(r.rand.below(4))
	s.stacks[0] = d.on
	s.main = d.main || !r.extension && r.rand.below(2) == 0
	switch {
	case s.main && r.extension:
		s.stacks[1], s.stacks[2] = fromQueue[:3], extensionMain
		s.queue = "com.apple.main-thread"
	case s.main:
		s.stacks[1], s.stacks[2] = fromUI, appMain
		s.queue = "com.apple.main-thread"
	default:
		s.thread = 1 + int(r.rand.below(uint64(s.others)))
		s.stacks[1] = fromQueue
		s.queue = "com.microsoft.scmx.queue"
	}
	return s
}

// threads writes what was raised and all threads. The first thread is the main one.
func (r *report) threads(m *memory, d *death, s *scene) {
	at := r.innermost(m, s)
	r.top("instructionByteStream")
	r.raw(`{"beforePC":"`)
	r.base64(16)
	r.raw(`","atPC":"`)
	r.base64(16)
	r.raw(`"}`)
	if r.since(17) {
		r.top("bootSessionUUID")
		r.uuid(uuid(hash(r.device+uint64(r.booted.Unix()), r.dev.OS.Build)), true) // an update of iOS restarts the device
	}
	r.exception(d, s.bad, at[0])
	r.termination(d)
	if d.subtype {
		r.top("vmregioninfo")
		r.region(m, s.bad)
	}
	if d.thrown {
		r.top("asi")
		r.raw(`{"libsystem_c.dylib":["abort() called"]}`)
		r.top("lastExceptionBacktrace")
		r.frames(m, s.bug, throwing, s.stacks[1], s.stacks[2])
	}
	r.topNum("faultingThread", uint64(s.thread))
	r.top("threads")
	r.raw("[")
	first := 1000 + r.rand.below(4_000_000)
	for i := range 1 + s.others {
		r.comma()
		r.raw("{")
		if i == s.thread {
			r.key("triggered")
			r.raw("true")
		}
		first += 1 + r.rand.below(40)
		r.keyNum("id", first)
		switch {
		case i == s.thread:
			r.keyStr("queue", s.queue)
			r.state(d, at, s.bad)
		case i == 0:
			r.keyStr("queue", "com.apple.main-thread")
		default:
			t := r.idle(i)
			if t.name != "" {
				r.keyStr("name", t.name)
			}
			if t.queue != "" {
				r.keyStr("queue", t.queue)
			}
		}
		r.key("frames")
		st := r.stacks(i, s)
		r.frames(m, s.bug, st[0], st[1], st[2])
		r.raw("}")
	}
	r.raw("]")
}

// stacks are where a thread was, innermost first.
func (r *report) stacks(i int, s *scene) (st [3]stack) {
	switch {
	case i == s.thread:
		return s.stacks
	case i > 0:
		copy(st[:], r.idle(i).stacks)
	case r.extension:
		st[0], st[1] = runLoop, extensionMain
	default:
		st[0], st[1] = runLoop, appMain
	}
	return st
}

// innermost returns the addresses of the two innermost frames: the program counter and, below it, the link register.
func (r *report) innermost(m *memory, s *scene) (at [2]uint64) {
	n := uint64(0)
	for _, st := range s.stacks {
		for _, site := range st {
			if n == 2 {
				return at
			}
			f := r.place(m, site, s.bug, n)
			at[n] = m.base[f.image] + f.offset
			n++
		}
	}
	return at
}

// state writes the registers of the thread that crashed.
func (r *report) state(d *death, at [2]uint64, bad uint64) {
	sp := 0x16b000000 + r.rand.below(0x4000)*0x10
	r.key("threadState")
	r.raw(`{"x":[`)
	for i := range 29 {
		r.comma()
		r.raw(`{"value":`)
		switch v := r.rand.next(); {
		case i == 0 && d.subtype:
			r.num(bad)
		case v&3 == 0:
			r.num(v >> 56)
		case v&3 == 1:
			r.num(sp + v>>52)
		default:
			r.num(0x280000000 + v>>36)
		}
		r.raw("}")
	}
	r.raw(`],"flavor":"ARM_THREAD_STATE64"`)
	r.register("lr", at[1])
	r.register("cpsr", 0x40001000)
	r.register("fp", sp+0x60)
	r.register("sp", sp)
	esr := uint64(0x56000080)
	switch {
	case d.trap:
		esr = 0xf2000001
	case d.subtype:
		esr = 0x92000006
	}
	r.key("esr")
	r.raw(`{"value":`)
	r.num(esr)
	r.keyStr("description", d.esr)
	r.raw("}")
	r.key("pc")
	r.raw(`{"value":`)
	r.num(at[0])
	r.raw(`,"matchesCrashFrame":1}`)
	far := uint64(0)
	if d.subtype {
		far = bad
	}
	r.register("far", far)
	r.raw("}")
}

func (r *report) register(name string, v uint64) {
	r.key(name)
	r.raw(`{"value":`)
	r.num(v)
	r.raw("}")
}

// base64 writes n random bytes as instructions.
func (r *report) base64(n int) {
	var src [24]byte
	for i := range n {
		src[i] = byte(r.rand.next())
	}
	r.b = base64.StdEncoding.AppendEncode(r.b, src[:n])
}
