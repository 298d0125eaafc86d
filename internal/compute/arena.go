package compute

import (
	"fmt"
	"slices"
	"unsafe"
)

// arena hands out parts of a few pieces of device memory. A part lies in the first gap, by piece and by place,
// that is long enough, and gaps that meet become one. A tape asks for the same sizes in the same order in every step,
// and each step begins with all memory free, so later steps find the same gaps as the first one and need no new piece.
type arena[E any] struct {
	alloc  func(n int) []E
	pieces [][]E // in the order in which they were made
	gaps   []gap // by piece and place; no two of them meet
	held   int   // elements of all pieces
}

// gap is free memory.
type gap struct{ piece, at, n int }

const (
	// grain is what lengths are rounded up to: parts begin at multiples of 64 bytes for elements of 4 bytes.
	grain = 16
	// leastPiece is so long that Go's allocator begins a piece with a page.
	leastPiece = 1 << 14
	// growth says how long a new piece is: a quarter of what there is, or as long as the part that it is made for.
	// Longer pieces leave more at the end that is never touched, shorter ones more gaps too short to use: of a step of
	// the preset mini, quarters held 1.06 times the live set (1.02 touched), and 1.18 (1.06) with recomputation.
	growth = 4
)

func rounded(n int) int { return (n + grain - 1) / grain * grain }

// take returns n elements of undefined content.
func (a *arena[E]) take(n int) []E {
	if n == 0 {
		return []E{}
	}
	long := rounded(n)
	i := slices.IndexFunc(a.gaps, func(g gap) bool { return g.n >= long })
	if i < 0 {
		i = a.grow(max(long, leastPiece, rounded(a.held/growth)))
	}
	g := a.gaps[i]
	if g.n == long {
		a.gaps = slices.Delete(a.gaps, i, i+1)
	} else {
		a.gaps[i] = gap{g.piece, g.at + long, g.n - long}
	}
	return a.pieces[g.piece][g.at : g.at+n : g.at+long]
}

// grow makes a piece and returns the index of its gap.
func (a *arena[E]) grow(n int) int {
	a.gaps = append(a.gaps, gap{len(a.pieces), 0, n})
	a.pieces = append(a.pieces, a.alloc(n))
	a.held += n
	return len(a.gaps) - 1
}

// put takes back what take gave.
func (a *arena[E]) put(b []E) {
	if len(b) == 0 {
		return
	}
	g := a.find(b)
	i, _ := slices.BinarySearchFunc(a.gaps, g, func(x, y gap) int {
		if x.piece != y.piece {
			return x.piece - y.piece
		}
		return x.at - y.at
	})
	before := i > 0 && a.gaps[i-1].piece == g.piece
	after := i < len(a.gaps) && a.gaps[i].piece == g.piece
	if before && a.gaps[i-1].at+a.gaps[i-1].n > g.at || after && g.at+g.n > a.gaps[i].at {
		panic(fmt.Sprintf("compute: a buffer of %d elements is given back twice", len(b)))
	}
	before = before && a.gaps[i-1].at+a.gaps[i-1].n == g.at
	after = after && g.at+g.n == a.gaps[i].at
	switch {
	case before && after:
		a.gaps[i-1].n += g.n + a.gaps[i].n
		a.gaps = slices.Delete(a.gaps, i, i+1)
	case before:
		a.gaps[i-1].n += g.n
	case after:
		a.gaps[i].at, a.gaps[i].n = g.at, g.n+a.gaps[i].n
	default:
		a.gaps = slices.Insert(a.gaps, i, g)
	}
}

// find says where b lies. Addresses are compared and never followed, since they may be those of a device.
func (a *arena[E]) find(b []E) gap {
	address := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	for i, p := range a.pieces {
		first := uintptr(unsafe.Pointer(unsafe.SliceData(p)))
		if address < first {
			continue
		}
		if at := (address - first) / unsafe.Sizeof(b[0]); at < uintptr(len(p)) {
			return gap{i, int(at), rounded(len(b))}
		}
	}
	panic(fmt.Sprintf("compute: a buffer of %d elements is given back to a tape that did not make it", len(b)))
}
