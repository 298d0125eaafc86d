// Package generate runs a trained model forward token by token. An Engine keeps the keys and values
// of each sequence in a paged cache, advances many sequences of different lengths in one pass, and
// samples from the logits; Generate does so for a list of prompts with continuous batching.
//
// The logits of a sequence have the same bits in every batch and for every number of threads, and for
// every cut of its prompt into pieces of fewer than 256 tokens: then every output element is a sum in one fixed
// order. A new sequence that begins with at least 256 tokens reads them by the kernels of training's forward
// pass, which agree with the others within rounding.
//
// A model that lies on a device generates there, with the weights where they are. Two runs of a program then give the same
// bits, but the logits of a sequence may be rounded differently in another batch.
package generate

import (
	"fmt"
	"unsafe"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/model"
)

// prefillRows is how many prompt tokens one forward pass takes.
const prefillRows = 256

// Engine runs one model. On a processor it multiplies by a copy of the weights that is packed for few rows, made at
// the first call and again after Refresh. It is used by one goroutine at a time, as are its sequences
// and the backend.
type Engine[T compute.Float] struct {
	cfg      model.Config
	model    *model.Model[T]
	be       *cpu.Backend[T] // nil where there is a device
	dev      *device[T]      // nil for the processor
	format   cpu.Format
	packed   bool // the copy holds the model's weights
	layers   []layer[T]
	sources  []source[T] // for long prompts
	embed    []T         // vocab_size x hidden_size, in place
	norm     []T
	head     *cpu.Packed[T]
	shape    attentionShape
	scale    T // of the attention scores
	rope     ropeTable[T]
	pool     pool[T]
	buf      buffers[T]
	plan     attentionPlan[T]
	todo     cpu.Products[T]
	samplers []*Sampler[T]
	ones     [][]int32 // of Step
	outputs  int       // rows of logits that the last Read left
	work     Work
	calls    uint64 // to notice a sequence that is named twice in one call
}

// Options says how an engine holds the weights.
type Options struct {
	// Weights is how matrices are stored; the zero value keeps them as they are. Norms, the router and
	// the embedding are always kept as they are, and so is everything on a device.
	Weights cpu.Format
}

// New returns an engine over the model's weights. The backend is the processor's, or the device's that the model lies on,
// which must be a compute.Decoder. It is used during calls only, so it may be the one that trains the model. A device's memory
// stays with the engine: one engine serves a model from beginning to end.
func New[T compute.Float](m *model.Model[T], be compute.Backend[T]) *Engine[T] {
	return NewWith(m, be, Options{})
}

// NewWith is New with options.
func NewWith[T compute.Float](m *model.Model[T], be compute.Backend[T], o Options) *Engine[T] {
	c := m.Config
	e := &Engine[T]{cfg: c, model: m, shape: shapeOf(c), scale: T(c.SoftmaxScale()), rope: ropeTable[T]{cfg: c}}
	e.layers, e.sources = make([]layer[T], c.NumHiddenLayers), make([]source[T], c.NumHiddenLayers)
	size := c.NumHiddenLayers * pageTokens * e.shape.width
	switch be := be.(type) {
	case *cpu.Backend[T]:
		e.be, e.format = be, o.Weights
		e.pool = pool[T]{room: func() *page[T] { return &page[T]{data: be.Room(size)} }, copy: func(dst, src []T) { copy(dst, src) }}
	case compute.Decoder[T]:
		e.dev = newDevice(e, be, be.ShortSize(size))
		e.pool = pool[T]{room: e.dev.room, copy: be.CopyPage}
	default:
		panic(fmt.Sprintf("generate: %T cannot generate", be))
	}
	return e
}

// Refresh makes the next call read the model's weights anew. It must be called after every change of
// the weights; sequences filled before are stale.
func (e *Engine[T]) Refresh() { e.packed = false }

// pack copies the weights where the copy is not that of the model.
func (e *Engine[T]) pack() {
	if e.packed {
		return
	}
	p := packer[T]{e.model, e.be, e.format}
	for l := range e.layers {
		p.layer(&e.layers[l], e.cfg, l)
		e.sources[l] = sourceOf(e.model, l)
	}
	e.embed, e.norm = p.one("model.embed_tokens.weight"), p.one("model.norm.weight")
	head := "lm_head.weight"
	if e.cfg.TieWordEmbeddings {
		head = "model.embed_tokens.weight"
	}
	p.matrix(&e.head, head)
	e.packed = true
}

// Config is the model's configuration.
func (e *Engine[T]) Config() model.Config { return e.cfg }

// BytesPerToken is the size of the cache of one token: for each layer kv_lora_rank +
// qk_rope_head_dim elements with latent attention, twice the key heads' elements with grouped-query
// attention, which a device may shorten. Memory is taken in pages of 64 tokens.
func (e *Engine[T]) BytesPerToken() int {
	var zero T
	if e.dev != nil {
		return e.dev.size * int(unsafe.Sizeof(zero)) / pageTokens
	}
	return e.cfg.NumHiddenLayers * e.shape.width * int(unsafe.Sizeof(zero))
}

// CacheBytes is the memory of all pages, in use or kept for later sequences.
func (e *Engine[T]) CacheBytes() int { return e.pool.made * pageTokens * e.BytesPerToken() }

// Work is what an engine had to do at least, counted as it went.
type Work struct {
	WeightBytes int64   // of the matrices that were used, experts without rows left out
	CacheBytes  int64   // of the cache rows that were read, each once a call
	FLOPs       float64 // of matrix products and attention over the cache
}

// TakeWork returns the work since the last TakeWork.
func (e *Engine[T]) TakeWork() Work {
	w := e.work
	e.work = Work{}
	return w
}

// Prefill is Read, and returns the logits that follow the last id of each sequence: len(seqs) x vocab_size, valid until the
// next call.
func (e *Engine[T]) Prefill(seqs []*Sequence[T], ids ...[]int32) ([]T, error) {
	if err := e.Read(seqs, ids...); err != nil {
		return nil, err
	}
	return e.Logits()
}

// Step appends ids[i] to seqs[i] and returns the logits that follow: len(seqs) x vocab_size, valid
// until the next call. On an error no sequence has changed.
func (e *Engine[T]) Step(seqs []*Sequence[T], ids []int32) ([]T, error) {
	if err := e.Advance(seqs, ids); err != nil {
		return nil, err
	}
	return e.Logits()
}

// Advance is Step that leaves the logits to Draw.
func (e *Engine[T]) Advance(seqs []*Sequence[T], ids []int32) error {
	e.ones = e.ones[:0]
	for i := range ids {
		e.ones = append(e.ones, ids[i:i+1])
	}
	return e.Read(seqs, e.ones...)
}

// Read appends ids[i] to seqs[i], all of them together in chunks, and leaves the logits that follow the last id of each to
// Draw and Logits. On an error no sequence has changed, unless a device has failed.
func (e *Engine[T]) Read(seqs []*Sequence[T], ids ...[]int32) (err error) {
	if len(seqs) != len(ids) {
		return fmt.Errorf("generate: ids of %d sequences for %d sequences", len(ids), len(seqs))
	}
	if err := e.check(seqs, ids); err != nil {
		return err
	}
	e.outputs = len(seqs)
	if e.dev != nil {
		defer compute.Guard(&err)
		return e.dev.read(seqs, ids)
	}
	e.be.Awake(func() { e.read(seqs, ids) })
	return nil
}

func (e *Engine[T]) read(seqs []*Sequence[T], ids [][]int32) {
	e.pack()
	e.buf.last = grow(e.buf.last, len(seqs)*e.cfg.HiddenSize)
	e.chunks(seqs, ids, prefillRows, e.forward)
	for i, s := range seqs {
		if e.readsAlone(s, ids[i]) {
			e.readPrompt(segment[T]{seq: s, ids: ids[i], output: i})
		}
	}
	e.buf.logits = grow(e.buf.logits, len(seqs)*e.cfg.VocabSize)
	e.linear(e.buf.logits, e.buf.last, e.head, len(seqs))
}

// chunks cuts what is not read alone into passes of at most most rows.
func (e *Engine[T]) chunks(seqs []*Sequence[T], ids [][]int32, most int, forward func([]segment[T])) {
	batch, rows := e.plan.segments[:0], 0
	for i, s := range seqs {
		if e.readsAlone(s, ids[i]) {
			continue
		}
		for rest := ids[i]; len(rest) > 0; {
			n := min(len(rest), most-rows)
			batch = append(batch, segment[T]{seq: s, ids: rest[:n], output: -1})
			rest, rows = rest[n:], rows+n
			if len(rest) == 0 {
				batch[len(batch)-1].output = i
			}
			if rows == most {
				forward(batch)
				batch, rows = batch[:0], 0
			}
		}
	}
	if rows > 0 {
		forward(batch)
	}
}

// Logits returns what the last Read left: a row of vocab_size for each of its sequences, valid until the next call.
func (e *Engine[T]) Logits() (logits []T, err error) {
	if e.dev != nil {
		defer compute.Guard(&err)
		e.dev.bring(e.outputs)
	}
	return e.buf.logits[:e.outputs*e.cfg.VocabSize], nil
}

// check says what is wrong with the arguments of Read, if anything.
func (e *Engine[T]) check(seqs []*Sequence[T], ids [][]int32) error {
	if e.cfg.QKNorm && e.cfg.MLA() {
		return fmt.Errorf("generate: a model with use_qk_norm and latent attention cannot generate: the norm needs every head's keys, and the cache holds the latents that they are made of")
	}
	e.calls++
	for i, s := range seqs {
		if s.pool != &e.pool {
			return fmt.Errorf("generate: sequence %d belongs to another engine", i)
		}
		if s.call == e.calls {
			return fmt.Errorf("generate: sequence %d is named twice in one call", i)
		}
		s.call = e.calls
		if err := checkIDs(e.cfg, ids[i]); err != nil {
			return fmt.Errorf("generate: sequence %d: %w", i, err)
		}
		if n := s.n + len(ids[i]); n > e.cfg.MaxPositionEmbeddings {
			return fmt.Errorf("generate: sequence %d would grow to %d tokens, above max_position_embeddings %d", i, n, e.cfg.MaxPositionEmbeddings)
		}
	}
	return nil
}

// checkIDs says what is wrong with the tokens of one sequence.
func checkIDs(c model.Config, ids []int32) error {
	if len(ids) == 0 {
		return fmt.Errorf("no tokens; begin an empty prompt with the beginning-of-text token")
	}
	for i, id := range ids {
		if id < 0 || int(id) >= c.VocabSize {
			return fmt.Errorf("token id %d at position %d is outside the vocabulary of %d", id, i, c.VocabSize)
		}
	}
	return nil
}
