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

// Model is a hashed linear model of URLs: the score of a URL is the sum of its features' weights over n^0.45, n being how
// many features it has. All that decides is integer arithmetic on what the file holds, so a URL has the same verdict on
// every machine. A Model is never changed and is safe for concurrent use. MODEL.md says what the shipped one is worth.
type Model struct {
	head    header
	inverse []uint32
	prob    []uint16
	table   *[tableSize]byte // int8 weights, in steps
	types   []byte           // int8, numTypes tables of headSize
}

const (
	modelVersion = 1
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
		panic("classify: the embedded weights: " + err.Error())
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
	m.table = (*[tableSize]byte)(body)
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
	body = append(append(body, m.table[:]...), m.types...)
	h := &m.head
	h.Magic, h.Version, h.TableBits, h.HeadBits, h.Features = modelMagic, modelVersion, tableBits, headBits, maxFeatures
	h.Sum = sha256.Sum256(body)
	var out bytes.Buffer
	if err := binary.Write(&out, binary.BigEndian, h); err != nil {
		panic(err) // a header has a fixed size
	}
	return append(out.Bytes(), body...)
}

// judgement is what the model says of one URL.
type judgement struct {
	score int64 // weights over n^0.45, in steps of 1/65536
	list  [maxFeatures]uint32
	n     int
}

// score judges a URL in the classifier's own form; host is the length of host and port.
func (m *Model) score(j *judgement, url []byte, host int) {
	j.n = features(&j.list, url, host)
	var sum int32
	for _, f := range j.list[:j.n] {
		sum += int32(int8(m.table[f&(tableSize-1)]))
	}
	j.score = int64(sum) * int64(m.inverse[j.n])
}

// probability is that of a malicious URL where half of all are.
func (m *Model) probability(score int64) float32 {
	i := (score*m.head.ProbMul + m.head.ProbAdd) >> 32
	return float32(m.prob[max(0, min(i, probSize-1))]) / 65535
}

// kind guesses the kind of threat of a malicious URL. It is right three times in four at best: names of malware and of C2
// hosts look alike.
func (m *Model) kind(j *judgement) event.Category {
	best, at := int64(-1<<62), 0
	for t := range numTypes {
		table := m.types[t*headSize : (t+1)*headSize]
		var sum int32
		for _, f := range j.list[:j.n] {
			sum += int32(int8(table[f>>(tableBits-headBits)]))
		}
		if s := int64(sum)*int64(m.inverse[j.n]) + m.head.TypeBias[t]; s > best {
			best, at = s, t
		}
	}
	return event.Category(at + 1)
}

// join adds the model's opinion to a verdict of the rules: it makes a benign one malicious at the block threshold, and never
// the other way round.
func (m *Model) join(v *Verdict, url []byte, host int) {
	var j judgement
	m.score(&j, url, host)
	v.Probability = m.probability(j.score)
	if v.Malicious() {
		return
	}
	if j.score < m.head.Block {
		v.Suspicious = j.score >= m.head.Suspicious
		return
	}
	v.Category, v.Score = m.kind(&j), max(v.Probability, 0.5)
	v.Reasons.add(Reason{"model", v.Score})
}
