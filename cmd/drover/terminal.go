package main

import (
	"errors"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"drover/report"
	"drover/sim"
)

// terminal is the live view on a terminal. Bubble Tea draws it below what was there before, reads the keys, follows the size, and gives
// the terminal back as it was: at the end, after a panic of its own, and for the time of a Ctrl-Z.
type terminal struct {
	program   *tea.Program
	interrupt func() // ends the run in order
	clock     *sim.Clock
	noClock   string // why there is no clock; "" when there is
	guard     *guard // nil: the terminal is not changed
	done      chan struct{}
	err       error // why the view ended by itself; read after done

	signals chan os.Signal
	watched sync.WaitGroup

	mu   sync.Mutex
	ends int // how often the run was told to end
}

// display is where a live view goes.
type display struct {
	in  *os.File // nil: keys are not read
	out io.Writer
}

// framesPerSec is how often the view may change: often enough for a key to have an effect at once.
const framesPerSec = 20

// openTerminal shows a view until close. Keys have the run end by interrupt, and go to clock; where that is nil they say why.
func openTerminal(s *display, view *report.LiveView, color bool, interrupt func(), clock *sim.Clock, noClock string) *terminal {
	t := &terminal{interrupt: interrupt, clock: clock, noClock: noClock, done: make(chan struct{}), signals: make(chan os.Signal, 4)}
	m := &liveModel{t: t, view: view, color: color, width: 80}
	options := []tea.ProgramOption{tea.WithOutput(s.out), tea.WithoutSignalHandler(), tea.WithFPS(framesPerSec),
		tea.WithWindowSize(80, 24), // where the terminal tells none
	}
	if s.in != nil {
		options = append(options, tea.WithInput(s.in))
		if f, ok := s.out.(*os.File); ok {
			var err error
			if t.guard, err = openGuard(f); err != nil {
				t.guard = nil // it is for crashes, and no reason not to run
			}
		}
		view.Keys = append(view.Keys, "q quit", "p pause", "+ - speed")
	} else {
		options = append(options, tea.WithInput(nil))
	}
	t.program = tea.NewProgram(m, options...)
	signal.Notify(t.signals, os.Interrupt, syscall.SIGTERM)
	t.watched.Go(func() {
		for s := range t.signals {
			t.end(s)
		}
	})
	go func() {
		defer close(t.done)
		_, t.err = t.program.Run()
		if t.guard != nil {
			t.guard.close()
		}
	}()
	return t
}

// end ends the run in order, and at once if it was told so before, as two signals do to a drover without a view.
func (t *terminal) end(s os.Signal) {
	t.mu.Lock()
	t.ends++
	n := t.ends
	t.mu.Unlock()
	if n == 1 {
		t.interrupt()
		t.program.Send(ending{})
		return
	}
	t.program.Quit()
	<-t.done
	raise(s)
}

// closed reports whether the view ended by itself, because the terminal is broken or gone.
func (t *terminal) closed() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// show shows how far the run is.
func (t *terminal) show(p *report.Progress) { t.program.Send(p) }

// close takes the view off the screen.
func (t *terminal) close() {
	t.program.Send(gone{})
	<-t.done
	t.mu.Lock()
	atOnce := t.ends > 1
	t.mu.Unlock()
	if atOnce {
		select {} // end is about to end the process, and nothing more is to be done before
	}
	signal.Stop(t.signals)
	close(t.signals)
	t.watched.Wait()
}

// above writes lines above the view.
type above struct {
	t    *terminal
	w    io.Writer // once there is no view
	mu   sync.Mutex
	part string // of a line
}

// above returns a writer for what others have to say while there is a view.
func (t *terminal) above(w io.Writer) *above { return &above{t: t, w: w} }

func (a *above) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.t.closed() {
		_, err := a.w.Write(append([]byte(a.part), b...))
		a.part = ""
		return len(b), err
	}
	lines := strings.Split(a.part+string(b), "\n")
	a.part = lines[len(lines)-1]
	for _, l := range lines[:len(lines)-1] {
		a.t.program.Send(tea.Println(l)())
	}
	return len(b), nil
}

// logAbove has the log of the standard library, which servers write to, go above the view; the function it returns undoes that.
func logAbove(a *above) (undo func()) {
	before := log.Writer()
	log.SetOutput(a)
	return func() { log.SetOutput(before) }
}

// ending is the message that the run was told to end, gone that there is nothing more to show.
type (
	ending struct{}
	gone   struct{}
)

const endingNote = "Ending in order: nothing more is sent, and what is under way may end. Once more ends it at once."

// liveModel is the view as Bubble Tea wants it.
type liveModel struct {
	t     *terminal
	view  *report.LiveView
	color bool
	width int
	gone  bool
	aged  int  // how often the run was shown since the note
	held  bool // the clock, for the time of a Ctrl-Z
}

func (m *liveModel) Init() tea.Cmd { return nil }

func (m *liveModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case *report.Progress:
		m.view.Add(msg)
		if m.aged++; m.aged > noteFor && m.view.Note != endingNote {
			m.view.Note = ""
		}
		m.look()
	case tea.WindowSizeMsg:
		m.width = msg.Width
	case tea.ResumeMsg:
		if m.held {
			m.held = false
			m.say(m.t.clock.Resume())
		}
	case ending:
		m.view.Note = endingNote
	case gone:
		m.gone = true
		return m, tea.Quit
	case tea.KeyPressMsg:
		return m, m.key(msg.String())
	}
	return m, nil
}

func (m *liveModel) key(key string) tea.Cmd {
	switch key {
	case "q", "ctrl+c":
		return func() tea.Msg {
			m.t.end(os.Interrupt)
			return nil
		}
	case "ctrl+z":
		if m.t.clock != nil {
			if _, held := m.t.clock.State(); !held {
				m.held = m.t.clock.Pause() == nil
			}
		}
		return tea.Suspend
	case "p", "space":
		m.turn(func() error {
			if _, held := m.t.clock.State(); held {
				return m.t.clock.Resume()
			}
			return m.t.clock.Pause()
		})
	case "+", "=":
		m.turn(func() error { return m.t.clock.Faster() })
	case "-", "_":
		m.turn(func() error { return m.t.clock.Slower() })
	}
	return nil
}

// noteFor is for how many seconds the answer to a key stays.
const noteFor = 6

// turn does something with the clock, and says why when it cannot.
func (m *liveModel) turn(do func() error) {
	if m.t.clock == nil {
		m.say(errors.New(m.t.noClock))
		return
	}
	m.say(do())
}

func (m *liveModel) say(err error) {
	m.look()
	if m.view.Note == endingNote {
		return
	}
	m.view.Note, m.aged = "", 0
	if err != nil {
		m.view.Note = err.Error()
	}
}

// look takes in how the clock goes.
func (m *liveModel) look() {
	if m.t.clock != nil {
		m.view.Times, m.view.Held = m.t.clock.State()
	}
}

func (m *liveModel) View() tea.View {
	if m.gone {
		return tea.NewView("")
	}
	return tea.NewView(m.view.String(m.width, m.color))
}

// display is where a live view can go: a terminal that is ours alone. It is nil where plain lines serve better.
func (e env) display(stdout, stderr io.Writer) *display {
	if e.width(stderr) == 0 || e.getenv("TERM") == "dumb" || e.getenv("CI") != "" || e.terminal == nil {
		return nil
	}
	in, ok := e.terminal(stdout, stderr)
	if !ok {
		return nil
	}
	return &display{in: in, out: stderr}
}

// ownTerminal says, of a real process, whether a view can be drawn on stderr, and where its keys come from. A pager behind a pipe reads
// the keyboard itself and draws on the same terminal, and a job in the background must touch neither.
func ownTerminal(stdout, stderr io.Writer) (keys *os.File, ok bool) {
	out, isFile := stderr.(*os.File)
	if !isFile || !foreground(out) {
		return nil, false
	}
	if f, isFile := stdout.(*os.File); isFile {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
			return nil, false
		}
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, true
	}
	return os.Stdin, true
}
