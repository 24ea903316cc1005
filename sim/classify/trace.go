package classify

// The parts of a URL that a feature can be about.
const (
	partText = iota // n bytes in a row from number i on, perhaps with a mark before or behind them
	partWord        // a word of n bytes from number i on
	partPort        // the port
	partHost        // number i of hostPlaces
	partPath        // number i of pathPlaces
)

// trace tells note of each feature of a URL in the classifier's own form: what it is about and its hash, whose
// upper bits are its place in the table. It returns how many there are, but for words.
func trace(url []byte, host int, note func(part, i, n int, hash uint64)) (features int) {
	s := scorer{weights: noWeights, note: note}
	s.run(url, host)
	return s.n
}

var noWeights = new(weights)

// noteText notes the bytes in a row and the words of a text that begins at byte number at, as the loops of host and path add them:
// with a mark before and behind it, in rows of three, four and five, each known by its last byte. In a host there is nothing to fold to lower case but what is escaped, which stays.
func (s *scorer) noteText(first byte, text []byte, at int, fold bool, muls [4]uint64) {
	w, word, length := uint64(first), uint64(0), 0
	for i := range len(text) + 1 {
		c, in := uint64('$'), uint64(0)
		if i < len(text) {
			c, in = uint64(text[i]), inWord[text[i]]
			if fold {
				c = uint64(lowers[text[i]])
			}
		}
		w = w<<8 | c
		for k, mul := range muls[:3] {
			n := k + 3
			from := max(i+1-n, 0)
			s.note(partText, at+from, min(i+1, len(text))-from, w<<(8*(8-n))*mul)
		}
		if in != 0 {
			word, length = word*wordMul+c, length+1
		} else if length > 0 {
			s.note(partWord, at+i-length, length, word*muls[3])
			word, length = 0, 0
		}
	}
}
