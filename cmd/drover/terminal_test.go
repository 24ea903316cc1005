package main

import (
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"testing"

	"drover/report"
)

// TestDisplay: where a view would be in the way there is none.
func TestDisplay(t *testing.T) {
	for _, tt := range []struct {
		name  string
		width int
		vars  map[string]string
		own   bool
		want  bool
	}{
		{"a terminal", 80, nil, true, true},
		{"no colours", 80, map[string]string{"NO_COLOR": "1", "TERM": "xterm"}, true, true},
		{"no terminal", 0, nil, true, false},
		{"one that cannot move its cursor", 80, map[string]string{"TERM": "dumb"}, true, false},
		{"CI, some of which have a terminal", 80, map[string]string{"CI": "true"}, true, false},
		{"a pager's, or a shell's", 80, nil, false, false},
	} {
		e := testEnv()
		e.width = func(io.Writer) int { return tt.width }
		e.getenv = func(name string) string { return tt.vars[name] }
		e.terminal = func(io.Writer, io.Writer) (*os.File, bool) { return nil, tt.own }
		if got := e.display(io.Discard, io.Discard) != nil; got != tt.want {
			t.Errorf("%s: a view: %v, want %v", tt.name, got, tt.want)
		}
	}
	if testEnv().display(io.Discard, io.Discard) != nil {
		t.Error("a view although nobody says where")
	}
}

// TestOwnTerminal: what is no terminal is not taken for one, whoever calls it one.
func TestOwnTerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, ok := ownTerminal(os.Stdout, io.Discard); ok {
		t.Error("a view on what is no file")
	}
	if _, ok := ownTerminal(w, w); ok {
		t.Error("a view in a pipe")
	}
}

// TestAbove: what others say while there is a view stands above it, line by line, and afterwards where it belongs.
func TestAbove(t *testing.T) {
	drawn := make(chan struct{})
	draw := sync.OnceFunc(func() { close(drawn) })
	out := &screen{seen: func(text string) {
		if strings.Contains(text, "workday") {
			draw()
		}
	}}
	var after strings.Builder
	term := openTerminal(&display{out: out}, &report.LiveView{}, false, func() {}, nil, "")
	above := term.above(&after)
	undo := logAbove(above)
	above.Write([]byte("half a "))
	above.Write([]byte("line\nand more"))
	log.Print("from a server")
	undo()
	term.show(&report.Progress{N: 1, Scenario: "workday"})
	<-drawn
	term.close()
	text := out.text.String()
	for _, want := range []string{"half a line", "and more", "from a server"} {
		if !strings.Contains(text, want) {
			t.Errorf("the terminal got no %q: %q", want, text)
		}
	}
	above.Write([]byte(" at last\n"))
	if got, want := after.String(), " at last\n"; got != want {
		t.Errorf("after the view standard error has %q, want %q", got, want)
	}
	if !term.closed() || term.err != nil {
		t.Errorf("after close: closed %v, %v", term.closed(), term.err)
	}
}
