package classify

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for the weights
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"drover/sim/event"
)

// Model is a hashed linear model of URLs: the score of a URL is the sum of its features' weights over n^0.4, n being how
// many features it has. All that decides is integer arithmetic on what the file holds, so a URL has the same verdict on
// every machine. A Model is never changed and is safe for concurrent use. MODEL.md says what the shipped one is worth.
type Model struct {
	head    header
	inverse []uint32
	prob    []uint16
	weights *weights // in steps
	types   []byte   // int8, numTypes at each of headSize places
}

const (
	modelVersion = 2
	headBits     = 14
	headSize     = 1 << headBits
	numTypes     = int(event.NumCategories) - 1
	probSize     = 1024
	probSpan     = 10 // log-odds that the table of probabilities reaches to either side
	one          = 1 << 16
)

// header begins a weight file, in big-endian; then come inverse, prob, table and types.
type header struct {
	Magic      [8]byte
	Version    uint32
	TableBits  uint32
	HeadBits   uint32
	Features   uint32  // length of inverse, less one
	Step       float64 // what one unit of a weight is in log-odds, before calibration
	Bias       float64 // in log-odds
	PlattA     float64 // probability = 1 / (1 + exp(-(A*logit + B)))
	PlattB     float64
	Block      int64 // scores from here on are malicious
	Suspicious int64 // and from here on worth a look
	ProbMul    int64 // place in prob = (score*ProbMul + ProbAdd) >> 32
	ProbAdd    int64
	TypeBias   [numTypes]int64
	Sum        [sha256.Size]byte // SHA-256 of all that follows
}

var modelMagic = [8]byte{'d', 'r', 'o', 'v', 'e', 'r', 'U', '\n'}

const bodySize = 4*(maxFeatures+1) + 2*probSize + tableSize + numTypes*headSize

//go:embed model.bin
var shippedWeights []byte

// Shipped returns the model that the program carries.
var Shipped = sync.OnceValue(func() *Model {
	m, err := ReadModel(shippedWeights)
	if err != nil {
		panic("classify: the embedded weights: " + err.Error()) // part of the binary, and read in a test
	}
	return m
})

// ReadModel reads a weight file, which Train makes. It keeps data. The error says what is wrong with the file.
func ReadModel(data []byte) (*Model, error) {
	m := new(Model)
	size := binary.Size(&m.head)
	if len(data) < size {
		return nil, errors.New("shorter than its header")
	}
	if err := binary.Read(bytes.NewReader(data), binary.BigEndian, &m.head); err != nil {
		return nil, err
	}
	h := &m.head
	body := data[size:]
	switch {
	case h.Magic != modelMagic:
		return nil, errors.New("not a weight file of drover")
	case h.Version != modelVersion || h.TableBits != tableBits || h.HeadBits != headBits || h.Features != maxFeatures:
		return nil, fmt.Errorf("weights of version %d with %d bits; want version %d with %d", h.Version, h.TableBits, modelVersion, tableBits)
	case len(body) != bodySize:
		return nil, fmt.Errorf("%d bytes of weights; want %d", len(body), bodySize)
	case h.Sum != sha256.Sum256(body):
		return nil, errors.New("checksum does not match")
	}
	m.inverse = make([]uint32, maxFeatures+1)
	for i := range m.inverse {
		m.inverse[i] = binary.BigEndian.Uint32(body[4*i:])
	}
	body = body[4*len(m.inverse):]
	m.prob = make([]uint16, probSize)
	for i := range m.prob {
		m.prob[i] = binary.BigEndian.Uint16(body[2*i:])
	}
	body = body[2*probSize:]
	m.weights = (*weights)(body)
	m.types = body[tableSize:]
	return m, nil
}

// write makes the file that ReadModel reads. It sets the header's fixed fields.
func (m *Model) write() []byte {
	var body []byte
	for _, v := range m.inverse {
		body = binary.BigEndian.AppendUint32(body, v)
	}
	for _, v := range m.prob {
		body = binary.BigEndian.AppendUint16(body, v)
	}
	body = append(append(body, m.weights[:]...), m.types...)
	h := &m.head
	h.Magic, h.Version, h.TableBits, h.HeadBits, h.Features = modelMagic, modelVersion, tableBits, headBits, maxFeatures
	h.Sum = sha256.Sum256(body)
	var out bytes.Buffer
	if err := binary.Write(&out, binary.BigEndian, h); err != nil {
		panic(err) // a header has a fixed size
	}
	return append(out.Bytes(), body...)
}

// probability is that of a malicious URL where half of all are.
func (m *Model) probability(score int64) float32 {
	i := (score*m.head.ProbMul + m.head.ProbAdd) >> 32
	return float32(m.prob[max(0, min(i, probSize-1))]) / 65535
}

// kind guesses the kind of threat of a malicious URL. It is right three times in four at best: names of malware and of C2
// hosts look alike.
func (m *Model) kind(url []byte) event.Category {
	var sums [numTypes]int64
	url = url[:min(len(url), maxText)]
	eachKindFeature(url, func(place int) {
		row := binary.LittleEndian.Uint32(m.types[numTypes*place:])
		for t := range sums {
			sums[t] += int64(int8(row >> (8 * t)))
		}
	})
	best := 0
	for t := range sums {
		sums[t] = sums[t]*int64(m.inverse[len(url)+1]) + m.head.TypeBias[t]
		if sums[t] > sums[best] {
			best = t
		}
	}
	return event.Category(best + 1)
}

// eachKindFeature yields the places of a URL's features in the tables of the kinds of threat: of every four bytes in a row.
func eachKindFeature(url []byte, yield func(place int)) {
	w := uint64('^')
	for _, c := range url {
		w = w<<8 | uint64(lowers[c])
		yield(int(w << 32 * hostGram4 >> (64 - headBits)))
	}
	yield(int((w<<8 | '$') << 32 * hostGram4 >> (64 - headBits)))
}

// judge judges a name. What is suspicious of itself is malicious when something stands before an "@": nothing honest hides the name
// of its host so.
func (m *Model) judge(a *address) (v Verdict) {
	host := len(a.url) - len(a.path)
	score := m.score(a.url, host)
	v.Probability = m.probability(score)
	v.Score = v.Probability
	if score < m.head.Suspicious {
		return v
	}
	v.Suspicious = score < m.head.Block && !a.userinfo
	if v.Suspicious {
		return v
	}
	v.Category = m.kind(a.url)
	v.Reasons.add(ruleModel, v.Probability)
	if a.userinfo {
		v.Reasons.add(ruleUser, 0)
	}
	return v
}
