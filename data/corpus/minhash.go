package corpus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// permutations is the length of a MinHash signature. The estimate of a Jaccard index J has the
// standard deviation sqrt(J(1-J)/permutations), at most 0.044.
const permutations = 128

// candidateRecall is the probability with which a pair exactly at the threshold is compared at all.
const candidateRecall = 0.95

// NearDuplicates drops documents that resemble an earlier kept one: their sets of shingles have an
// estimated Jaccard index of at least Threshold. The estimate is by MinHash (Broder, "On the
// resemblance and containment of documents", 1997); pairs to compare are found by banded
// locality-sensitive hashing, which finds a pair at the threshold with probability 0.95 and nearly
// all above it. It takes about 1 kB of memory for each kept document, and is deterministic.
type NearDuplicates struct {
	Threshold float64 `json:"threshold"` // 0 is off; 0.8 is customary
	Shingle   string  `json:"shingle"`   // "words" (or ""): runs of letters and digits; "bytes" for text without spaces between words
	Size      int     `json:"size"`      // words or bytes in a shingle; 0 means 5 words or 16 bytes
}

func (n NearDuplicates) validate() error {
	var errs []error
	if n.Shingle != "" && n.Shingle != "words" && n.Shingle != "bytes" {
		errs = append(errs, fmt.Errorf("corpus: filters.near_duplicates.shingle is %q, want words or bytes", n.Shingle))
	}
	if n.Size < 0 || n.Size > maxShingle {
		errs = append(errs, fmt.Errorf("corpus: filters.near_duplicates.size is %d, want 0 (default) to %d", n.Size, maxShingle))
	}
	return errors.Join(errs...)
}

const maxShingle = 64

// shingles calls visit with the hash of each shingle of the text, repeated ones included. A text
// shorter than one shingle is one shingle.
func (n NearDuplicates) shingles(text []byte, visit func(uint64)) {
	if n.Shingle == "bytes" {
		size := n.Size
		if size == 0 {
			size = 16
		}
		for i := 0; i+size <= len(text); i++ {
			visit(xxh3.Hash(text[i : i+size]))
		}
		if len(text) < size {
			visit(xxh3.Hash(text))
		}
		return
	}
	size := n.Size
	if size == 0 {
		size = 5
	}
	// A ring of the last words' hashes, each shingle's hashes in reading order.
	var ring, window [8 * maxShingle]byte
	count := 0
	words(text, func(word []byte) {
		binary.LittleEndian.PutUint64(ring[8*(count%size):], xxh3.Hash(word))
		count++
		if count >= size {
			at := 8 * (count % size)
			k := copy(window[:], ring[at:8*size])
			copy(window[k:], ring[:at])
			visit(xxh3.Hash(window[:8*size]))
		}
	})
	if count < size {
		visit(xxh3.Hash(text))
	}
}

// words calls visit with each run of letters and digits.
func words(text []byte, visit func([]byte)) {
	start := -1
	for i := 0; i < len(text); {
		c, n := rune(text[i]), 1
		var in bool
		if c < utf8.RuneSelf {
			in = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		} else {
			c, n = utf8.DecodeRune(text[i:])
			in = unicode.IsLetter(c) || unicode.IsDigit(c)
		}
		if in && start < 0 {
			start = i
		} else if !in && start >= 0 {
			visit(text[start:i])
			start = -1
		}
		i += n
	}
	if start >= 0 {
		visit(text[start:])
	}
}

// signature holds, for each of the hash functions x -> (a*x + b)/2^32 mod 2^32 of the shingles'
// hashes, the least value. Two texts agree in a place with a probability near their Jaccard index.
type signature [permutations]uint32

// hashers are the odd factors a and the terms b, fixed for ever by SplitMix64 from 0.
var hashers = func() (h [permutations][2]uint64) {
	var state uint64
	next := func() uint64 {
		state += 0x9e3779b97f4a7c15
		x := state
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		return x ^ x>>31
	}
	for i := range h {
		h[i] = [2]uint64{next() | 1, next()}
	}
	return h
}()

func (n NearDuplicates) signature(text []byte) *signature {
	s := new(signature)
	for i := range s {
		s[i] = math.MaxUint32
	}
	n.shingles(text, func(x uint64) {
		for i := range s {
			s[i] = min(s[i], uint32((hashers[i][0]*x+hashers[i][1])>>32))
		}
	})
	return s
}

// similarity estimates the Jaccard index.
func (s *signature) similarity(t *signature) float64 {
	equal := 0
	for i := range s {
		if s[i] == t[i] {
			equal++
		}
	}
	return float64(equal) / permutations
}

// nearIndex finds earlier texts that resemble a new one. A band is some consecutive places of the
// signature; texts that agree in all places of any band are compared.
type nearIndex struct {
	cfg         NearDuplicates
	bands, rows int
	kept        []*signature
	heads       map[uint64]int32 // by hash of band number and band: the last kept text with it, +1
	next        []int32          // by text*bands+band: the text before it with the same band, +1
}

// newNearIndex returns nil where the filter is off.
func newNearIndex(cfg NearDuplicates) *nearIndex {
	if cfg.Threshold == 0 {
		return nil
	}
	b, r := banding(cfg.Threshold)
	return &nearIndex{cfg: cfg, bands: b, rows: r, heads: map[uint64]int32{}}
}

// banding chooses the widest bands with which a pair at the threshold agrees in at least one with
// probability 1-(1-t^rows)^bands >= candidateRecall: the fewest comparisons at that recall.
func banding(threshold float64) (bands, rows int) {
	for rows = permutations; rows > 1; rows-- {
		bands = permutations / rows
		if 1-math.Pow(1-math.Pow(threshold, float64(rows)), float64(bands)) >= candidateRecall {
			return bands, rows
		}
	}
	return permutations, 1
}

// add says whether the text resembles a kept one; otherwise the text is kept.
func (x *nearIndex) add(text []byte) bool {
	s := x.cfg.signature(text)
	keys := make([]uint64, x.bands)
	buf := make([]byte, 4*x.rows)
	for b := range keys {
		for i, v := range s[b*x.rows : (b+1)*x.rows] {
			binary.LittleEndian.PutUint32(buf[4*i:], v)
		}
		keys[b] = xxh3.HashSeed(buf, uint64(b))
		for at := x.heads[keys[b]]; at > 0; at = x.next[int(at-1)*x.bands+b] {
			if s.similarity(x.kept[at-1]) >= x.cfg.Threshold {
				return true
			}
		}
	}
	x.kept = append(x.kept, s)
	for _, k := range keys {
		x.next = append(x.next, x.heads[k])
		x.heads[k] = int32(len(x.kept))
	}
	return false
}
