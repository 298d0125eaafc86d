package cpu

import (
	"testing"
	"unsafe"
)

// TestRoom: what is handed out is zero, begins a line of the cache and overlaps nothing, small or larger than a page.
func TestRoom(t *testing.T) {
	var s slab
	seen := map[uintptr]bool{}
	for i, n := range []int{1, 17, 0, 1 << 10, 300_000, 3, 1_100_000, 5, 700_000, 64} {
		x := room[float32](&s, n)
		if len(x) != n {
			t.Fatalf("%d elements, want %d", len(x), n)
		}
		if n > 0 && uintptr(unsafe.Pointer(&x[0]))%lineBytes != 0 {
			t.Errorf("room %d of %d begins within a line", i, n)
		}
		for j, v := range x {
			if v != 0 {
				t.Fatalf("room %d: element %d is %v", i, j, v)
			}
			x[j] = float32(i + 1)
		}
		for at := 0; at < n; at += lineBytes / 4 {
			line := uintptr(unsafe.Pointer(&x[at])) / lineBytes
			if seen[line] {
				t.Fatalf("room %d: a line belongs to an earlier one too", i)
			}
			seen[line] = true
		}
	}
}
