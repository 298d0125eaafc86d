package dataset

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"

	"muonclip/data/chat"
)

// gramWords is the length of the word sequences whose variety is measured.
const gramWords = 4

// registerBits gives 2^16 registers and a standard error of 1.04/sqrt(2^16) = 0.4 %.
const registerBits = 16

// Grams counts sequences of four words and estimates how many of them are distinct, in constant memory, by HyperLogLog
// (Flajolet, Fusy, Gandouet, Meunier, 2007). The zero value is empty.
type Grams struct {
	total     int64
	registers []uint8 // nil or 2^registerBits
}

// GramsOf lists the hashes of the four-word sequences in what user and assistant say. Sequences do not run
// from one message into the next.
func GramsOf(d chat.Dialogue) []uint64 {
	var out []uint64
	Said(d, func(s string) {
		var last [gramWords]uint64
		n := 0
		Words(s, false, func(w uint64) {
			copy(last[:], last[1:])
			last[gramWords-1] = w
			if n++; n >= gramWords {
				h := uint64(0)
				for _, x := range last {
					h = Mix(h, x)
				}
				out = append(out, h)
			}
		})
	})
	return out
}

// Add counts sequences.
func (g *Grams) Add(hashes []uint64) {
	if g.registers == nil {
		g.registers = make([]uint8, 1<<registerBits)
	}
	g.total += int64(len(hashes))
	for _, h := range hashes {
		rank := uint8(bits.LeadingZeros64(h<<registerBits|1<<(registerBits-1)) + 1)
		at := h >> (64 - registerBits)
		g.registers[at] = max(g.registers[at], rank)
	}
}

// Merge adds what another counted.
func (g *Grams) Merge(other *Grams) {
	if other.registers == nil {
		return
	}
	if g.registers == nil {
		g.registers = make([]uint8, 1<<registerBits)
	}
	g.total += other.total
	for i, r := range other.registers {
		g.registers[i] = max(g.registers[i], r)
	}
}

// Total is the number of sequences.
func (g *Grams) Total() int64 { return g.total }

// Distinct estimates the number of different sequences.
func (g *Grams) Distinct() int64 {
	if g.registers == nil {
		return 0
	}
	const m = 1 << registerBits
	sum, zeros := 0.0, 0
	for _, r := range g.registers {
		sum += math.Ldexp(1, -int(r))
		if r == 0 {
			zeros++
		}
	}
	estimate := 0.7213 / (1 + 1.079/m) * m * m / sum
	if estimate <= 2.5*m && zeros > 0 { // linear counting, which is better while many registers are empty
		estimate = m * math.Log(m/float64(zeros))
	}
	return min(int64(math.Round(estimate)), g.total)
}

// Ratio is distinct sequences over all sequences: 1 where none comes twice.
func (g *Grams) Ratio() float64 {
	if g.total == 0 {
		return 0
	}
	return float64(g.Distinct()) / float64(g.total)
}

type gramsJSON struct {
	Total     int64  `json:"total"`
	Registers string `json:"registers,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (g *Grams) MarshalJSON() ([]byte, error) {
	return json.Marshal(gramsJSON{g.total, base64.StdEncoding.EncodeToString(g.registers)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (g *Grams) UnmarshalJSON(data []byte) error {
	var in gramsJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	registers, err := base64.StdEncoding.DecodeString(in.Registers)
	if err != nil {
		return fmt.Errorf("dataset: registers: %w", err)
	}
	switch {
	case len(registers) == 0:
		registers = nil
	case len(registers) != 1<<registerBits:
		return fmt.Errorf("dataset: %d registers, want %d", len(registers), 1<<registerBits)
	}
	g.total, g.registers = in.Total, registers
	return nil
}
