package crash

import "drover/sim/event"

// image is a library of the system. Sizes are of the right order and not of any build.
type image struct {
	dir  string
	name string
	size uint64
}

const (
	private = "/System/Library/PrivateFrameworks/"
	public  = "/System/Library/Frameworks/"
)

// Indices of images. The process's own image is always the first; then come those of systemImages in order.
const (
	self = iota
	kernel
	pthread
	libc
	dispatch
	objc
	cxxabi
	dyld
	xpc
	coreFoundation
	foundation
	cfNetwork
	network
	networkExtension
	security
	sqlite
	swiftCore
	swiftConcurrency
	extensionFoundation
	uiKit
	graphics
	quartz
	swiftUI
	frontBoard
)

// systemImages[i] is the image with the index i+1. A process has the first ones; the app has all of them.
var systemImages = [...]image{
	{"/usr/lib/system/", "libsystem_kernel.dylib", 0x3c000},
	{"/usr/lib/system/", "libsystem_pthread.dylib", 0xd000},
	{"/usr/lib/system/", "libsystem_c.dylib", 0x80000},
	{"/usr/lib/system/", "libdispatch.dylib", 0x47000},
	{"/usr/lib/", "libobjc.A.dylib", 0x51000},
	{"/usr/lib/", "libc++abi.dylib", 0x1b000},
	{"/usr/lib/", "dyld", 0x8c000},
	{"/usr/lib/system/", "libxpc.dylib", 0x4e000},
	{public + "CoreFoundation.framework/", "CoreFoundation", 0x57d000},
	{public + "Foundation.framework/", "Foundation", 0xde0000},
	{public + "CFNetwork.framework/", "CFNetwork", 0x3d9000},
	{public + "Network.framework/", "Network", 0xc15000},
	{public + "NetworkExtension.framework/", "NetworkExtension", 0x1c8000},
	{public + "Security.framework/", "Security", 0x34f000},
	{"/usr/lib/", "libsqlite3.dylib", 0x23b000},
	{"/usr/lib/swift/", "libswiftCore.dylib", 0x591000},
	{"/usr/lib/swift/", "libswift_Concurrency.dylib", 0x84000},
	{public + "ExtensionFoundation.framework/", "ExtensionFoundation", 0x4f000},
	{private + "UIKitCore.framework/", "UIKitCore", 0x1c44000},
	{private + "GraphicsServices.framework/", "GraphicsServices", 0x9000},
	{public + "QuartzCore.framework/", "QuartzCore", 0x39c000},
	{public + "SwiftUI.framework/", "SwiftUI", 0x139c000},
	{private + "FrontBoardServices.framework/", "FrontBoardServices", 0xec000},
}

// commonImages are the system images that the extension has, too.
const commonImages = extensionFoundation

const (
	page        = 0x4000
	cacheStart  = 0x180000000
	cacheSlides = 40_000 // pages; the base stays below 7,200,000,000 as on real devices
	cacheSize   = 0x118000000
	appStart    = 0x100000000
	appSlides   = 9_000
	maxImages   = len(systemImages) + 1
)

// memory is where the images of a process are.
type memory struct {
	n     int // images
	base  [maxImages]uint64
	size  [maxImages]uint64
	cache uint64
}

// layout places the images. Their order and distances in the shared cache belong to the build, its slide to the boot and the
// process's own slide to the process.
func (r *report) layout() (m memory) {
	m.n = maxImages
	if r.extension {
		m.n = 1 + commonImages
	}
	own := draws(r.app)
	m.base[self] = appStart + (3+r.rand.below(appSlides))*page
	m.size[self] = 0x240000 + own.below(64)*page
	if r.extension {
		m.size[self] /= 2
		m.size[self] -= m.size[self] % page
	}
	m.cache = cacheStart + r.rand.below(cacheSlides)*page
	b := draws(r.build)
	at := m.cache
	for i, img := range systemImages {
		at += page * (1 + b.below(0x300))
		m.base[i+1] = at
		m.size[i+1] = img.size + 0x1000*b.below(8)
		at += (m.size[i+1] + page - 1) / page * page
	}
	return m
}

// imageName is the name of an image, by its index.
func (r *report) imageName(i int) string {
	if i == self {
		return r.name
	}
	return systemImages[i-1].name
}

// imageUUID is the LC_UUID of an image.
func (r *report) imageUUID(i int) event.ID {
	if i == self {
		return uuid(r.app)
	}
	return uuid(hash(r.build, systemImages[i-1].name))
}

// usedImages writes the list of images. The last one stands for code without an image and is all zero.
func (r *report) usedImages(m *memory) {
	r.top("usedImages")
	r.raw("[")
	for i := range m.n {
		r.comma()
		r.raw("\n  {\n    \"source\" : \"P\",\n    \"arch\" : ")
		if i == self {
			r.str("arm64") // what the App Store delivers
		} else {
			r.str(r.dev.Model.Arch)
		}
		r.raw(",\n    \"base\" : ")
		r.num(m.base[i])
		if i == self {
			r.raw(",\n    \"CFBundleShortVersionString\" : ")
			r.str(r.dev.App)
			r.raw(",\n    \"CFBundleIdentifier\" : ")
			r.bundle()
		}
		r.raw(",\n    \"size\" : ")
		r.num(m.size[i])
		r.raw(",\n    \"uuid\" : ")
		r.uuid(r.imageUUID(i), false)
		r.raw(",\n    \"path\" : ")
		if i == self {
			r.execPath()
		} else {
			r.open()
			r.text(systemImages[i-1].dir)
			r.text(systemImages[i-1].name)
			r.close()
		}
		r.raw(",\n    \"name\" : ")
		r.str(r.imageName(i))
		r.raw("\n  }")
	}
	r.raw(",\n  {\n    \"size\" : 0,\n    \"source\" : \"A\",\n    \"base\" : 0,\n    \"uuid\" : \"00000000-0000-0000-0000-000000000000\"\n  }\n]")
	r.top("sharedCache")
	r.raw("{")
	r.keyNum("base", m.cache)
	r.keyNum("size", cacheSize)
	r.key("uuid")
	r.uuid(uuid(hash(r.build, "shared cache")), false)
	r.raw("}")
}
