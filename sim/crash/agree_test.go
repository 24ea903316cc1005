package crash

import (
	"fmt"
	"testing"
	"time"

	"drover/sim/event"
	"drover/sim/fleet"
)

func appended(d *fleet.Device, e *event.Event) []byte { return Append(nil, d, e) }

// imagesOf returns the UUIDs by name, that of the shared cache among them.
func imagesOf(t *testing.T, d *fleet.Device, e *event.Event) map[string]string {
	_, body := split(t, appended(d, e))
	ids := map[string]string{"shared cache": body["sharedCache"].(object)["uuid"].(string)}
	for _, img := range body["usedImages"].(list) {
		if img := img.(object); img["name"] != nil {
			ids[img["name"].(string)] = img["uuid"].(string)
		}
	}
	return ids
}

func TestImagesAgree(t *testing.T) {
	d, e := sample(1)
	same := *d
	same.EntraID, same.Timezone = fleet.GUID{99}, time.UTC
	other := *e
	other.Crash.Incident, other.Crash.Reason, other.Crash.UptimeSec = event.ID{5}, "sigsegv", 77
	want := imagesOf(t, d, e)
	got := imagesOf(t, &same, &other)
	for name, id := range want {
		if got[name] != id {
			t.Errorf("%s has UUIDs %s and %s on two devices of one build", name, id, got[name])
		}
	}
	if appBase := func(d *fleet.Device, e *event.Event) any {
		_, body := split(t, appended(d, e))
		return body["usedImages"].(list)[0].(object)["base"]
	}; appBase(d, e) == appBase(&same, &other) {
		t.Errorf("two processes lie at the same place")
	}
	build, arch := *d, *d
	build.OS = &fleet.Release{Version: d.OS.Version, Build: "19H999"}
	arch.Model = &fleet.Model{ID: "iPhone9,1", Arch: "arm64"}
	for what, d := range map[string]*fleet.Device{"build": &build, "instruction set": &arch} {
		got := imagesOf(t, d, e)
		for name, id := range want {
			if own := name == event.ProcessApp; (got[name] == id) != own {
				t.Errorf("another %s: UUID of %s is the same: %v, want %v", what, name, !own, own)
			}
		}
	}
	version := *d
	version.App = "1.1.60010101"
	if got := imagesOf(t, &version, e); got[event.ProcessApp] == want[event.ProcessApp] || got["UIKitCore"] != want["UIKitCore"] {
		t.Errorf("another version of the app: want another image of the app and the same system")
	}
}

// symbols returns the places of the system's functions by image and name.
func symbols(t *testing.T, d *fleet.Device, e *event.Event) map[string]string {
	_, body := split(t, appended(d, e))
	at := map[string]string{}
	for _, th := range body["threads"].(list) {
		for _, f := range th.(object)["frames"].(list) {
			if f := f.(object); f["symbol"] != nil {
				at[fmt.Sprint(f["imageIndex"], " ", f["symbol"])] = fmt.Sprint(f["imageOffset"], "+", f["symbolLocation"])
			}
		}
	}
	return at
}

func TestSymbolsAgree(t *testing.T) {
	d, e := sample(1)
	same, build := *d, *d
	same.EntraID = fleet.GUID{99}
	build.OS = &fleet.Release{Version: d.OS.Version, Build: "19H999"}
	other := *e
	other.Crash.Incident = event.ID{5}
	want, got, moved := symbols(t, d, e), symbols(t, &same, &other), symbols(t, &build, e)
	shared, differ := 0, 0
	for name, at := range want {
		if there, ok := got[name]; ok {
			if shared++; there != at {
				t.Errorf("%s lies at %s and %s on two devices of one build", name, at, there)
			}
		}
		if moved[name] != at {
			differ++
		}
	}
	if shared < 10 || differ != len(want) {
		t.Errorf("%d symbols are in both reports, %d of %d differ in another build; want 10 or more, and all", shared, differ, len(want))
	}
}
