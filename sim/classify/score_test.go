package classify

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fictional reads the URLs of testdata/fictional.csv.
func fictional(t testing.TB) (urls []string) {
	t.Helper()
	f, err := os.Open("testdata/fictional.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		urls = append(urls, row[0])
	}
	return urls
}

// The shipped weights give these scores and verdicts on every machine: all that decides is integer arithmetic.
func TestShippedScores(t *testing.T) {
	m := Shipped()
	judge := New(Options{Model: m})
	var got bytes.Buffer
	for _, url := range fictional(t) {
		v := judge.Classify([]byte(url))
		word := v.Category.String()
		if v.Suspicious {
			word = "suspicious"
		}
		fmt.Fprintf(&got, "%d %.4f %s %s\n", m.scoreOf(url), v.Probability, word, url)
	}
	const name = "testdata/scores.txt"
	if *update {
		if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("scores differ from %s; if the weights are new, run with -update. They are now:\n%s", name, got.String())
	}
}

// slowScore is the score by the features that trace tells of.
func (m *Model) slowScore(url []byte, host int) int64 {
	var sum int64
	n := trace(url, host, func(_, _, _ int, hash uint64) { sum += int64(int8(m.weights[hash>>toPlace])) })
	return sum * int64(m.inverse[n])
}

func checkScore(t *testing.T, m *Model, url []byte) {
	var buf [maxURL]byte
	a := parse(&buf, url, ".sim.test")
	host := len(a.url) - len(a.path)
	if fast, slow := m.score(a.url, host), m.slowScore(a.url, host); fast != slow {
		t.Errorf("score of %q = %d, the sum of its features' weights %d", a.url, fast, slow)
	}
}

// What score adds up is what trace tells, from which the weights are learnt.
func TestScoreIsTrace(t *testing.T) {
	m := Shipped()
	for _, url := range append(fictional(t), "", "a", "a.b", "x.y:8080", "x.y:8080/Z.php?A", "a.b/", "a.b/?", "a.b/c.d/e", "\xff\x01a.b/\xff", string(bytes.Repeat([]byte("a.b-c"), 70))+"/"+string(bytes.Repeat([]byte("d/e."), 90))) {
		checkScore(t, m, []byte(url))
	}
	if m.weights[0] != 0 {
		t.Errorf("the weight of no word is %d, want 0", int8(m.weights[0]))
	}
}

func FuzzScore(f *testing.F) {
	for _, url := range fictional(f) {
		f.Add([]byte(url))
	}
	m := Shipped()
	f.Fuzz(func(t *testing.T, url []byte) { checkScore(t, m, url) })
}

// What trace tells of a text is what stands there.
func TestTrace(t *testing.T) {
	url := []byte("ab.cd/E-f?x")
	var texts, words []string
	var host, path int
	n := trace(url, 5, func(part, i, n int, _ uint64) {
		switch part {
		case partText:
			texts = append(texts, string(url[i:i+n]))
		case partWord:
			words = append(words, string(url[i:i+n]))
		case partHost:
			host++
		case partPath:
			path++
		}
	})
	if want := "[a a a ab ab ab ab. ab. ab. b.c ab.c ab.c .cd b.cd ab.cd cd .cd b.cd E E E E- E- E- E-f E-f E-f -f? E-f? E-f? f?x -f?x E-f?x ?x f?x -f?x]"; fmt.Sprint(texts) != want {
		t.Errorf("texts  %q\nwant %s", texts, want)
	}
	if want := "[ab cd E f x]"; fmt.Sprint(words) != want {
		t.Errorf("words %q, want %s", words, want)
	}
	if host != numHostPlaces || path != numPathPlaces || n != len(texts)+host+path {
		t.Errorf("%d features of the host, %d of the path, %d in all", host, path, n)
	}
}
