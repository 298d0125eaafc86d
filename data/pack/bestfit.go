package pack

import (
	"math/bits"
	"slices"
)

// bestFit packs dialogues into rows with cols places: the longest first, each into the row with the least room that is
// enough, a new one where there is none. lengths, by dialogue, are from 1 to cols. Of equal lengths the one that is earlier in
// dialogues comes first, and of rows with equal room the one that got there last; so the result follows from the
// arguments alone. It takes O(n log n + n cols/64) time.
func bestFit(dialogues, lengths []int32, cols int) [][]int32 {
	order := slices.Clone(dialogues)
	slices.SortStableFunc(order, func(a, b int32) int { return int(lengths[b]) - int(lengths[a]) })
	var rows [][]int32
	open := newRooms(cols)
	for _, d := range order {
		row, room := open.take(int(lengths[d]))
		if row < 0 {
			row, room = int32(len(rows)), cols
			rows = append(rows, nil)
		}
		rows[row] = append(rows[row], d)
		open.put(row, room-int(lengths[d]))
	}
	return rows
}

// rooms finds rows by the room that they have left.
type rooms struct {
	rows [][]int32 // by room
	some []uint64  // a bit for each room with rows
}

func newRooms(cols int) *rooms {
	return &rooms{rows: make([][]int32, cols+1), some: make([]uint64, cols/64+1)}
}

// put notes a row; one without room is not needed any more.
func (r *rooms) put(row int32, room int) {
	if room == 0 {
		return
	}
	r.rows[room] = append(r.rows[room], row)
	r.some[room/64] |= 1 << (room % 64)
}

// take removes the row with the least room of at least need and returns it with its room, -1 where there is none.
func (r *rooms) take(need int) (row int32, room int) {
	word := need / 64
	found := r.some[word] &^ (1<<(need%64) - 1)
	for found == 0 {
		word++
		if word == len(r.some) {
			return -1, 0
		}
		found = r.some[word]
	}
	room = 64*word + bits.TrailingZeros64(found)
	list := r.rows[room]
	row = list[len(list)-1]
	r.rows[room] = list[:len(list)-1]
	if len(list) == 1 {
		r.some[word] &^= 1 << (room % 64)
	}
	return row, room
}
