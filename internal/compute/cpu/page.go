package cpu

import (
	"math"
	"unsafe"

	"muonclip/internal/compute"
)

// Pages is attention of some query rows over neighbouring keys, which lie in pages of a cache.
type Pages[T compute.Float] struct {
	Rows, Dim, VDim int
	Query           []T // rows x dim

	Cache      [][]T // pages of PageKeys rows, Stride elements apart; those behind the keys are fetched ahead of time
	PageKeys   int   // a multiple of 16
	Stride     int
	Key, Value int   // where the first row's key and value begin in a page
	Page, Keys int   // the first page, and the number of keys from there on
	First      int32 // position of the first key
	At         []int32
	Heads      int // row i is a query of position At[i/Heads] and sees the keys up to that position

	// Out gets sum exp(score-peak) v, rows x vdim; Peak and Sum the largest score and the sum of the
	// exponentials. Sum is zero where a row sees none of the keys. They have room for a multiple of 8 rows.
	Out, Peak, Sum []T
}

const (
	lanes    = 8  // queries that are worked on side by side
	keyBlock = 16 // keys that one call of a kernel scores
	keyAhead = 3  // blocks that are on their way while one is scored
)

// AttendPages computes a.Out, a.Peak and a.Sum. A row's results have the same bits whatever rows are
// beside it and however many keys there are behind those that it sees.
func (w *Worker[T]) AttendPages(a *Pages[T]) {
	kern := panelsFor[T](w.kern.name)
	keys := ceil(a.Keys, keyBlock) * keyBlock
	w.scratch = grow(w.scratch, lanes*(a.Dim+keys))
	query, scores := w.scratch[:lanes*a.Dim], w.scratch[lanes*a.Dim:lanes*(a.Dim+keys)]
	unseen := T(math.Inf(-1))
	for r := 0; r < a.Rows; r += lanes {
		rows := min(lanes, a.Rows-r)
		if rows < lanes {
			clear(query)
		}
		w.kern.transpose(query, lanes, a.Query[r*a.Dim:], a.Dim, rows, a.Dim)
		kern.pair(a.Dim, &query[0])
		for j := 0; j < keys; j += keyBlock {
			kern.score(a.Dim, a.key(j), a.Stride, &query[0], &scores[j*lanes], a.key(j+keyAhead*keyBlock))
		}
		for i := range lanes {
			seen := a.Keys
			if row := r + i; row < a.Rows {
				seen = min(seen, max(0, int(a.At[row/a.Heads]+1-a.First)))
			}
			for j := seen; j < keys; j++ {
				scores[j*lanes+i] = unseen
			}
		}
		kern.softmax(keys, &scores[0], &a.Peak[r], &a.Sum[r])
		for j := 0; j < a.Keys; j += a.PageKeys {
			w.weigh(kern, a, r, rows, j, scores[j*lanes:])
		}
	}
}

// key is the first of the 16 keys from key j on, or the last block that there is.
func (a *Pages[T]) key(j int) *T {
	page, row := a.Page+j/a.PageKeys, j%a.PageKeys
	if page >= len(a.Cache) {
		page, row = len(a.Cache)-1, a.PageKeys-keyBlock
	}
	_ = a.Cache[page][(row+keyBlock-1)*a.Stride+a.Key+a.Dim-1]
	return &a.Cache[page][row*a.Stride+a.Key]
}

// distance is how many bytes behind a page that one lies which is needed when all pages of as many keys are done, 0 where there is none.
func (a *Pages[T]) distance(page int) int {
	later := page + ceil(a.Keys, a.PageKeys)
	if later >= len(a.Cache) {
		return 0
	}
	return int(uintptr(unsafe.Pointer(&a.Cache[later][0])) - uintptr(unsafe.Pointer(&a.Cache[page][0])))
}

// weigh adds up the values of the page of key j, the rows' scores being the columns of p.
func (w *Worker[T]) weigh(kern *panelKernels[T], a *Pages[T], r, rows, j int, p []T) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	width, depth := kern.width, min(a.PageKeys, a.Keys-j)
	values := a.Cache[a.Page+j/a.PageKeys][a.Value:]
	m := panelProduct[T]{w: w, kern: kern, depth: depth, xr: 1, xk: lanes, wk: a.Stride * size, step: width * size, yr: a.VDim, rows: rows, lanes: true}
	whole := a.VDim / width * width
	if whole > 0 {
		_ = values[(depth-1)*a.Stride+whole-1]
	}
	if kern.values != nil && rows == lanes && whole == a.VDim {
		far := a.distance(a.Page + j/a.PageKeys)
		_ = a.Out[(r+lanes)*a.VDim-1]
		for c := 0; c < whole; c += width {
			kern.values(depth, &p[0], 1, lanes, unsafe.Pointer(&values[c]), m.wk, 0, &a.Out[r*a.VDim+c], a.VDim, nil, j > 0, far)
		}
		return
	}
	for c := 0; c < whole; c += panelGroup * width {
		n := min(panelGroup, (whole-c)/width)
		m.weights = unsafe.Pointer(&values[c])
		m.run(a.Out[r*a.VDim+c:], p, n*width, n, j > 0)
	}
	if rest := a.VDim - whole; rest > 0 { // a panel that ends in zeros
		w.packB = grow(w.packB, depth*width)
		panel := w.packB[:depth*width]
		clear(panel)
		for k := range depth {
			copy(panel[k*width:], values[k*a.Stride+whole:][:rest])
		}
		m.weights, m.wk = unsafe.Pointer(&panel[0]), width*size
		m.run(a.Out[r*a.VDim+whole:], p, rest, 1, j > 0)
	}
}

// AddScaled computes y += by x.
func (w *Worker[T]) AddScaled(y, x []T, by T) { w.kern.axpy(by, x, y) }
