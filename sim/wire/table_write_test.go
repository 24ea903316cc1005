package wire

import (
	"testing"

	"drover/sim/event"
	"drover/sim/fleet"
)

// What none of the formats has: a text in a text, an object that ends up without a member, a first member that may be missing.
func TestPieces(t *testing.T) {
	rows := [event.NumKinds][]row{event.Feedback: {
		{"first.maybe", "$feedback.email"},
		{"first.perhaps", "$feedback.comments"},
		{"first.sure", "1"},
		{"empty.a", "$feedback.email"},
		{"empty.b[]", "$feedback.email"},
		{"run.id", "$run.id"},
		{"text~.maybe", "$feedback.email"},
		{"text~.text~.said", `$feedback.comments or "nothing"`},
		{"text~.text~.only", "$feedback.comments"},
		{"maybe~.a~.said[]", "$feedback.comments"},
		{"last.sure", `$app.version|="yes"`},
		{"last.maybe", "$feedback.email"},
	}}
	table := newTable(".", "kind", nil, []row{{"kind", "$event.kind"}}, &rows)
	d := testDevice()
	d.UPN = fleet.NewUPN("a@b.test")
	for _, tt := range []struct {
		run  string
		send event.Fields
		has  []event.Field
		want string
	}{
		{"", 0, nil, `{"kind":"feedback","first":{"sure":1},"text":"{\"text\":\"{\\\"said\\\":\\\"nothing\\\"}\"}"}`},
		// A run's name may need escapes.
		{`"r"`, event.AllFields, []event.Field{event.FeedbackEmail}, `{"kind":"feedback","first":{"maybe":"a@b.test","sure":1},` +
			`"empty":{"a":"a@b.test","b":["a@b.test"]},"run":{"id":"\"r\""},"text":"{\"maybe\":\"a@b.test\",\"text\":\"{\\\"said\\\":\\\"nothing\\\"}\"}",` +
			`"last":{"sure":"yes","maybe":"a@b.test"}}`},
		{"", event.AllFields, []event.Field{event.FeedbackComments}, `{"kind":"feedback","first":{"perhaps":"\"é\n","sure":1},` +
			`"text":"{\"text\":\"{\\\"said\\\":\\\"\\\\\\\"é\\\\n\\\",\\\"only\\\":\\\"\\\\\\\"é\\\\n\\\"}\"}",` +
			`"maybe":"{\"a\":\"{\\\"said\\\":[\\\"\\\\\\\"é\\\\n\\\"]}\"}","last":{"sure":"yes"}}`},
	} {
		e := event.Event{Kind: event.Feedback, Has: event.FieldsOf(tt.has...)}
		e.Feedback.Comment = "\"é\n"
		write := table.events(&Constants{Run: tt.run, Send: tt.send})
		if got := string(write(nil, d, &e)); got != tt.want {
			t.Errorf("with %v of run %q:\n%s, want\n%s", tt.has, tt.run, got, tt.want)
		}
	}
}
