package token

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// pairTable maps a pair of ids to what it merges into: an open-addressing hash table, filled once.
type pairTable struct {
	slots []pairSlot // a power of two; result < 0 marks a free one
	shift uint
	used  int
}

type pairSlot struct {
	key    uint64
	rank   int32 // lower merges first
	result int32
}

// noRank is above every rank.
const noRank = int32(1<<31 - 1)

func newPairTable(capacity int) pairTable {
	n := max(4, bits.Len(uint(capacity*2)))
	t := pairTable{slots: make([]pairSlot, 1<<n), shift: uint(64 - n)}
	for i := range t.slots {
		t.slots[i].result = -1
	}
	return t
}

// home is the first slot to look at (Fibonacci hashing).
func (t *pairTable) home(key uint64) int { return int((key * 0x9E3779B97F4A7C15) >> t.shift) }

// get returns the rank and the result of merging left and right, noRank when they do not merge.
func (t *pairTable) get(left, right int32) (rank, result int32) {
	key := pair{left, right}.key()
	for i := t.home(key); ; i = (i + 1) & (len(t.slots) - 1) {
		s := &t.slots[i]
		if s.result < 0 {
			return noRank, -1
		}
		if s.key == key {
			return s.rank, s.result
		}
	}
}

// put adds a pair; of two entries for one pair the first stays. It reports whether the pair was new.
func (t *pairTable) put(p pair, rank, result int32) bool {
	if t.used*2 >= len(t.slots) {
		t.grow()
	}
	key := p.key()
	i := t.home(key)
	for ; t.slots[i].result >= 0; i = (i + 1) & (len(t.slots) - 1) {
		if t.slots[i].key == key {
			return false
		}
	}
	t.slots[i] = pairSlot{key, rank, result}
	t.used++
	return true
}

func (t *pairTable) grow() {
	old := t.slots
	*t = newPairTable(len(old))
	for _, s := range old {
		if s.result >= 0 {
			t.put(unpack(s.key), s.rank, s.result)
		}
	}
}

// rankedPairs derives the merges that follow from ids as ranks, in order of rank. Each token is encoded
// with the tokens of lower rank; when exactly two parts are left, these are the pair that makes it. If
// that holds for every token, as in any vocabulary that BPE training made, no other pair can ever
// produce the token: whatever stands between two token boundaries is merged as it would be
// alone. Otherwise (edited vocabularies) every split of each token into two tokens is a
// merge, which is how tiktoken reads ranks.
func rankedPairs(tokens [][]byte, ids map[string]int32, byteIDs [256]int32) (pairTable, []pair) {
	table := newPairTable(len(tokens))
	list := make([]pair, 0, len(tokens))
	m := merger{pairs: &table}
	var parts []int32
	for id, b := range tokens {
		if len(b) < 2 {
			continue
		}
		parts = parts[:0]
		for _, c := range b {
			parts = append(parts, byteIDs[c])
		}
		parts = m.merge(parts)
		if len(parts) != 2 || int(max(parts[0], parts[1])) >= id {
			return allSplits(tokens, ids)
		}
		p := pair{parts[0], parts[1]}
		table.put(p, int32(id), int32(id))
		list = append(list, p)
	}
	return table, list
}

// allSplits lists every way to make a token from two others, by id of the result and then of the parts.
func allSplits(tokens [][]byte, ids map[string]int32) (pairTable, []pair) {
	table := newPairTable(4 * len(tokens))
	var list []pair
	for id, b := range tokens {
		from := len(list)
		for k := 1; k < len(b); k++ {
			left, ok := ids[string(b[:k])]
			if !ok {
				continue
			}
			if right, ok := ids[string(b[k:])]; ok {
				list = append(list, pair{left, right})
				table.put(pair{left, right}, int32(id), int32(id))
			}
		}
		slices.SortFunc(list[from:], comparePairs)
	}
	return table, list
}

func comparePairs(a, b pair) int { return cmp.Compare(a.key(), b.key()) }

// listedPairs makes the table of an explicit list of merges.
func listedPairs(def definition, ids map[string]int32) (pairTable, error) {
	table := newPairTable(len(def.merges))
	var buf []byte
	for rank, p := range def.merges {
		buf = append(append(buf[:0], def.tokens[p.left]...), def.tokens[p.right]...)
		result, ok := ids[string(buf)]
		if !ok {
			return table, fmt.Errorf("token: merge %d makes %q, which is not in the vocabulary", rank, buf)
		}
		if !table.put(p, int32(rank), result) {
			return table, fmt.Errorf("token: merge %d (%q and %q) is listed twice", rank, def.tokens[p.left], def.tokens[p.right])
		}
	}
	return table, nil
}

// wholeWordIsSafe reports whether taking a pre-token that is a token as a whole gives what merging gives: for every
// token, merging its bytes ends with the token itself.
func (t *Tokenizer) wholeWordIsSafe() bool {
	if t.def.wholeWord {
		return true
	}
	m := merger{pairs: &t.pairs}
	var parts []int32
	for id, b := range t.def.tokens {
		if b == nil {
			continue
		}
		if parts = m.merge(t.appendBytes(parts[:0], string(b))); len(parts) != 1 || parts[0] != int32(id) {
			return false
		}
	}
	return true
}
