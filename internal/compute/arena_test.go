package compute

import (
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// TestArena takes and gives back at random: parts never overlap, begin at multiples of 64 bytes, keep what is
// written to them, and the same steps in a second round find the memory of the first one.
func TestArena(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type request struct {
			n    int  // to take
			give bool // a part taken before instead, the one of number n
		}
		requests := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) request {
			return request{rapid.IntRange(0, 1<<rapid.IntRange(0, 16).Draw(t, "size")).Draw(t, "n"), rapid.Bool().Draw(t, "give")}
		}), 1, 60).Draw(t, "requests")
		a := arena[int32]{alloc: func(n int) []int32 { return make([]int32, n) }}
		held := 0
		var first []unsafe.Pointer
		for round := range 2 {
			var parts [][]int32
			var at []unsafe.Pointer
			for i, r := range requests {
				if r.give && len(parts) > 0 {
					j := r.n % len(parts)
					kept(t, parts)
					a.put(parts[j])
					parts = slices.Delete(parts, j, j+1)
					continue
				}
				b := a.take(r.n)
				if len(b) != r.n {
					t.Fatalf("%d elements, want %d", len(b), r.n)
				}
				for k := range b {
					b[k] = int32(i)
				}
				if p := unsafe.SliceData(b); len(b) > 0 {
					at = append(at, unsafe.Pointer(p))
					if uintptr(unsafe.Pointer(p))%64 != 0 {
						t.Fatalf("%d elements begin at %p", len(b), p)
					}
					parts = append(parts, b)
				}
			}
			kept(t, parts)
			for _, b := range parts {
				a.put(b)
			}
			if len(a.gaps) != len(a.pieces) {
				t.Fatalf("%d gaps in %d pieces that are all free", len(a.gaps), len(a.pieces))
			}
			if round == 0 {
				held, first = a.held, at
			} else if a.held != held || !slices.Equal(at, first) {
				t.Fatalf("the second round is not like the first: %d elements held, %d before", a.held, held)
			}
		}
	})
}

// kept fails where parts do not hold what was written to each of them.
func kept(t *rapid.T, parts [][]int32) {
	for _, b := range parts {
		for _, v := range b {
			if v != b[0] {
				t.Fatal("two parts overlap")
			}
		}
	}
}

// TestArenaMisuse: memory that is not in use cannot be given back.
func TestArenaMisuse(t *testing.T) {
	a := arena[float32]{alloc: func(n int) []float32 { return make([]float32, n) }}
	x, y, z := a.take(10), a.take(20), a.take(30)
	a.put(x)
	a.put(z)
	for name, b := range map[string][]float32{"twice": x, "twice, before the last gap": z, "of another": make([]float32, 5)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			a.put(b)
		}()
	}
	a.put(y)
	if len(a.gaps) != 1 || a.gaps[0].n != a.held {
		t.Errorf("gaps %v when all is free", a.gaps)
	}
}
