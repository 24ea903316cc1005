package crash

// platforms are the names of the chips, as in the kernel's own name. Source: littlebyteorg/appledb (MIT), device files, crawl to
// 2026-09-28.
var platforms = map[string]string{
	"A8": "T7000", "A8X": "T7001", "A9": "S8000", "A9X": "S8001", "A10 Fusion": "T8010", "A10X Fusion": "T8011", "A11 Bionic": "T8015",
	"A12 Bionic": "T8020", "A12X Bionic": "T8027", "A12Z Bionic": "T8027", "A13 Bionic": "T8030", "A14 Bionic": "T8101",
	"A15 Bionic": "T8110", "A16 Bionic": "T8120", "A17 Pro": "T8130", "A18": "T8140", "A18 Pro": "T8140", "A19": "T8150", "A19 Pro": "T8150",
	"A20 Pro": "T8160", "M1": "T8103", "M2": "T8112", "M3": "T8122", "M4": "T8132", "M5": "T8142",
}

// kernels are the Darwin and xnu major of each iOS major. The Darwin major of 27 was seen in a report of a beta; its xnu major is an
// assumption.
var kernels = map[int][2]uint64{15: {21, 8020}, 16: {22, 8796}, 17: {23, 10063}, 18: {24, 11417}, 26: {25, 12377}, 27: {27, 13200}}

// daemons are processes of the system. None is an app of the user's.
var daemons = [...]string{
	"launchd", "backboardd", "SpringBoard", "mediaserverd", "locationd", "wifid", "bluetoothd", "CommCenter", "configd", "powerd", "logd",
	"UserEventAgent", "fseventsd", "notifyd", "cfprefsd", "trustd", "securityd", "mDNSResponder", "nehelper", "nesessionmanager", "symptomsd",
	"networkserviceproxy", "apsd", "identityservicesd", "imagent", "accountsd", "akd", "cloudd", "bird", "nsurlsessiond", "duetexpertd",
	"dasd", "coreduetd", "contextstored", "biomed", "suggestd", "searchd", "spotlightknowledged", "knowledge-agent", "proactived", "assistantd",
	"siriknowledged", "corespeechd", "audiomxd", "audioclocksyncd", "mediaremoted", "mediaplaybackd", "photoanalysisd", "photolibraryd",
	"assetsd", "mobileassetd", "softwareupdateservicesd", "installd", "containermanagerd", "lsd", "runningboardd", "watchdogd", "thermalmonitord",
	"thermalmanagerd", "PerfPowerServices", "tailspind", "spindump", "ReportCrash", "analyticsd", "osanalyticshelper", "diagnosticd", "rtcreportingd",
	"routined", "homed", "sharingd", "rapportd", "nearbyd", "nfcd", "seserviced", "passd", "walletd", "healthd", "medialibraryd", "itunesstored",
	"appstored", "storekitd", "mobileactivationd", "lockdownd", "profiled", "mdmd", "remotemanagementd", "dmd", "managedsettingsd", "tccd",
	"sandboxd", "syspolicyd", "amfid", "keybagd", "aggregated", "timed", "calaccessd", "remindd", "contactsd", "dataaccessd", "maild",
	"callservicesd", "telephonyutilities", "wirelessproxd", "wifianalyticsd", "wifip2pd", "usermanagerd", "fairplayd", "adid", "swcd", "webbookmarksd",
	"distnoted", "geod", "mapspushd", "weatherd", "chronod", "widgetrenderer", "linkd", "intelligenceplatformd", "textunderstandingd", "fontservicesd",
}

// The memory of the extension when it passes its limit of 50 MiB on iOS 15 and later: what such kills logged (51,200 to 51,440 KiB;
// Tun2SocksKit issue 33, 2025-03). Of the app no limit is documented; a foreground app is said to have half of the memory.
const (
	limitPages = 51200 / 16
	overPages  = 51440/16 - limitPages
)

// jetsam writes the event of a kill for want of memory: bug_type 298. It is of the whole device.
func (r *report) jetsam() {
	r.raw("{")
	r.keyStr("bug_type", "298")
	r.key("timestamp")
	r.time(r.written, headerTime)
	r.key("os_version")
	r.osVersion()
	r.key("incident_id")
	r.incident()
	r.raw("}\n{")
	r.top("crashReporterKey")
	r.hex40(r.device)
	r.top("kernel")
	r.kernel()
	r.topStr("product", r.dev.Model.ID)
	r.top("incident")
	r.incident()
	r.top("date")
	r.time(r.written, headerTime)
	r.top("build")
	r.osVersion()
	r.topNum("timeDelta", 1+r.rand.below(40))
	r.topStr("bug_type", "298")
	r.memoryStatus()

	// The process that was killed has a place anywhere in the list. It was over its own limit: other reasons for a kill, such as
	// vm-pageshortage, are the system's, and what behavior kills has passed its limit.
	own := limitPages + r.rand.below(overPages+1)
	if !r.extension {
		own = r.ram() / 2 / page
	}
	most, largest := own, r.name
	pages := draws(r.rand.next()) // walked twice: for the largest, and for the list
	again := pages
	for i, name := range daemons {
		if n := daemonPages(&again, i); n > most {
			most, largest = n, name
		}
	}
	r.topStr("largestProcess", largest)
	r.topNum("genCounter", r.rand.below(40))
	r.top("processes")
	r.raw("[")
	place := int(r.rand.below(uint64(len(daemons))))
	for i, name := range daemons {
		if i == place {
			r.proc(r.name, 0, own)
		}
		r.proc(name, i+1, daemonPages(&pages, i))
	}
	r.raw("\n  ]\n}\n")
}

// daemonPages is the size of the i-th daemon; the first few are the large ones.
func daemonPages(d *draws, i int) uint64 {
	if i > 0 && i < 4 {
		return 1500 + d.below(4500)
	}
	return 60 + d.below(700)
}

// kernel writes e.g. "Darwin Kernel Version 25.4.0: ...; root:xnu-12377~1/RELEASE_ARM64_T8120". The day is a month before the release's.
func (r *report) kernel() {
	k, ok := kernels[r.major]
	if !ok {
		k = [2]uint64{uint64(max(1, r.major-1)), 13200}
	}
	r.open()
	r.raw("Darwin Kernel Version ")
	r.num(k[0])
	r.raw(".")
	r.num(uint64(minorOf(r.dev.OS.Version)))
	r.raw(".0: ")
	day := r.dev.OS.Date
	if !day.IsZero() {
		r.b = day.AddDate(0, 0, -30).AppendFormat(r.b, "Mon Jan _2 15:04:05 MST 2006; ")
	}
	r.raw("root:xnu-")
	r.num(k[1])
	r.raw(`~1\/RELEASE_ARM64_`)
	platform := platforms[r.dev.Model.SoC]
	if platform == "" {
		platform = "UNKNOWN"
	}
	r.raw(platform)
	r.close()
}

// memoryStatus writes the device's memory in pages, which add up to what the system leaves to processes.
func (r *report) memoryStatus() {
	ram := r.ram()
	left := ram / page * 9 / 10
	r.top("memoryStatus")
	r.raw("{")
	r.keyNum("compressorSize", left*(15+r.rand.below(10))/100)
	r.keyNum("compressions", 1_000_000+r.rand.below(90_000_000))
	r.keyNum("decompressions", 500_000+r.rand.below(50_000_000))
	r.keyNum("uncompressed", left*(30+r.rand.below(20))/100)
	r.keyNum("zoneMapCap", ram/4)
	r.keyNum("zoneMapSize", ram/16+r.rand.below(2000)*page)
	r.keyStr("largestZone", "APFS_4K_OBJS")
	r.keyNum("largestZoneSize", (1000+r.rand.below(1500))*page)
	r.keyNum("pageSize", page)
	r.key("memoryPages")
	r.raw("{")
	pageable := uint64(0) // of a file or of nobody's but the process's
	for i, part := range [...]struct {
		name  string
		share uint64 // of what is left, in %
	}{{"wired", 24}, {"active", 28}, {"inactive", 48}, {"speculative", 8}, {"free", 10}} {
		n := left * (part.share + r.rand.below(4)) / 100
		left -= n
		r.keyNum(part.name, n)
		if i >= 1 && i <= 3 {
			pageable += n
		}
	}
	files := pageable * (30 + r.rand.below(15)) / 100
	r.keyNum("throttled", 0)
	r.keyNum("fileBacked", files)
	r.keyNum("anonymous", pageable-files)
	r.keyNum("purgeable", r.rand.below(400))
	r.raw("}}")
}

// ram is the device's memory in bytes.
func (r *report) ram() uint64 {
	mib := r.dev.Model.RAMMiB
	if mib <= 0 {
		mib = 4096 // not known
	}
	return uint64(mib) * 1024 * 1024
}

// proc writes one process: the i-th daemon from 1, or, with 0, the one that was killed, the only one with a reason. Ages are in ticks.
func (r *report) proc(name string, i int, pages uint64) {
	killed := i == 0
	lived := r.lifetime * (ticksPerSec / 10_000)
	id, pid, age := uuid(hash(r.build, name)), uint64(i), r.bootTicks+lived
	coalition := 40 + uint64(i)
	switch {
	case killed:
		id, pid, age = r.imageUUID(self), r.pid, lived
		coalition = 300 + r.rand.below(3000)
	case i > 1:
		pid = 20 + uint64(i) // the system starts them first, so they have the low numbers
	}
	r.comma()
	r.raw("\n    {")
	r.key("uuid")
	r.uuid(id, false)
	r.key("states")
	switch {
	case killed:
		r.raw(`["active"]`)
	case i <= 3:
		r.raw(`["daemon","active"]`)
	default:
		r.raw(`["daemon","idle"]`)
	}
	if killed {
		r.keyNum("killDelta", 1+r.rand.below(5000))
		r.keyNum("genCount", 0)
	}
	r.keyNum("age", age)
	r.keyNum("purgeable", 0)
	r.keyNum("fds", 25+25*r.rand.below(8))
	r.keyNum("coalition", coalition)
	r.keyNum("rpages", pages)
	priority := uint64(0)
	switch {
	case killed:
		priority = 100
	case i <= 3:
		priority = 170
	case i%3 == 0:
		priority = 40
	}
	r.keyNum("priority", priority)
	if killed {
		r.keyStr("reason", "per-process-limit")
	}
	r.raw(`,"physicalPages":{"internal":[`)
	resident := pages * (30 + r.rand.below(60)) / 100
	r.num(resident)
	r.raw(",")
	r.num(pages - resident)
	r.raw("]}")
	r.keyStr("freeze_skip_reason:", "none")
	r.keyNum("pid", pid)
	r.raw(`,"cpuTime":`)
	seconds := age / ticksPerSec
	if killed {
		r.decimals(200 + seconds*(1+r.rand.below(4))) // 0.1 to 0.4 % of the time
	} else {
		r.decimals(r.rand.below(1 + min(400_000, 20*seconds)))
	}
	r.keyStr("name", name)
	most := pages // what was killed was never larger
	if !killed {
		most += r.rand.below(200)
	}
	r.keyNum("lifetimeMax", most)
	if !killed {
		r.keyNum("idleDelta", r.rand.below(1+min(900_000_000, age)))
	}
	r.keyNum("csFlags", 570434305)
	r.keyNum("csTrustLevel", 7)
	r.keyNum("mem_regions", 80+r.rand.below(900))
	r.raw("}")
}
