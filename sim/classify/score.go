package classify

import "bytes"

// weights has one weight for each place.
type weights [tableSize]byte // int8

// scorer adds up the weights of one URL.
type scorer struct {
	weights *weights
	sum     int32
	n       int // features, but for words

	note func(part, i, n int, hash uint64) // hears of each feature; nil: nobody asks. See trace
}

// score judges a URL in the classifier's own form; host is the length of host and port. It is the sum of the weights over n^0.4,
// in steps of 1/65536, n being how many features there are.
func (m *Model) score(url []byte, host int) int64 {
	s := scorer{weights: m.weights}
	s.run(url, host)
	return int64(s.sum) * int64(m.inverse[s.n&maxFeatures])
}

// run finds the features of a URL and adds up what the weights say of them.
func (s *scorer) run(url []byte, host int) {
	name, path := url[:host], url[host:]
	if host > 0 && url[host-1]-'0' < 10 {
		name = s.port(name)
	}
	name, path = name[:min(len(name), maxText)], path[:min(len(path), maxText)]
	tld := s.host(name, min(len(path), 1))
	if len(path) > 0 {
		s.path(path, tld, host)
	}
}

// port adds a port, if there is one, and takes it away.
func (s *scorer) port(name []byte) []byte {
	i := bytes.LastIndexByte(name, ':')
	if i < 0 {
		return name
	}
	var h uint64
	for _, c := range name[i:] {
		h = h<<8 | uint64(c)
	}
	s.add(partPort, []uint32{uint32(h * portMul >> toPlace)})
	return name[:i]
}

// host adds the features of a host and returns the hash of its last label. What is done for each byte is done without a branch, as
// one that goes wrong costs more than many a look into the table. The place of no word is 0, whose weight is 0.
func (s *scorer) host(name []byte, hasPath int) (tld uint64) {
	table := s.weights[:]
	var marks [8]counts // marks[k] are the counts before the last byte that was read with k dots behind it: before the next dot, if there is one
	var all counts
	var sum int32
	w, word := uint64('^'), uint64(0)
	for _, c := range name {
		marks[all>>countDots&7] = all
		all += hostCounts[c]
		w = w<<8 | uint64(c)
		in := inWord[c]
		sum += int32(int8(table[word*hostWord>>toPlace&^in]))
		word = (word*wordMul + uint64(c)) & in
		sum += int32(int8(table[w<<40*hostGram3>>toPlace])) + int32(int8(table[w<<32*hostGram4>>toPlace])) +
			int32(int8(table[w<<24*hostGram5>>toPlace]))
	}
	end := w
	w = w<<8 | '$'
	s.sum += sum + int32(int8(table[word*hostWord>>toPlace])) + int32(int8(table[w<<40*hostGram3>>toPlace])) +
		int32(int8(table[w<<32*hostGram4>>toPlace])) + int32(int8(table[w<<24*hostGram5>>toPlace]))
	s.n += 3 * (len(name) + 1)
	if s.note != nil {
		s.noteText('^', name, 0, false, [...]uint64{hostGram3, hostGram4, hostGram5, hostWord})
	}

	dots := all >> countDots
	dot, dot2 := marks[(dots-1)&7], marks[(dots-2)&7]
	tld = lastBytes(end, (all - dot).of(countAll))
	two := lastTwo(name, end, (all - dot2).of(countAll))
	var places [numHostPlaces]uint32
	hostPlaces(&places, all, dot, dot2, tld, two, hasPath)
	s.add(partHost, places[:])
	return tld
}

// path adds the features of a path that begins at byte number at.
func (s *scorer) path(path []byte, tld uint64, at int) {
	table := s.weights[:]
	all := pathCounts[path[0]]
	var sum int32
	w, word := uint64(path[0]), uint64(0)
	for _, c := range path[1:] {
		all += pathCounts[c]
		in, c := inWord[c], uint64(lowers[c])
		w = w<<8 | c
		sum += int32(int8(table[word*pathWord>>toPlace&^in]))
		word = (word*wordMul + c) & in
		sum += int32(int8(table[w<<40*pathGram3>>toPlace])) + int32(int8(table[w<<32*pathGram4>>toPlace])) +
			int32(int8(table[w<<24*pathGram5>>toPlace]))
	}
	end, query := w, 0
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		query, end = 1, 0
		for _, c := range path[max(i-8, 0):i] {
			end = end<<8 | uint64(lowers[c])
		}
	}
	w = w<<8 | '$'
	s.sum += sum + int32(int8(table[word*pathWord>>toPlace])) + int32(int8(table[w<<40*pathGram3>>toPlace])) +
		int32(int8(table[w<<32*pathGram4>>toPlace])) + int32(int8(table[w<<24*pathGram5>>toPlace]))
	s.n += 3 * len(path)
	if s.note != nil {
		s.noteText(path[0], path[1:], at+1, true, [...]uint64{pathGram3, pathGram4, pathGram5, pathWord})
	}

	var places [numPathPlaces]uint32
	pathPlaces(&places, all, end, tld, query)
	s.add(partPath, places[:])
}

func (s *scorer) add(part int, places []uint32) {
	s.n += len(places)
	var sum int32
	for _, p := range places {
		sum += int32(int8(s.weights[p&(tableSize-1)]))
	}
	s.sum += sum
	if s.note != nil {
		for i, p := range places {
			s.note(part, i, 0, uint64(p)<<toPlace)
		}
	}
}
