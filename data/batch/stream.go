package batch

import (
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/zeebo/xxh3"
)

// keptEpochs is how many epochs' orders a stream remembers. A batch touches at most three (a window
// that crosses into the next epoch, drawn beside windows of it), and workers that run ahead one more.
const keptEpochs = 4

// Purposes of the keys, so that the orders of documents and of windows are independent.
const (
	purposeDocuments = iota + 1
	purposeWindows
)

// stream is the endless sequence of tokens of one source.
type stream struct {
	name          string
	docs          Documents
	before, after []int32
	vocab         int32 // 0: unchecked
	length        int64 // tokens of one epoch, separators included
	key           uint64
	inOrder       bool // documents as they are stored, for held-out data
	mask          bool

	mu     sync.Mutex
	orders []*epochOrder // the most recently built last
}

// epochOrder is the order of the documents in one epoch.
type epochOrder struct {
	epoch int64
	perm  permutation
	ends  []int64 // end of each document in the epoch's stream, by place in the order
}

func newStream(src Source, cfg Config) *stream {
	return &stream{
		name: src.Name, docs: src.Documents, before: cfg.Before, after: cfg.After, vocab: int32(cfg.VocabSize),
		length: src.Documents.NumTokens() + src.Documents.NumDocs()*int64(len(cfg.Before)+len(cfg.After)),
		key:    key(cfg.Seed, xxh3.HashString(src.Name)),
		mask:   cfg.MaskDocuments,
	}
}

// window is where the s-th sequence of cols+1 tokens begins: at s*cols, or with shuffle at the place
// of another window that begins in the same epoch.
func (s *stream) window(seq int64, cols int, shuffle bool) int64 {
	t := int64(cols)
	if !shuffle {
		return seq * t
	}
	epoch := seq * t / s.length
	first := ceilDiv(epoch*s.length, t)
	n := ceilDiv((epoch+1)*s.length, t) - first
	p := newPermutation(n, key(s.key, uint64(epoch), purposeWindows))
	return (first + p.at(seq-first)) * t
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

// order returns the order of an epoch, building it in O(documents) where it is not remembered.
func (s *stream) order(epoch int64) (*epochOrder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.orders {
		if o.epoch == epoch {
			return o, nil
		}
	}
	n := s.docs.NumDocs()
	o := &epochOrder{epoch: epoch, perm: newPermutation(n, key(s.key, uint64(epoch), purposeDocuments)), ends: make([]int64, n)}
	var end int64
	for i := range n {
		start, stop, err := s.docs.DocRange(s.doc(o, i))
		if err != nil {
			return nil, fmt.Errorf("batch: source %q: %w", s.name, err)
		}
		end += stop - start + int64(len(s.before)+len(s.after))
		o.ends[i] = end
	}
	if end != s.length {
		return nil, fmt.Errorf("batch: source %q: its documents sum to %d tokens, it promised %d", s.name, end, s.length)
	}
	if len(s.orders) == keptEpochs {
		s.orders = slices.Delete(s.orders, 0, 1)
	}
	s.orders = append(s.orders, o)
	return o, nil
}

// doc is the document at place i of an order.
func (s *stream) doc(o *epochOrder, i int64) int64 {
	if s.inOrder {
		return i
	}
	return o.perm.at(i)
}

// read fills dst with the tokens from position pos of the stream and appends the documents that they
// belong to. With masking it also sets starts, which may be shorter than dst, to the place in dst
// where the document of each token begins.
func (s *stream) read(dst []int32, starts []int32, docs []DocRef, row int, pos int64) ([]DocRef, error) {
	epoch, off := pos/s.length, pos%s.length
	for filled := 0; filled < len(dst); epoch, off = epoch+1, 0 {
		o, err := s.order(epoch)
		if err != nil {
			return docs, err
		}
		place := int64(sort.Search(len(o.ends), func(i int) bool { return o.ends[i] > off }))
		for ; place < int64(len(o.ends)) && filled < len(dst); place++ {
			doc := s.doc(o, place)
			start, end, err := s.docs.DocRange(doc)
			if err != nil {
				return docs, fmt.Errorf("batch: source %q: %w", s.name, err)
			}
			size := end - start + int64(len(s.before)+len(s.after))
			if size == 0 {
				continue
			}
			skip := off - (o.ends[place] - size)
			n := int(min(size-skip, int64(len(dst)-filled)))
			if err := s.readDoc(dst[filled:filled+n], doc, start, end, skip); err != nil {
				return docs, err
			}
			if s.mask {
				for i := filled; i < min(filled+n, len(starts)); i++ {
					starts[i] = int32(filled)
				}
			}
			docs = append(docs, DocRef{Source: s.name, Doc: doc, Row: row})
			filled += n
			off += int64(n)
		}
	}
	return docs, nil
}

// readDoc fills dst with the tokens of one document and its separators, from the skip-th on.
func (s *stream) readDoc(dst []int32, doc, start, end, skip int64) error {
	if nb := int64(len(s.before)); skip < nb {
		n := copy(dst, s.before[skip:])
		dst, skip = dst[n:], 0
	} else {
		skip -= nb
	}
	if body := min(end-start-skip, int64(len(dst))); body > 0 {
		ids := dst[:body]
		if err := s.docs.ReadTokens(ids, start+skip); err != nil {
			return fmt.Errorf("batch: source %q, document %d: %w", s.name, doc, err)
		}
		if s.vocab > 0 {
			for i, id := range ids {
				if id < 0 || id >= s.vocab {
					return fmt.Errorf("batch: source %q, document %d, position %d: %w: %d, the vocabulary has %d", s.name, doc, skip+int64(i), ErrTokenRange, id, s.vocab)
				}
			}
		}
		dst, skip = dst[body:], 0
	} else {
		skip -= end - start
	}
	copy(dst, s.after[max(skip, 0):])
	return nil
}
