package generate

import (
	"math"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

const (
	// tileRows is about how many query rows (tokens x heads of a group) meet a page in one product.
	tileRows = 64
	// partialElems bounds the results of pages that wait to be added up.
	partialElems = 1 << 20
)

// attentionPlan cuts the attention of a forward pass into products of some query rows with one page.
// Each page's softmax is taken by itself, and the pages of a row are added up in their order. The
// result of a row then depends on that row and its past alone, and a single long sequence still
// keeps all threads busy.
type attentionPlan[T compute.Float] struct {
	segments []segment[T]
	tiles    []tile
	tasks    []pageTask
	rows     int // of the largest tile, tokens x heads
}

// tile is a run of query rows of one segment and one group of heads.
type tile struct {
	segment, group int32
	row, tokens    int32 // first row in the pass, number of rows
	first, pages   int32 // its tasks are tasks[first : first+pages]
}

type pageTask struct{ tile, page int32 }

// build lists the tiles and tasks after the sequences have been extended.
func (p *attentionPlan[T]) build(s attentionShape, segments []segment[T]) {
	p.tiles, p.tasks, p.rows = p.tiles[:0], p.tasks[:0], 0
	tokens := max(1, tileRows/s.heads)
	row := 0
	for i, seg := range segments {
		start := seg.seq.n - len(seg.ids)
		for lo := 0; lo < len(seg.ids); lo += tokens {
			n := min(tokens, len(seg.ids)-lo)
			pages := ceil(start+lo+n, pageTokens)
			for g := range s.groups {
				p.tiles = append(p.tiles, tile{int32(i), int32(g), int32(row + lo), int32(n), int32(len(p.tasks)), int32(pages)})
				for page := range pages {
					p.tasks = append(p.tasks, pageTask{int32(len(p.tiles) - 1), int32(page)})
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
	wave := max(1, partialElems/slot)
	for lo := 0; lo < len(p.tasks); lo += wave {
		hi := min(lo+wave, len(p.tasks))
		b.partial = grow(b.partial, (hi-lo)*slot)
		e.be.For(hi-lo, func(w *cpu.Worker[T], i int) {
			e.meetPage(w, l, p.tasks[lo+i], b.partial[i*slot:(i+1)*slot])
		})
		first, last := int(p.tasks[lo].tile), int(p.tasks[hi-1].tile)
		e.be.For(last-first+1, func(w *cpu.Worker[T], i int) {
			t := p.tiles[first+i]
			for k := max(lo, int(t.first)); k < min(hi, int(t.first+t.pages)); k++ {
				e.addPage(w, t, int(p.tasks[k].page), b.partial[(k-lo)*slot:(k-lo+1)*slot])
			}
		})
	}
}

// part is the result of one tile and one page: out = exp(score - peak) v and sum = that of the
// exponentials, for each row of the tile.
type part[T compute.Float] struct{ out, peak, sum []T }

func (e *Engine[T]) part(slot []T) part[T] {
	n, v := e.plan.rows, e.shape.vdim
	return part[T]{slot[:n*v], slot[n*v:][:n], slot[n*(v+1):][:n]}
}

func (e *Engine[T]) meetPage(w *cpu.Worker[T], l int, task pageTask, slot []T) {
	s, t, r := e.shape, e.plan.tiles[task.tile], e.part(slot)
	seq := e.plan.segments[t.segment].seq
	first := int(task.page) * pageTokens
	newest := int(e.buf.at[t.row+t.tokens-1])
	cache := seq.rows(l, int(task.page), s.width)
	w.AttendPage(&cpu.Page[T]{
		Rows: int(t.tokens) * s.heads, Dim: s.dim, VDim: s.vdim, Heads: s.heads,
		Query: e.buf.query[(int(t.group)*len(e.buf.ids)+int(t.row))*s.heads*s.dim:],
		Keys:  min(pageTokens, newest+1-first), Key: cache[int(t.group)*s.dim:], Value: cache[s.value+int(t.group)*s.vdim:], Stride: s.width,
		First: int32(first), At: e.buf.at[t.row:], Out: r.out, Peak: r.peak, Sum: r.sum,
	})
}

// addPage adds a page's result to the output of the tile's rows, each relative to the largest score
// so far (Milakov and Gimelshein, arXiv 1805.02867), and divides by the sum after the last page.
func (e *Engine[T]) addPage(w *cpu.Worker[T], t tile, page int, slot []T) {
	b, s, r := &e.buf, e.shape, e.part(slot)
	heads := s.groups * s.heads
	for i := range int(t.tokens) * s.heads {
		head := (int(t.row)+i/s.heads)*heads + int(t.group)*s.heads + i%s.heads
		out, add := b.out[head*s.vdim:(head+1)*s.vdim], r.out[i*s.vdim:(i+1)*s.vdim]
		switch {
		case page == 0:
			b.peak[head], b.sum[head] = r.peak[i], r.sum[i]
			copy(out, add)
		case r.sum[i] != 0: // zero where the row's position lies before the page
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
		if page == int(t.pages)-1 {
			scale(out, 1/b.sum[head])
		}
	}
}
