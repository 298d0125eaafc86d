package pack

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestBestFitByHand(t *testing.T) {
	lengths := []int32{3, 8, 5, 2, 2, 6, 7}
	rows := bestFit([]int32{0, 1, 2, 3, 4, 5, 6}, lengths, 10)
	// 8 and 7 and 6 open rows, 5 opens one, 3 goes to the 7, 2 to the 8, 2 to the 6: not to the emptier 5.
	want := [][]int32{{1, 3}, {6, 0}, {5, 4}, {2}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	// Of equal lengths the earlier one comes first.
	if diff := cmp.Diff([][]int32{{2, 0}, {1}}, bestFit([]int32{2, 0, 1}, []int32{5, 5, 5}, 10)); diff != "" {
		t.Error(diff)
	}
}

// plainBestFit does the same by looking at all rows.
func plainBestFit(dialogues, lengths []int32, cols int) []int {
	order := slices.Clone(dialogues)
	slices.SortStableFunc(order, func(a, b int32) int { return int(lengths[b] - lengths[a]) })
	var room []int
	for _, d := range order {
		best := -1
		for r, left := range room {
			if left >= int(lengths[d]) && (best < 0 || left < room[best]) {
				best = r
			}
		}
		if best < 0 {
			best = len(room)
			room = append(room, cols)
		}
		room[best] -= int(lengths[d])
	}
	slices.Sort(room)
	return room
}

// TestBestFit checks that every dialogue is in one row, that no row overflows, and that the rows are filled as by the plain
// algorithm.
func TestBestFit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cols := rapid.IntRange(1, 200).Draw(rt, "cols")
		lengths := rapid.SliceOfN(rapid.Int32Range(1, int32(cols)), 0, 100).Draw(rt, "lengths")
		var all []int32
		for i := range lengths {
			all = append(all, int32(i))
		}
		var seen []int32
		var room []int
		for _, row := range bestFit(all, lengths, cols) {
			left := cols
			for _, d := range row {
				left -= int(lengths[d])
				seen = append(seen, d)
			}
			if left < 0 {
				rt.Fatalf("a row overflows by %d", -left)
			}
			room = append(room, left)
		}
		slices.Sort(seen)
		if !slices.Equal(seen, all) {
			rt.Fatalf("packed %v of %d dialogues", seen, len(all))
		}
		slices.Sort(room)
		if want := plainBestFit(all, lengths, cols); !slices.Equal(room, want) {
			rt.Fatalf("rooms %v, want %v", room, want)
		}
	})
}
