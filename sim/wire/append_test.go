package wire

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestEscapeTail(t *testing.T) {
	for _, text := range []string{"", "plain", `"`, "\n", "\\", "a\"b\\\\c\n\n\u00e9d", "\"\n\\"} {
		want := string(appendText([]byte("x"), text))
		got := string(escapeTail(append([]byte(`x"`), text...), 2)) + `"`
		if got != want {
			t.Errorf("escapeTail(%q) = %s, want %s", text, got, want)
		}
	}
}

// Eight bytes are looked at a time, or four, and the last ones once more: each byte at each place of texts of all such lengths.
func TestEscapesAnywhere(t *testing.T) {
	for n := range 26 {
		for at := range n {
			for _, c := range []byte{0, 0x1f, ' ', '!', '"', '#', '[', '\\', ']', '\n', '\t', 0x7f} {
				text := bytes.Repeat([]byte{'a'}, n)
				text[at] = c
				if at+1 < n {
					text[at+1] = c + 1 // what a byte lends may be seen in the next one
				}
				want, i := []byte{'"'}, 0
				for i < n {
					want = append(want, appendEscaped(nil, text[i:i+1])[1:]...)
					want = want[:len(want)-1]
					i++
				}
				want = append(want, '"')
				for _, room := range []int{0, n + 1, n + 2, 100} {
					if got := appendText(make([]byte, 0, room), string(text)); !bytes.Equal(got, want) {
						t.Errorf("appendText(%q) to room for %d bytes = %s, want %s", text, room, got, want)
					}
				}
				if got := appendEscaped(nil, text); !bytes.Equal(got, want) {
					t.Errorf("appendEscaped(%q) = %s, want %s", text, got, want)
				}
				if got := escapeJSON(append([]byte{'"', c}, text...), 2); !bytes.Equal(got[2:], want[1:len(want)-1]) {
					t.Errorf("escapeJSON(%q) = %s, want %s", text, got[2:], want[1:len(want)-1])
				}
			}
		}
	}
}

// TestTimeText holds times of all years, in whatever zone, to package time.
func TestTimeText(t *testing.T) {
	zone := time.FixedZone("", -9*60*60)
	for year := range 10000 {
		for _, at := range []time.Time{
			time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(year, 2, 28, 23+year%2, 0, 0, 1e6-1, time.UTC), // or February 29, or March 1
			time.Date(year, time.Month(1+year%12), 1+year%28, year%24, year%60, year/7%60, year*99_999, time.UTC).In(zone),
			time.Date(year, 12, 31, 23, 59, 59, 1e9-1, time.UTC),
		} {
			want := at.UTC().Format("x2006-01-02T15:04:05.000Z")
			if got := string(appendTime([]byte("x"), at)); got != want {
				t.Fatalf("appendTime(%v) = %s, want %s", at, got, want)
			}
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "é\u2028\U0001f62c", "\xff\xc3", "<&>", strings.Repeat("\x01", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := appendText(make([]byte, 0, len(s)+2), s)
		if also := appendEscaped(nil, []byte(s)); !bytes.Equal(b, also) {
			t.Fatalf("appendText(%q) = %s as a string, appendEscaped %s as bytes", s, b, also)
		}
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("appendText(%q) = %s: %v", s, b, err)
		}
		if want := string([]rune(s)); got != want {
			t.Fatalf("appendText(%q) decodes to %q, want %q", s, got, want)
		}
		d := decoder{data: b, event: -1}
		if mine := d.text(); d.finish() != nil || string(mine) != got {
			t.Fatalf("text(%s) = %q, %v, want %q", b, mine, d.err, got)
		}
	})
}
