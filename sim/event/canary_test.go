package event

import (
	"slices"
	"testing"
)

func TestFindCanaries(t *testing.T) {
	c := Canary{0x01, 0x23, 0x45, 0x67, 0x89, 0xab}
	if got := string(c.Append([]byte("x "))); got != "x canary-0123456789ab.com" {
		t.Errorf("Append = %q", got)
	}
	for _, tt := range []struct {
		text string
		want []int
	}{
		{"canary-0123456789ab.com", []int{0}},
		{"a-b CANARY-0123456789AB canary-0123456789ab", []int{4, 24}}, // in any case, with and without an ending
		{"-canary-0123456789abcdef", []int{1}},
		{"canary-0123456789a", nil},
		{"canary-0123456789ag", nil},
		{"canaries-0123456789ab", nil},
		{"-", nil},
		{"", nil},
	} {
		var got []int
		FindCanaries([]byte(tt.text), func(found Canary, at int) {
			if got = append(got, at); found != c {
				t.Errorf("FindCanaries(%q) found %x, want %x", tt.text, found, c)
			}
		})
		if !slices.Equal(got, tt.want) {
			t.Errorf("FindCanaries(%q) at %v, want %v", tt.text, got, tt.want)
		}
	}
}
