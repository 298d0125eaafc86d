package generate

import (
	"fmt"
	"math"
	"slices"

	"muonclip/internal/compute"
)

// device runs an engine's passes where the model lies. All layers of a pass are asked for without a wait; what changes from
// one pass to the next, tokens, positions and the pages of each sequence, is uploaded before it, so that passes of one
// size are the same series of operations on the same memory, which the device may have recorded.
type device[T compute.Float] struct {
	*Engine[T]
	be       compute.Decoder[T]
	size     int // elements of a page
	left     []T // pages of the newest piece of memory that were not given out yet
	ready    bool
	head     []T
	cos, sin []T
	call     *compute.Tape[T] // memory of a Read until the next one
	pass     *compute.Tape[T] // of a pass
	drawn    *compute.Tape[T] // of a Draw
	last     []T              // normalised states that logits are made of
	logits   []T
	place    []int   // row of logits of each sequence of a Read
	words    []int32 // what is uploaded
}

func newDevice[T compute.Float](e *Engine[T], be compute.Decoder[T], size int) *device[T] {
	return &device[T]{Engine: e, be: be, size: size, call: compute.NewTape[T](be), drawn: compute.NewTape[T](be), pass: compute.NewTape[T](be)}
}

const (
	// deviceRows is how many prompt tokens one pass takes, apart from long prompts.
	deviceRows = 1024
	// deviceLong is longPrompt of a device, where a row's attention over pages costs less.
	deviceLong = 512
	// piecePages is the fewest pages that are taken at a time.
	piecePages = 16
)

// room gives out a page; reserve has seen to it that there is one.
func (d *device[T]) room() *page[T] {
	data := d.left[:d.size:d.size]
	d.left = d.left[d.size:]
	return &page[T]{data: data, name: d.be.PageName(data)}
}

// reserve takes memory for the pages that sequences need for more tokens. On an error nothing has changed.
func (d *device[T]) reserve(seqs []*Sequence[T], ids [][]int32) error {
	need := 0
	for i, s := range seqs {
		need += ceil(s.n+len(ids[i]), pageTokens) - len(s.pages)
		if s.shared() {
			need++
		}
	}
	need -= len(d.pool.free) + len(d.left)/d.size
	if need <= 0 {
		return nil
	}
	room := d.be.Room() / d.size
	if need > room {
		return fmt.Errorf("generate: the device has no memory for the keys and values of %d more tokens: its cache holds %d tokens, and there is room for %d; let fewer sequences advance together, or make them shorter",
			need*pageTokens, d.pool.made*pageTokens, room*pageTokens)
	}
	// Pages of the piece before that were not given out yet wait with those that were given back.
	for len(d.left) > 0 {
		d.pool.made++
		d.pool.free = append(d.pool.free, d.room())
	}
	d.left = d.be.Alloc(max(need, min(max(piecePages, d.pool.made/2), room/8)) * d.size) // others need memory too
	return nil
}

// prepare finds the weights and makes the table of rotations, once.
func (d *device[T]) prepare() {
	if d.ready {
		return
	}
	for l := range d.sources {
		d.sources[l] = sourceOf(d.model, l)
	}
	head := "lm_head.weight"
	if d.cfg.TieWordEmbeddings {
		head = "model.embed_tokens.weight"
	}
	d.embed, d.norm, d.head = d.model.Operand("model.embed_tokens.weight", 0), d.model.Operand("model.norm.weight", 0), d.model.Operand(head, 0)
	d.rope.reach(d.cfg.MaxPositionEmbeddings)
	d.cos, d.sin = d.be.Alloc(len(d.rope.cos)), d.be.Alloc(len(d.rope.sin))
	d.be.Upload(d.cos, d.rope.cos)
	d.be.Upload(d.sin, d.rope.sin)
	d.rope = ropeTable[T]{cfg: d.cfg}
	d.ready = true
}

// read appends ids to sequences and leaves their logits.
func (d *device[T]) read(seqs []*Sequence[T], ids [][]int32) error {
	if err := d.reserve(seqs, ids); err != nil {
		return err
	}
	d.be.Awake(func() {
		d.prepare()
		d.place = d.place[:0]
		if slices.ContainsFunc(ids, func(x []int32) bool { return len(x) > 1 }) {
			d.prefill(seqs, ids)
		} else {
			d.step(seqs, ids)
		}
	})
	return nil
}

// step reads one token of each sequence. Their number is rounded up to a power of two.
func (d *device[T]) step(seqs []*Sequence[T], ids [][]int32) {
	rows := upTo(len(seqs))
	d.take(rows)
	batch := d.plan.segments[:0]
	for i, s := range seqs {
		batch, d.place = append(batch, segment[T]{seq: s, ids: ids[i], output: i}), append(d.place, i)
	}
	p := d.layout(batch, rows, false)
	key := stepKey[T]{d, rows, p.span}
	d.be.Repeat(key, func() {
		d.run(p)
		d.linear(d.logits, d.buf.h, d.head, rows, d.cfg.VocabSize, d.cfg.HiddenSize)
	})
}

// stepKey says which passes are the same operations on the same memory.
type stepKey[T compute.Float] struct {
	d          *device[T]
	rows, span int
}

// prefill reads tokens of sequences, long prompts each by itself.
func (d *device[T]) prefill(seqs []*Sequence[T], ids [][]int32) {
	d.take(upTo(len(seqs)))
	d.place = slices.Grow(d.place, len(seqs))[:len(seqs)]
	done := 0 // rows of last that are filled
	run := func(batch []segment[T], long bool) {
		p := d.layout(batch, 0, long)
		d.run(p)
		if n := len(p.ends); n > 0 {
			d.be.Gather(d.last[done*d.cfg.HiddenSize:(done+n)*d.cfg.HiddenSize], d.buf.h, p.ends, d.cfg.HiddenSize)
			for _, s := range batch {
				if s.output >= 0 {
					d.place[s.output] = done
					done++
				}
			}
		}
	}
	d.chunks(seqs, ids, deviceRows, func(batch []segment[T]) { run(batch, false) })
	for i, s := range seqs {
		if d.readsAlone(s, ids[i]) {
			run(append(d.plan.segments[:0], segment[T]{seq: s, ids: ids[i], output: i}), true)
		}
	}
	d.linear(d.logits, d.last, d.head, len(seqs), d.cfg.VocabSize, d.cfg.HiddenSize)
}

// take takes memory for the states and logits of n sequences.
func (d *device[T]) take(n int) {
	d.call.Reset()
	d.last, d.logits = d.call.Buffer(n*d.cfg.HiddenSize), d.call.Buffer(n*d.cfg.VocabSize)
}

// bring copies the logits of n sequences to the host, in their order.
func (d *device[T]) bring(n int) {
	vocab := d.cfg.VocabSize
	d.buf.logits = grow(d.buf.logits, n*vocab)
	there := d.be.Host(d.logits)
	for i, at := range d.place[:n] {
		copy(d.buf.logits[i*vocab:(i+1)*vocab], there[at*vocab:])
	}
}

// draw draws where the logits lie. Where they are not finite, the host says what is wrong.
func (d *device[T]) draw(o SampleOptions, draws []Draw) {
	n := len(draws)
	if n == 0 {
		return
	}
	d.drawn.Reset()
	words := d.drawn.Ints(6 * n)
	a := compute.DrawArgs[T]{
		Logits: d.logits, Vocab: d.cfg.VocabSize, Temperature: T(o.Temperature), U: words[:2*n], Rows: words[2*n : 3*n], Drawn: words[3*n:],
	}
	d.words = d.words[:0]
	for i := range draws {
		u := math.Float64bits(draws[i].U)
		d.words = append(d.words, int32(uint32(u)), int32(uint32(u>>32))) //nolint:gosec // the words of a number
	}
	for i := range draws {
		d.words = append(d.words, int32(d.place[draws[i].Row]))
	}
	d.be.UploadInts(words[:3*n], d.words)
	d.be.Draw(&a)
	bits := func(w int32) float64 { return float64(math.Float32frombits(uint32(w))) } //nolint:gosec // the words of a number
	drawn, lost := d.be.HostInts(a.Drawn), false
	for i := range draws {
		draws[i].Choice, draws[i].Err = Choice{ID: drawn[3*i], LogProb: bits(drawn[3*i+1]), SampledLogProb: bits(drawn[3*i+2])}, nil
		lost = lost || drawn[3*i] < 0
	}
	if !lost {
		return
	}
	d.bring(d.outputs)
	for i := range draws {
		if draws[i].Choice.ID < 0 {
			d.sample(o, d.buf.logits, draws[i:i+1])
		}
	}
}

// upTo is the smallest power of two from n on.
func upTo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}
