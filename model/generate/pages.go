package generate

import (
	"math"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

const (
	// tileRows is about how many query rows (tokens x heads of a group) meet a page in one product.
	tileRows = 64
	// spanPages is how many pages a query row meets at a time. It decides where the softmax's sums are cut.
	spanPages = 4
	// partialElems is about how many elements of results of spans wait to be added up.
	partialElems = 1 << 16
	// tilesPerThread is how many tiles a thread needs to have at least, so that whole tiles keep all threads busy.
	tilesPerThread = 4
)

// attentionPlan cuts the attention of a forward pass into products of some query rows with one span of pages. Each
// span's softmax is taken by itself, and the spans of a row are added up in their order. The result of a row then
// depends on that row and its past alone, and a single long sequence still keeps all threads busy.
type attentionPlan[T compute.Float] struct {
	segments []segment[T]
	tiles    []tile
	tasks    []spanTask
	pages    [][]T // of all segments
	rows     int   // of the largest tile, tokens x heads
}

// tile is a run of query rows of one segment and one group of heads.
type tile struct {
	group       int32
	row, tokens int32 // first row in the pass, number of rows
	page        int32 // its pages are attentionPlan.pages[page:]
	keys        int32
	first       int32 // its tasks are tasks[first : first+spans]
	spans       int32
}

type spanTask struct{ tile, span int32 }

// build lists the tiles and tasks after the sequences have been extended.
func (p *attentionPlan[T]) build(s attentionShape, segments []segment[T]) {
	p.tiles, p.tasks, p.rows = p.tiles[:0], p.tasks[:0], 0
	clear(p.pages)
	p.pages = p.pages[:0]
	tokens := max(1, tileRows/s.heads)
	row := 0
	for _, seg := range segments {
		start, page := seg.seq.n-len(seg.ids), len(p.pages)
		for _, pg := range seg.seq.pages {
			p.pages = append(p.pages, pg.data)
		}
		for lo := 0; lo < len(seg.ids); lo += tokens {
			n := min(tokens, len(seg.ids)-lo)
			keys := start + lo + n
			spans := ceil(keys, spanPages*pageTokens)
			for g := range s.groups {
				p.tiles = append(p.tiles, tile{
					group: int32(g), row: int32(row + lo), tokens: int32(n), page: int32(page),
					keys: int32(keys), first: int32(len(p.tasks)), spans: int32(spans),
				})
				for span := range spans {
					p.tasks = append(p.tasks, spanTask{int32(len(p.tiles) - 1), int32(span)})
				}
			}
			p.rows = max(p.rows, ceil(n*s.heads, 8)*8)
		}
		row += len(seg.ids)
	}
}

// attend computes softmax(q kᵀ) v of every row over the pages of its sequence into buffers.out.
func (e *Engine[T]) attend(l int) {
	b, s, p := &e.buf, e.shape, &e.plan
	heads := s.groups * s.heads
	b.peak, b.sum = grow(b.peak, len(b.ids)*heads), grow(b.sum, len(b.ids)*heads)
	slot := p.rows * (s.vdim + 2)
	if n := len(p.tiles); n >= tilesPerThread*e.be.Threads() {
		parts := ceil(n, ceil(n, tilesPerThread*e.be.Threads())) // neighbours together, whose pages follow each other
		b.partial = grow(b.partial, parts*slot)
		e.be.For(parts, func(w *cpu.Worker[T], i int) {
			part := b.partial[i*slot : (i+1)*slot]
			for _, t := range p.tiles[n*i/parts : n*(i+1)/parts] {
				for span := range int(t.spans) {
					e.meetSpan(w, l, t, span, part)
					e.addSpan(w, t, span, part)
				}
			}
		})
		return
	}
	wave := max(tilesPerThread*e.be.Threads(), partialElems/slot)
	for lo := 0; lo < len(p.tasks); lo += wave {
		hi := min(lo+wave, len(p.tasks))
		b.partial = grow(b.partial, (hi-lo)*slot)
		e.be.For(hi-lo, func(w *cpu.Worker[T], i int) {
			task := p.tasks[lo+i]
			e.meetSpan(w, l, p.tiles[task.tile], int(task.span), b.partial[i*slot:(i+1)*slot])
		})
		first, last := int(p.tasks[lo].tile), int(p.tasks[hi-1].tile)
		e.be.For(last-first+1, func(w *cpu.Worker[T], i int) {
			t := p.tiles[first+i]
			for k := max(lo, int(t.first)); k < min(hi, int(t.first+t.spans)); k++ {
				e.addSpan(w, t, int(p.tasks[k].span), b.partial[(k-lo)*slot:(k-lo+1)*slot])
			}
		})
	}
}

// part is the result of one tile and one span: out = exp(score - peak) v and sum = that of the
// exponentials, for each row of the tile.
type part[T compute.Float] struct{ out, peak, sum []T }

func (e *Engine[T]) part(slot []T) part[T] {
	n, v := e.plan.rows, e.shape.vdim
	return part[T]{slot[:n*v], slot[n*v:][:n], slot[n*(v+1):][:n]}
}

func (e *Engine[T]) meetSpan(w *cpu.Worker[T], l int, t tile, span int, slot []T) {
	s, r, base := e.shape, e.part(slot), l*pageTokens*e.shape.width
	first := span * spanPages * pageTokens
	w.AttendPages(&cpu.Pages[T]{
		Rows: int(t.tokens) * s.heads, Dim: s.dim, VDim: s.vdim, Heads: s.heads,
		Query: e.buf.query[(int(t.group)*len(e.buf.ids)+int(t.row))*s.heads*s.dim:],
		Cache: e.plan.pages[t.page:], PageKeys: pageTokens, Stride: s.width,
		Key: base + int(t.group)*s.dim, Value: base + s.value + int(t.group)*s.vdim,
		Page: span * spanPages, Keys: min(spanPages*pageTokens, int(t.keys)-first), First: int32(first), At: e.buf.at[t.row:],
		Out: r.out, Peak: r.peak, Sum: r.sum,
	})
}

// addSpan adds a span's result to the output of the tile's rows, each relative to the largest score
// so far (Milakov and Gimelshein, arXiv 1805.02867), and divides by the sum after the last span.
func (e *Engine[T]) addSpan(w *cpu.Worker[T], t tile, span int, slot []T) {
	b, s, r := &e.buf, e.shape, e.part(slot)
	heads := s.groups * s.heads
	for i := range int(t.tokens) * s.heads {
		head := (int(t.row)+i/s.heads)*heads + int(t.group)*s.heads + i%s.heads
		out, add := b.out[head*s.vdim:(head+1)*s.vdim], r.out[i*s.vdim:(i+1)*s.vdim]
		switch {
		case span == 0:
			b.peak[head], b.sum[head] = r.peak[i], r.sum[i]
			copy(out, add)
		case r.sum[i] != 0: // zero where the row's position lies before the span
			if d := float64(r.peak[i] - b.peak[head]); d > 0 {
				old := T(math.Exp(-d))
				b.peak[head], b.sum[head] = r.peak[i], old*b.sum[head]+r.sum[i]
				scale(out, old)
				w.AddScaled(out, add, 1)
			} else {
				fresh := T(math.Exp(d))
				b.sum[head] += fresh * r.sum[i]
				w.AddScaled(out, add, fresh)
			}
		}
		if span == int(t.spans)-1 {
			scale(out, 1/b.sum[head])
		}
	}
}
