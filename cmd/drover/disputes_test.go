package main

import (
	"regexp"
	"testing"

	"drover/sim"
	"drover/sim/check"
	"drover/sim/event"
	"drover/sim/scenario"
)

// Each disagreement has the reasons of the reference, and one about a listed site also what the URL itself gives away.
func TestDisputes(t *testing.T) {
	sc, err := scenario.Load("smoke", scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := sim.NewModel(sc)
	if err != nil {
		t.Fatal(err)
	}
	var listed string
	for host, category := range m.Behavior.Hosts.List() { // the planted ones come last
		if category == event.Phishing {
			listed = host + "." + sc.Zone.String()
		}
	}
	list := []check.Dispute{
		{Device: 7, Seq: 9, URL: listed, Backend: event.Benign, Sent: true},
		{URL: "verify-account-contoso-login77.top.sim.test"},
		{URL: "river-meadow-garden.org.sim.test"},
	}
	for i := range list {
		list[i].Reference, list[i].Truth, list[i].Pattern = event.Phishing, event.Unknown, event.Combosquat
	}
	docs := disputes(m, list)
	if d := docs[0]; d.Device != 7 || d.Seq != 9 || !d.HostSent || d.Truth != "unknown" || d.Reference != "phishing" || d.Backend != "benign" || d.Pattern != "combosquat" || len(d.Event) != 36 {
		t.Errorf("dispute %+v", d)
	}
	for i, want := range []string{
		`^listed \+1\.00; without the list (benign|suspicious|malicious), p [01]\.\d\d(: model .* [-+]\d\.\d\d.*)?$`,
		`^model "?.*"?-?login.* \+\d\.\d\d, .*others [-+]\d`,
		`^$`, // the model finds it harmless
	} {
		if !regexp.MustCompile(want).MatchString(docs[i].Reasons) {
			t.Errorf("%s: reasons %q, want %s", docs[i].URL, docs[i].Reasons, want)
		}
	}
	if none := disputes(m, nil); none == nil || len(none) != 0 {
		t.Errorf("without disputes: %v", none)
	}
}
