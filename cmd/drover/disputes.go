package main

import (
	"strconv"

	"drover/report"
	"drover/sim"
	"drover/sim/check"
	"drover/sim/classify"
	"drover/sim/fleet"
)

// disputes are the disagreements as the document has them, with the reasons of the reference on the devices.
func disputes(m *sim.Model, list []check.Dispute) []report.Dispute {
	docs := make([]report.Dispute, 0, len(list))
	if len(list) == 0 {
		return docs
	}
	r := reasoner{
		judge: sim.Reference(m),
		alone: classify.New(classify.Options{Zone: m.Scenario.Zone.String(), Model: classify.Shipped()}),
	}
	for _, d := range list {
		docs = append(docs, report.Dispute{
			Event: fleet.GUID(d.ID).String(), Device: d.Device, Seq: d.Seq, URL: d.URL, HostSent: d.Sent, Pattern: d.Pattern.String(), Hard: d.Hard,
			Truth: d.Truth.String(), Reference: d.Reference.String(), Backend: d.Backend.String(), Reasons: r.reasons(d.URL),
		})
	}
	return docs
}

// reasoner gives the reasons of the reference on the devices.
type reasoner struct {
	judge, alone *classify.Rules // alone has no list
	why          classify.Explanation
}

// reasons are those of the verdict on a URL. That a site is listed says little to who does not have the list, so what would be
// said without it comes behind.
func (r *reasoner) reasons(url string) string {
	v := r.judge.Explain(&r.why, []byte(url))
	text := appendReasons(nil, &v, &r.why, explained(&v))
	if v.Reasons.Len() == 0 || v.Reasons.At(0).Rule != classify.ListedRule {
		return string(text)
	}
	v = r.alone.Explain(&r.why, []byte(url))
	text = append(append(text, "; without the list "...), word(&v)...)
	if v.Probability > 0 {
		text = strconv.AppendFloat(append(text, ", p "...), float64(v.Probability), 'f', 2, 32)
	}
	if explained(&v) || v.Reasons.Len() > 0 {
		text = appendReasons(append(text, ": "...), &v, &r.why, explained(&v))
	}
	return string(text)
}
