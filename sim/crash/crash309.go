package crash

import "drover/sim/event"

// storeItem is the app's number in the App Store (MicrosoftDocs/defender-docs links to it, ios-install.md, 2025-03-28). teamID, its
// maker's, is unverified: no stored source names it. The numbers of the signature are those of published reports of apps from the
// App Store.
const (
	storeItem = "1526737990"
	teamID    = "UBF8T346G9"
)

// crash writes a crash report: bug_type 309.
func (r *report) crash() {
	d, m, s := r.accident()
	r.header309()
	r.raw("\n{")
	r.process(d)
	r.threads(&m, d, &s)
	r.usedImages(&m)
	r.tail(&s)
	r.raw("\n}\n")
}

// accident draws what happened: how the process ended, where its images were and what its threads did. Nothing may be drawn before it, so
// that all forms of a report tell of the same.
func (r *report) accident() (d *death, m memory, s scene) {
	list := deaths[r.c.Reason]
	if list == nil {
		list = deaths["sigabrt"]
	}
	d = draw(&r.rand, list)
	m = r.layout()
	return d, m, r.stage(d)
}

func (r *report) header309() {
	r.raw("{")
	r.keyNum("roots_installed", 0)
	r.key("app_cohort")
	r.cohort()
	r.keyStr("app_name", r.name)
	r.keyStr("app_version", r.dev.App)
	r.key("timestamp")
	r.time(r.written, headerTime)
	r.key("slice_uuid")
	r.uuid(r.imageUUID(self), false)
	r.keyStr("adam_id", storeItem)
	r.keyStr("build_version", r.dev.App)
	r.keyNum("platform", 2)
	r.key("bundleID")
	r.bundle()
	r.keyNum("share_with_app_devs", r.device&1)
	r.keyNum("is_first_party", 0)
	r.keyStr("bug_type", "309")
	r.key("os_version")
	r.osVersion()
	r.key("incident_id")
	r.incident()
	r.keyStr("name", r.name)
	r.raw("}")
}

// cohort writes when the device first got the app from the store: a day of 2024 that belongs to the device.
func (r *report) cohort() {
	const day, start = 86_400_000, 1_704_067_200_000 // ms; 2024-01-01T00:00:00Z
	d := draws(r.device)
	r.open()
	r.raw("2|date=")
	r.num(start + d.below(366)*day)
	r.close()
}

// process writes what the report says of the device, the process and the signature.
func (r *report) process(d *death) {
	exit := r.bootTicks + r.lifetime*(ticksPerSec/10_000)
	r.topNum("uptime", roundTwo(exit/ticksPerSec))
	role := "Foreground"
	switch {
	case r.extension:
		role = "Non UI"
	case d.away:
		role = "Background"
	}
	r.topStr("procRole", role)
	r.topNum("version", 2)
	r.topNum("userID", 501)
	r.topNum("deployVersion", 210)
	r.topStr("modelCode", r.dev.Model.ID)
	r.topNum("coalitionID", 300+r.rand.below(3000))
	r.top("osVersion")
	r.raw("{\n    \"isEmbedded\" : true,\n    \"train\" : \"iPhone OS ")
	r.text(r.dev.OS.Version)
	r.raw("\",\n    \"releaseType\" : \"User\",\n    \"build\" : ")
	r.str(r.dev.OS.Build)
	r.raw("\n  }")
	r.top("captureTime")
	r.time(r.captured, bodyTime)
	if r.since(17) {
		r.topNum("codeSigningMonitor", 2)
	}
	r.top("incident")
	r.incident()
	r.topNum("pid", r.pid)
	r.top("translated")
	r.raw("false")
	r.topStr("cpuType", "ARM-64")
	r.top("procLaunch")
	r.time(r.launched, bodyTime)
	r.topNum("procStartAbsTime", r.bootTicks)
	r.topNum("procExitAbsTime", exit)
	r.topStr("procName", r.name)
	r.top("procPath")
	r.execPath()
	r.top("bundleInfo")
	r.raw("{")
	r.keyStr("CFBundleShortVersionString", r.dev.App)
	r.keyStr("CFBundleVersion", r.dev.App)
	r.key("CFBundleIdentifier")
	r.bundle()
	r.keyStr("DTAppStoreToolsBuild", "17F113")
	r.raw("}")
	if r.since(16) {
		r.store()
	}
	r.topStr("parentProc", "launchd")
	r.topNum("parentPid", 1)
	r.topStr("coalitionName", event.AppBundle)
	if !r.since(17) {
		r.top("crashReporterKey")
		r.hex40(r.device)
	}
	if r.since(18) {
		r.top("appleIntelligenceStatus")
		r.raw(`{"state":"unavailable","reasons":["notOptedIn"]}`)
		r.topStr("bootProgressRegister", "0x20800004")
	}
	r.topNum("wasUnlockedSinceBoot", 1)
	locked := uint64(0)
	if role != "Foreground" {
		locked = r.rand.below(2)
	}
	r.topNum("isLocked", locked)
	if r.since(17) {
		r.signature()
	}
}

func (r *report) store() {
	external := draws(hash(4, r.dev.App))
	r.top("storeInfo")
	r.raw("{")
	r.keyStr("itemID", storeItem)
	r.key("storeCohortMetadata")
	r.cohort()
	r.key("entitledBeta")
	r.raw("false")
	r.key("deviceIdentifierForVendor")
	r.uuid(uuid(r.device), true)
	r.keyStr("distributorID", "com.apple.AppStore")
	r.keyNum("softwareVersionExternalIdentifier", 840_000_000+external.below(40_000_000))
	r.key("applicationVariant")
	r.raw(`"1:`)
	r.text(r.dev.Model.ID)
	r.raw(":")
	r.num(uint64(r.major))
	r.close()
	r.key("thirdParty")
	r.raw("true}")
}

func (r *report) signature() {
	r.top("codeSigningID")
	r.bundle()
	r.topStr("codeSigningTeamID", teamID)
	r.topNum("codeSigningFlags", 570434305)
	r.topNum("codeSigningValidationCategory", 4)
	r.topNum("codeSigningTrustLevel", 7)
	if r.since(18) {
		r.topNum("codeSigningAuxiliaryInfo", 0)
	}
}

// tail writes what follows the images.
func (r *report) tail(s *scene) {
	r.summary()
	r.top("legacyInfo")
	r.raw(`{"threadTriggered":{`)
	r.keyStr("queue", s.queue)
	r.raw("}}")
	r.top("logWritingSignature")
	r.hex40(r.build)
	r.topStr("bug_type", "309")
	r.topNum("roots_installed", 0)
	if r.since(26) {
		r.topNum("trmStatus", 1)
		sandbox := "container"
		if r.extension {
			sandbox = "plugin"
		}
		r.topStr("sandboxProfileName", sandbox)
	}
	if r.since(16) {
		r.trial()
	}
}

// trial writes the experiments of the system that the device takes part in. factorPackIds was an object before iOS 26.
func (r *report) trial() {
	d := draws(r.build)
	r.top("trialInfo")
	r.raw("{\n    \"rollouts\" : [")
	for range 3 {
		r.comma()
		r.raw("\n      {\"rolloutId\":\"")
		r.hex(d.next(), 16)
		r.hex(d.next(), 8)
		r.raw(`","factorPackIds":`)
		if r.since(26) {
			r.raw("[\"")
			r.hex(d.next(), 16)
			r.hex(d.next(), 8)
			r.raw("\"]")
		} else {
			r.raw("{}")
		}
		r.keyNum("deploymentId", 240_000_000+d.below(10_000))
		r.raw("}")
	}
	r.raw("\n    ],\n    \"experiments\" : []\n  }")
}

// summary writes the sizes of the process's memory by kind.
func (r *report) summary() {
	r.top("vmSummary")
	r.raw(`"ReadOnly portion of Libraries: Total=1.1G resident=0K(0%) swapped_out_or_unallocated=1.1G(100%)\n\n`)
	r.raw(`                                VIRTUAL   REGION \nREGION TYPE                        SIZE    COUNT (non-coalesced) \n===========                     =======  ======= \n`)
	sizes, counts := uint64(0), uint64(0)
	for _, name := range [...]string{
		"Activity Tracing                ", "CG raster data                  ", "CoreAnimation                   ", "Foundation                      ",
		"Kernel Alloc Once               ", "MALLOC                          ", "MALLOC guard page               ", "Mach message                    ",
		"SQLite page cache               ", "STACK GUARD                     ", "Stack                           ", "VM_ALLOCATE                     ",
		"__AUTH                          ", "__AUTH_CONST                    ", "__CTF                           ", "__DATA                          ",
		"__DATA_CONST                    ", "__DATA_DIRTY                    ", "__LINKEDIT                      ", "__OBJC_RO                       ",
		"__TEXT                          ", "dyld private memory             ", "mapped file                     ", "shared memory                   ",
	} {
		size, count := 16*(1+r.rand.below(600)), 1+r.rand.below(60)
		sizes, counts = sizes+size, counts+count
		r.raw(name)
		r.num(size)
		r.raw("K ")
		r.num(count)
		r.raw(` \n`)
	}
	r.raw(`===========                     =======  ======= \nTOTAL                           `)
	r.num(sizes)
	r.raw("K ")
	r.num(counts)
	r.raw(` \n`)
	r.close()
}

// roundTwo rounds to two significant digits, as the system does with its uptime.
func roundTwo(n uint64) uint64 {
	unit := uint64(1)
	for n/unit >= 100 {
		unit *= 10
	}
	return (n + unit/2) / unit * unit
}
