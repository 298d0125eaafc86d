package cpu

import (
	"math"
	"unsafe"

	"muonclip/internal/compute"
)

// Page is attention of some query rows over some neighbouring keys.
type Page[T compute.Float] struct {
	Rows, Dim, VDim int
	Query           []T   // rows x dim
	Keys            int   // number of keys; keys and values of up to the next multiple of 8 must exist
	Key, Value      []T   // views whose rows lie Stride elements apart
	Stride          int   // of Key and Value
	First           int32 // position of the first key
	At              []int32
	Heads           int // row i is a query of position At[i/Heads] and sees the keys up to that position

	// Out gets sum exp(score-peak) v, rows x vdim; Peak and Sum the largest score and the sum of the
	// exponentials. Sum is zero where a row sees none of the keys. They have room for a multiple of 8 rows.
	Out, Peak, Sum []T
}

// lanes is how many queries are worked on side by side.
const lanes = 8

// fetchKeys is how many keys are fetched while the queries are brought into order; lanes8 fetches the rest.
const fetchKeys = 2 * lanes

// AttendPage computes a.Out, a.Peak and a.Sum. A row's results have the same bits whatever rows are
// beside it and however many keys there are behind those that it sees.
func (w *Worker[T]) AttendPage(a *Page[T]) {
	kern := panelsFor[T](w.kern.name)
	keys := ceil(a.Keys, lanes) * lanes
	w.scratch = grow(w.scratch, lanes*(a.Dim+keys))
	query, scores := w.scratch[:lanes*a.Dim], w.scratch[lanes*a.Dim:lanes*(a.Dim+keys)]
	unseen := T(math.Inf(-1))
	_ = a.Key[(keys-1)*a.Stride+a.Dim-1]
	kern.fetch(&a.Key[0], ceil(min(keys, fetchKeys)*a.Stride*int(unsafe.Sizeof(unseen)), 64))
	for r := 0; r < a.Rows; r += lanes {
		rows := min(lanes, a.Rows-r)
		if rows < lanes {
			clear(query)
		}
		w.kern.transpose(query, lanes, a.Query[r*a.Dim:], a.Dim, rows, a.Dim)
		for j := 0; j < keys; j += lanes {
			kern.lanes8(a.Dim, &a.Key[j*a.Stride], a.Stride, &query[0], &scores[j*lanes])
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
		kern.laneMax8(keys, &scores[0], &a.Peak[r])
		w.kern.expSum(scores, scores, 0)
		kern.laneSum8(keys, &scores[0], &a.Sum[r])
		w.weigh(kern, a, r, rows, scores)
	}
}

// weigh adds up the values, the rows' scores being the columns of p.
func (w *Worker[T]) weigh(kern *panelKernels[T], a *Page[T], r, rows int, p []T) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	width := kern.width
	m := panelProduct[T]{
		w: w, kern: kern, depth: a.Keys, xr: 1, xk: lanes, weights: unsafe.Pointer(&a.Value[0]), wk: a.Stride * size, step: width * size,
		yr: a.VDim, rows: rows,
	}
	whole := a.VDim / width * width
	if whole > 0 {
		_ = a.Value[(a.Keys-1)*a.Stride+whole-1]
	}
	for c := 0; c < whole; c += panelGroup * width {
		n := min(panelGroup, (whole-c)/width)
		m.weights = unsafe.Pointer(&a.Value[c])
		m.run(a.Out[r*a.VDim+c:], p, n*width, n, false)
	}
	if rest := a.VDim - whole; rest > 0 { // a panel that ends in zeros
		w.packB = grow(w.packB, a.Keys*width)
		panel := w.packB[:a.Keys*width]
		clear(panel)
		for k := range a.Keys {
			copy(panel[k*width:], a.Value[k*a.Stride+whole:][:rest])
		}
		m.weights, m.wk = unsafe.Pointer(&panel[0]), width*size
		m.run(a.Out[r*a.VDim+whole:], p, rest, 1, false)
	}
}

// AddScaled computes y += by x.
func (w *Worker[T]) AddScaled(y, x []T, by T) { w.kern.axpy(by, x, y) }
