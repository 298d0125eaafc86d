package generate

import "muonclip/internal/compute"

// pageTokens is how many positions a page holds.
const pageTokens = 64

// page holds the cache rows of pageTokens positions, layer after layer. It is read-only while more
// than one sequence refers to it.
type page[T compute.Float] struct {
	data []T      // layers x pageTokens x width
	name [2]int32 // what a device calls it
	refs int
}

// pool makes pages and keeps those that no sequence uses any more.
type pool[T compute.Float] struct {
	room func() *page[T]
	copy func(dst, src []T)
	made int
	free []*page[T]
}

func (p *pool[T]) take() *page[T] {
	if n := len(p.free); n > 0 {
		pg := p.free[n-1]
		p.free = p.free[:n-1]
		pg.refs = 1
		return pg
	}
	p.made++
	pg := p.room()
	pg.refs = 1
	return pg
}

func (p *pool[T]) drop(pg *page[T]) {
	if pg.refs--; pg.refs == 0 {
		p.free = append(p.free, pg)
	}
}

// Sequence is the cache of the tokens that the model has read so far. A row of the cache is, with
// latent attention, the normalised latent and the rotated key that all heads share; with
// grouped-query attention the rotated keys and the values of all key heads.
type Sequence[T compute.Float] struct {
	pool  *pool[T]
	pages []*page[T]
	n     int
	call  uint64
}

// NewSequence returns an empty sequence.
func (e *Engine[T]) NewSequence() *Sequence[T] { return &Sequence[T]{pool: &e.pool} }

// Len is the number of tokens read.
func (s *Sequence[T]) Len() int { return s.n }

// Fork returns a sequence with the same past. The two share their pages; a page that is not full is
// copied when one of them goes on.
func (s *Sequence[T]) Fork() *Sequence[T] {
	f := &Sequence[T]{pool: s.pool, n: s.n, pages: make([]*page[T], len(s.pages), len(s.pages)+1)}
	for i, pg := range s.pages {
		pg.refs++
		f.pages[i] = pg
	}
	return f
}

// Truncate forgets all tokens after the first n.
func (s *Sequence[T]) Truncate(n int) {
	if n < 0 || n > s.n {
		panic("generate: Truncate beyond the sequence")
	}
	keep := (n + pageTokens - 1) / pageTokens
	for _, pg := range s.pages[keep:] {
		s.pool.drop(pg)
	}
	clear(s.pages[keep:])
	s.pages, s.n = s.pages[:keep], n
}

// Release empties the sequence and gives its pages back to the engine.
func (s *Sequence[T]) Release() { s.Truncate(0) }

// extend makes room for n more tokens and counts them.
func (s *Sequence[T]) extend(n int) {
	if s.shared() {
		last := len(s.pages) - 1
		own := s.pool.take()
		s.pool.copy(own.data, s.pages[last].data)
		s.pool.drop(s.pages[last])
		s.pages[last] = own
	}
	s.n += n
	for len(s.pages)*pageTokens < s.n {
		s.pages = append(s.pages, s.pool.take())
	}
}

// shared reports whether the sequence goes on in a page that others refer to.
func (s *Sequence[T]) shared() bool { return s.n%pageTokens > 0 && s.pages[len(s.pages)-1].refs > 1 }

// rows returns layer l's rows in page number i, width elements each.
func (s *Sequence[T]) rows(l, i, width int) []T {
	size := pageTokens * width
	return s.pages[i].data[l*size : (l+1)*size]
}

// row returns layer l's row of position t.
func (s *Sequence[T]) row(l, t, width int) []T {
	return s.rows(l, t/pageTokens, width)[t%pageTokens*width:][:width]
}
