package cpu

import (
	"unsafe"

	"muonclip/internal/compute"
)

// panelGroup is how many panels the kernel for one row takes.
const panelGroup = 4

// productRows is how many rows a task takes.
const productRows = 64

// Products is a list of products Y = X Wᵀ of which none needs the result of another. Run works on all
// of them together, so that small ones keep all threads busy. The zero value is an empty list.
type Products[T compute.Float] struct {
	list  []packedProduct[T]
	parts []productPart
}

type packedProduct[T compute.Float] struct {
	y, x     []T
	ldy, ldx int
	rows     int
	w        *Packed[T]
}

// productPart is a part of a product that one worker computes.
type productPart struct{ product, row, rows, panel, panels int }

// Add appends a product of rows rows, which lie ldx elements apart in x and ldy elements in y.
func (l *Products[T]) Add(y []T, ldy int, x []T, ldx, rows int, w *Packed[T]) {
	if rows == 0 {
		return
	}
	_, _ = x[(rows-1)*ldx+w.in-1], y[(rows-1)*ldy+w.out-1]
	l.list = append(l.list, packedProduct[T]{y, x, ldy, ldx, rows, w})
}

// Run computes the products on all threads and empties the list. Every output is added up in the same
// order for every number of rows and threads.
func (l *Products[T]) Run(b *Backend[T]) {
	total := 0
	for _, p := range l.list {
		total += ceil(p.rows, productRows) * p.w.panels()
	}
	step := min(panelGroup, max(1, total/(3*len(b.workers)))) // a few tasks for each thread
	l.parts = l.parts[:0]
	for i, p := range l.list {
		for c := 0; c < p.w.panels(); c += step {
			for r := 0; r < p.rows; r += productRows {
				l.parts = append(l.parts, productPart{i, r, min(productRows, p.rows-r), c, min(step, p.w.panels()-c)})
			}
		}
	}
	b.For(len(l.parts), func(w *Worker[T], i int) {
		t := l.parts[i]
		p := &l.list[t.product]
		w.multiplyPanels(p.y[t.row*p.ldy:], p.ldy, p.x[t.row*p.ldx:], p.ldx, t.rows, p.w, t.panel, t.panel+t.panels)
	})
	clear(l.list)
	l.list = l.list[:0]
}

// multiplyPanels computes the outputs of panels [lo, hi).
func (w *Worker[T]) multiplyPanels(y []T, ldy int, x []T, ldx, rows int, p *Packed[T], lo, hi int) {
	width, size := p.kern.width, p.bytes()
	m := panelProduct[T]{w: w, kern: p.kern, format: p.format, xr: ldx, xk: 1, wk: size, step: size * p.in, yr: ldy, rows: rows}
	group := 1 // one panel after the other, as they lie
	if rows == 1 {
		group = panelGroup
	}
	for i := lo; i < hi; i += group {
		n := min(group, hi-i)
		columns := min(n*width, p.out-i*width)
		for k0 := 0; k0 < p.in; k0 += panelDepth {
			m.depth = min(panelDepth, p.in-k0)
			m.weights = unsafe.Add(p.base(), i*m.step+k0*size)
			if p.format == Int8 {
				m.scale = p.scale[(k0/panelDepth*p.panels()+i)*width:]
			}
			m.run(y[i*width:], x[k0:], columns, n, k0 > 0)
		}
	}
}

func (p *Packed[T]) base() unsafe.Pointer {
	switch p.format {
	case BFloat16:
		return unsafe.Pointer(&p.half[0])
	case Int8:
		return unsafe.Pointer(&p.small[0])
	}
	return unsafe.Pointer(&p.full[0])
}

// panelProduct multiplies rows of x by up to four neighbouring panels of one depth.
type panelProduct[T compute.Float] struct {
	w        *Worker[T]
	kern     *panelKernels[T]
	format   Format
	depth    int
	xr, xk   int // elements between rows of x and within one
	weights  unsafe.Pointer
	wk, step int // bytes between rows of weights and between panels
	yr, rows int
	scale    []T  // nil for none
	lanes    bool // x has room for eight rows, whatever rows is
}

// run computes columns of y, which lie in the first n panels. Rows that are left over go through a kernel for four or
// eight like the others, together with some that are done: the weights, which decide the time, are read once for all
// of them.
func (m *panelProduct[T]) run(y, x []T, columns, n int, accumulate bool) {
	k, width := &m.kern.format[m.format], m.kern.width
	m.w.tile = grow(m.w.tile, 8*(panelGroup*width+panelDepth))
	if m.rows == 1 {
		if n == panelGroup {
			m.tile(k.row1, y, x, 0, 1, 0, columns, accumulate)
			return
		}
		for p := range n {
			m.alone(y, x, 0, p, min(width, columns-p*width), accumulate)
		}
		return
	}
	unit, kernel := 8, k.rows8
	if kernel == nil || m.rows <= 4 {
		unit, kernel = 4, k.rows4
	}
	whole := m.rows / unit * unit
	rest := m.rows - whole
	if rest > 0 && m.rows < unit && !m.lanes {
		m.gather(x)
	}
	for p := range n {
		columns := min(width, columns-p*width)
		for r := 0; r < whole; r += unit {
			m.tile(kernel, y, x, r, unit, p, columns, accumulate)
		}
		switch {
		case rest == 0:
		case m.rows > unit && rest <= 4:
			m.some(k.rows4, 4, y, x[(m.rows-4)*m.xr:], m.xr, m.xk, m.rows-4, 4-rest, p, columns, accumulate)
		case m.rows > unit:
			m.some(kernel, unit, y, x[(m.rows-unit)*m.xr:], m.xr, m.xk, m.rows-unit, unit-rest, p, columns, accumulate)
		case m.lanes:
			m.some(kernel, unit, y, x, m.xr, m.xk, 0, 0, p, columns, accumulate)
		default:
			m.some(kernel, unit, y, m.w.tile[8*panelGroup*width:], m.depth, 1, 0, 0, p, columns, accumulate)
		}
	}
}

// gather copies the rows of x to where a kernel may read more rows than there are.
func (m *panelProduct[T]) gather(x []T) {
	dst := m.w.tile[8*panelGroup*m.kern.width:]
	for r := range m.rows {
		copy(dst[r*m.depth:(r+1)*m.depth], x[r*m.xr:])
	}
}

// some runs a kernel for count rows of x, the first of which belongs to row first of y, and keeps those from skip on that
// y has.
func (m *panelProduct[T]) some(kernel rowsKernel[T], count int, y, x []T, xr, xk, first, skip, p, columns int, accumulate bool) {
	width := m.kern.width
	kernel(m.depth, &x[0], xr, xk, unsafe.Add(m.weights, p*m.step), m.wk, m.step, &m.w.tile[0], width, m.scaleAt(p), false)
	for i := skip; i < min(count, m.rows-first); i++ {
		m.put(y[(first+i)*m.yr+p*width:][:columns], m.w.tile[i*width:], accumulate)
	}
}

// tile runs a kernel for rows [r, r+rows) from panel p on. Where the panels stick out of y, the
// kernel writes to a scratch tile.
func (m *panelProduct[T]) tile(kernel rowsKernel[T], y, x []T, r, rows, p, columns int, accumulate bool) {
	width := m.kern.width
	full := width
	if rows == 1 {
		full = panelGroup * width
	}
	weights, scale := unsafe.Add(m.weights, p*m.step), m.scaleAt(p)
	if columns == full {
		kernel(m.depth, &x[r*m.xr], m.xr, m.xk, weights, m.wk, m.step, &y[r*m.yr+p*width], m.yr, scale, accumulate)
		return
	}
	kernel(m.depth, &x[r*m.xr], m.xr, m.xk, weights, m.wk, m.step, &m.w.tile[0], full, scale, false)
	for i := range rows {
		m.put(y[(r+i)*m.yr+p*width:][:columns], m.w.tile[i*full:], accumulate)
	}
}

// alone computes one row of one panel by the kernel for four, which all read the same row.
func (m *panelProduct[T]) alone(y, x []T, r, p, columns int, accumulate bool) {
	m.kern.format[m.format].rows4(m.depth, &x[r*m.xr], 0, m.xk, unsafe.Add(m.weights, p*m.step), m.wk, m.step, &m.w.tile[0], 0, m.scaleAt(p), false)
	m.put(y[r*m.yr+p*m.kern.width:][:columns], m.w.tile, accumulate)
}

func (m *panelProduct[T]) put(dst, src []T, accumulate bool) {
	if accumulate {
		m.w.kern.axpy(1, src[:len(dst)], dst)
		return
	}
	copy(dst, src)
}

func (m *panelProduct[T]) scaleAt(p int) *T {
	if m.scale == nil {
		return nil
	}
	return &m.scale[p*m.kern.width]
}
