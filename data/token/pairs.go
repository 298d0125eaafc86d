package token

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// pairTable maps a pair of ids to what it merges into: an open-addressing hash table, filled once. Most pairs that
// are asked for do not merge; a filter of one bit for each pair, eight bits for each slot, is
// small enough for the second-level cache and answers most of these.
type pairTable struct {
	slots  []pairSlot // a power of two
	filter []uint64
	shift  uint
	used   int
}

type pairSlot struct {
	key   uint64
	offer offer // noOffer marks a free slot
}

// offer is what a pair of neighbours can become: the rank of the merge, lower first, and in the low
// 32 bits its result.
type offer uint64

// noOffer, for a pair that does not merge, is above every other.
const noOffer = ^offer(0)

func newOffer(rank, result int32) offer { return offer(rank)<<32 | offer(result) }

func (o offer) result() int32 { return int32(uint32(o)) }

func newPairTable(capacity int) pairTable {
	n := max(4, bits.Len(uint(capacity*2)))
	t := pairTable{slots: make([]pairSlot, 1<<n), filter: make([]uint64, 8<<n/64), shift: uint(64 - n)}
	for i := range t.slots {
		t.slots[i].offer = noOffer
	}
	return t
}

// hash is Fibonacci hashing. Its highest bits are the first slot to look at, and three more the bit of the filter.
func hash(key uint64) uint64 { return key * 0x9E3779B97F4A7C15 }

// get returns what merging left and right offers.
func (t *pairTable) get(left, right int32) offer {
	key := pair{left, right}.key()
	h := hash(key)
	if bit := h >> (t.shift - 3); t.filter[bit/64]>>(bit%64)&1 == 0 {
		return noOffer
	}
	for i := h >> t.shift; ; i++ {
		s := &t.slots[i&uint64(len(t.slots)-1)]
		if s.key == key || s.offer == noOffer {
			return s.offer
		}
	}
}

// put adds a pair; of two entries for one pair the first stays. It reports whether the pair was new.
func (t *pairTable) put(p pair, o offer) bool {
	if t.used*2 >= len(t.slots) {
		t.grow()
	}
	key := p.key()
	h := hash(key)
	i := h >> t.shift
	for ; t.slots[i].offer != noOffer; i = (i + 1) & uint64(len(t.slots)-1) {
		if t.slots[i].key == key {
			return false
		}
	}
	t.slots[i] = pairSlot{key, o}
	bit := h >> (t.shift - 3)
	t.filter[bit/64] |= 1 << (bit % 64)
	t.used++
	return true
}

func (t *pairTable) grow() {
	old := t.slots
	*t = newPairTable(len(old))
	for _, s := range old {
		if s.offer != noOffer {
			t.put(unpack(s.key), s.offer)
		}
	}
}

// bytePairs has the offers of all pairs of single bytes, with which every word begins.
type bytePairs [256][256]offer

func (t *pairTable) bytePairs(byteIDs [256]int32) *bytePairs {
	value := make(map[int32]byte, 256)
	for b, id := range byteIDs {
		value[id] = byte(b)
	}
	table := new(bytePairs)
	for i := range table {
		for k := range table[i] {
			table[i][k] = noOffer
		}
	}
	for _, s := range t.slots {
		if s.offer == noOffer {
			continue
		}
		p := unpack(s.key)
		left, ok := value[p.left]
		if !ok {
			continue
		}
		if right, ok := value[p.right]; ok {
			table[left][right] = s.offer
		}
	}
	return table
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
		table.put(p, newOffer(int32(id), int32(id)))
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
				table.put(pair{left, right}, newOffer(int32(id), int32(id)))
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
		if !table.put(p, newOffer(int32(rank), result)) {
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
