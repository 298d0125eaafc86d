// Package token is a byte-level BPE tokenizer: training, encoding, decoding, and the file formats
// of Hugging Face (tokenizer.json) and of tiktoken (base64 rank lines).
//
// Text is cut into pre-tokens by a fixed pattern; inside a pre-token the bytes are merged pair by
// pair, lowest rank first, leftmost first (Sennrich et al., arXiv 1508.07909, on bytes as in GPT-2).
// Every byte string can be encoded, and decoding gives the same bytes back.
package token

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/zeebo/xxh3"
)

// Tokenizer turns bytes into token ids and back. It does not change after it was made and may be
// used by any number of goroutines.
type Tokenizer struct {
	def       definition
	scan      splitter
	classes   *classes
	pairs     pairTable
	bytePairs *bytePairs
	ids       map[string]int32 // ordinary tokens by their bytes
	byteIDs   [256]int32
	specials  specialSet
	roles     Roles
	longest   int // bytes in the longest ordinary token

	mu   sync.Mutex
	idle []*encoder // encoders not in use, each with a warm cache
}

// definition is everything that decides which ids a text gets.
type definition struct {
	pattern Pattern
	// tokens holds the bytes of each id. It is nil for a special token and for an id that is not used.
	tokens   [][]byte
	specials []Special // by rising id
	// merges lists the pairs that may be merged, first is best. When it is nil, any two neighbours
	// whose bytes together are a token may be merged, and the lowest id of a result is best.
	merges []pair
	// wholeWord makes a pre-token that is itself a token keep its id without any merging.
	wholeWord bool
}

// pair is two neighbouring token ids.
type pair struct{ left, right int32 }

// key packs a pair; keys order as pairs do, by left and then by right.
func (p pair) key() uint64 { return uint64(uint32(p.left))<<32 | uint64(uint32(p.right)) }

func unpack(key uint64) pair { return pair{int32(key >> 32), int32(uint32(key))} }

// New makes a tokenizer from the ordinary tokens in order of their ranks, which become their ids,
// and special tokens. Special tokens get the next ids in order when all their IDs are 0; otherwise their IDs
// are kept, and must lie after the ordinary tokens. Every single byte must be a token. The slices of bytes are kept.
func New(p Pattern, tokens [][]byte, specials []Special) (*Tokenizer, error) {
	numbered := numberSpecials(specials, len(tokens))
	size := len(tokens)
	for _, s := range numbered {
		if int(s.ID) < len(tokens) {
			return nil, fmt.Errorf("token: special token %q has id %d, which is an ordinary token: ids from %d are free", s.Text, s.ID, len(tokens))
		}
		size = max(size, int(s.ID)+1)
	}
	if size > maxVocab {
		return nil, fmt.Errorf("token: the largest special id %d is above the limit of %d", size-1, maxVocab-1)
	}
	all := make([][]byte, size)
	copy(all, tokens)
	return fromDefinition(definition{pattern: p, tokens: all, specials: numbered, wholeWord: true}, Roles{})
}

// maxVocab bounds token ids, so that a damaged file cannot ask for all memory.
const maxVocab = 1 << 24

// fromDefinition checks a definition and makes the tables for encoding. It keeps the slices of def.
func fromDefinition(def definition, roles Roles) (*Tokenizer, error) {
	p, ok := def.pattern.lookup()
	if !ok {
		return nil, fmt.Errorf("token: unknown pattern %q", def.pattern)
	}
	def.pattern = p.name
	t := &Tokenizer{def: def, scan: p.split, classes: unicodeClasses(), roles: roles.withDefaults(def.specials)}
	if err := t.index(); err != nil {
		return nil, err
	}
	var err error
	if t.specials, err = newSpecialSet(def); err != nil {
		return nil, err
	}
	if err := t.indexPairs(); err != nil {
		return nil, err
	}
	t.bytePairs = t.pairs.bytePairs(t.byteIDs)
	return t, nil
}

// indexPairs makes the table of merges.
func (t *Tokenizer) indexPairs() error {
	if t.def.merges == nil {
		t.pairs, _ = rankedPairs(t.def.tokens, t.ids, t.byteIDs)
		return nil
	}
	var err error
	if t.pairs, err = listedPairs(t.def, t.ids); err != nil {
		return err
	}
	// Most files list exactly the merges that follow from the ranks. Dropping the list then makes
	// the definition, and so the fingerprint, the same whichever file it came from.
	if table, list := rankedPairs(t.def.tokens, t.ids, t.byteIDs); slices.Equal(list, t.def.merges) && t.wholeWordIsSafe() {
		t.def.merges, t.def.wholeWord, t.pairs = nil, true, table
	}
	return nil
}

// index fills the map from bytes to ids.
func (t *Tokenizer) index() error {
	t.ids = make(map[string]int32, len(t.def.tokens))
	for id, b := range t.def.tokens {
		if b == nil {
			continue
		}
		if len(b) == 0 {
			return fmt.Errorf("token: token %d is empty", id)
		}
		if other, twice := t.ids[string(b)]; twice {
			return fmt.Errorf("token: %q is both token %d and token %d", b, other, id)
		}
		t.ids[string(b)] = int32(id)
		t.longest = max(t.longest, len(b))
	}
	for b := range t.byteIDs {
		id, ok := t.ids[string([]byte{byte(b)})]
		if !ok {
			return fmt.Errorf("token: no token for the single byte 0x%02x: a byte-level vocabulary has all 256", b)
		}
		t.byteIDs[b] = id
	}
	return nil
}

// VocabSize is the number of ids: one more than the largest id, special tokens included.
func (t *Tokenizer) VocabSize() int { return len(t.def.tokens) }

// Pattern is the pre-token pattern.
func (t *Tokenizer) Pattern() Pattern { return t.def.pattern }

// ID is the id of a special token, given by its text.
func (t *Tokenizer) ID(special string) (int32, bool) {
	id, ok := t.specials.ids[special]
	return id, ok
}

// TokenID is the id of the ordinary token with exactly these bytes.
func (t *Tokenizer) TokenID(b []byte) (int32, bool) {
	id, ok := t.ids[string(b)]
	return id, ok
}

// Specials lists the special tokens by rising id. The slice is a copy.
func (t *Tokenizer) Specials() []Special { return slices.Clone(t.def.specials) }

// IsSpecial reports whether id is a special token.
func (t *Tokenizer) IsSpecial(id int32) bool { return t.specials.texts[id] != "" }

// Roles tells which special tokens begin and end a text, pad, and stand for the unknown.
func (t *Tokenizer) Roles() Roles { return t.roles }

// ErrID is in the chain of the error for a token id that the vocabulary does not have.
var ErrID = errors.New("token id out of range")

// Bytes returns what an id stands for; for a special token, its text. The caller must not change the
// bytes. On an id that is not in the vocabulary the error wraps ErrID.
func (t *Tokenizer) Bytes(id int32) ([]byte, error) {
	if id >= 0 && int(id) < len(t.def.tokens) {
		if b := t.def.tokens[id]; b != nil {
			return b, nil
		}
		if s := t.specials.texts[id]; s != "" {
			return []byte(s), nil
		}
		return nil, fmt.Errorf("token: id %d stands for nothing in this vocabulary of %d: %w", id, len(t.def.tokens), ErrID)
	}
	return nil, fmt.Errorf("token: id %d is not in [0, %d); is this the tokenizer that the data was made with?: %w", id, len(t.def.tokens), ErrID)
}

// Fingerprint is the 128-bit xxh3 hash, in hexadecimal, of all that decides which ids a text gets: the
// pattern, the tokens, the special tokens and the merges. Two tokenizers with one fingerprint are interchangeable.
func (t *Tokenizer) Fingerprint() string {
	h := xxh3.New()
	var num [8]byte
	put := func(kind byte, v uint64, b string) {
		h.Write([]byte{kind})
		binary.LittleEndian.PutUint64(num[:], v)
		h.Write(num[:])
		binary.LittleEndian.PutUint64(num[:], uint64(len(b)))
		h.Write(num[:])
		h.WriteString(b)
	}
	put('p', uint64(len(t.def.tokens)), string(t.def.pattern))
	for id, b := range t.def.tokens {
		if b != nil {
			put('t', uint64(id), string(b))
		}
	}
	for _, s := range t.def.specials {
		put('s', uint64(s.ID), s.Text)
	}
	for _, m := range t.def.merges {
		put('m', m.key(), "")
	}
	if t.def.merges != nil && t.def.wholeWord {
		put('w', 0, "")
	}
	sum := h.Sum128().Bytes()
	return hex.EncodeToString(sum[:])
}
