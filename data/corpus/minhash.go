package corpus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"muonclip/internal/minhash"
)

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

func (n NearDuplicates) signature(text []byte) *minhash.Signature {
	s := minhash.NewSignature()
	n.shingles(text, s.Add)
	return s
}

// nearIndex finds earlier texts that resemble a new one.
type nearIndex struct {
	cfg  NearDuplicates
	kept *minhash.Index
}

// newNearIndex returns nil where the filter is off.
func newNearIndex(cfg NearDuplicates) *nearIndex {
	if cfg.Threshold == 0 {
		return nil
	}
	return &nearIndex{cfg: cfg, kept: minhash.NewIndex(cfg.Threshold)}
}

// add says whether the text resembles a kept one; otherwise the text is kept.
func (x *nearIndex) add(text []byte) bool {
	s := x.cfg.signature(text)
	if _, _, found := x.kept.Find(s); found {
		return true
	}
	x.kept.Keep(s)
	return false
}
