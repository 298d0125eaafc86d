package pack

import (
	"fmt"
	"slices"
	"sync"

	"github.com/zeebo/xxh3"

	"muonclip/data/chatshard"
	"muonclip/internal/rng"
)

const (
	// windowRows is how many rows a window of dialogues fills, carriedRows how many of them go on to the next window.
	windowRows  = 64
	carriedRows = 8
	// period is after how many epochs the packings come again. The order of the rows does not, and a bounded number of packings
	// makes every batch reachable without packing all epochs before it.
	period = 16
	// keptEpochs is how many epochs a stream remembers: a batch may touch two, and workers that run ahead one more.
	keptEpochs = 3
)

// stream is the endless sequence of rows of one source.
type stream struct {
	name              string
	src               Dialogues
	seed, key         uint64
	cols              int
	lengths           []int32 // places that each dialogue takes
	usable            []int32 // the dialogues that fit
	places            int64   // sum of the lengths of usable
	tooLong, tooShort int

	mu     sync.Mutex
	counts [period]int64 // rows of each packing; 0 where it was not made yet
	kept   []*epoch      // the most recently used last
}

// epoch is the rows of one epoch in their order.
type epoch struct {
	number int64
	rows   [][]int32
}

func newStream(src Source, cfg Config) *stream {
	s := &stream{name: src.Name, src: src.Dialogues, seed: cfg.Seed, key: xxh3.HashString(src.Name), cols: cfg.Cols}
	s.lengths = make([]int32, src.Dialogues.Len())
	for i := range s.lengths {
		n := src.Dialogues.Tokens(i) - 1
		switch {
		case n > cfg.Cols:
			s.tooLong++
		case n < 1:
			s.tooShort++
		default:
			s.lengths[i] = int32(n)
			s.usable = append(s.usable, int32(i))
			s.places += int64(n)
		}
	}
	return s
}

// read reads a dialogue and checks that it is what its source promised.
func (s *stream) read(i int32) (chatshard.Dialogue, error) {
	d, err := s.src.Read(int(i))
	if err != nil {
		return d, fmt.Errorf("source %q: %w", s.name, err)
	}
	if len(d.IDs) != int(s.lengths[i])+1 || len(d.Turns) != len(d.IDs) {
		return d, fmt.Errorf("source %q: dialogue %d has %d tokens and a mask of %d, it promised %d", s.name, i, len(d.IDs), len(d.Turns), s.lengths[i]+1)
	}
	return d, nil
}

// row is the dialogues of a row of the stream.
func (s *stream) row(seq int64) []int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, i := s.locate(seq)
	return s.epoch(e).rows[i]
}

// locate finds the epoch of a row and its place there. The caller holds mu.
func (s *stream) locate(seq int64) (e, row int64) {
	for {
		var all int64
		for p := range int64(period) {
			n := s.count(p)
			if seq < n {
				return e + p, seq
			}
			seq -= n
			all += n
		}
		e += period * (1 + seq/all)
		seq %= all
	}
}

// count is the number of rows of an epoch. The caller holds mu.
func (s *stream) count(e int64) int64 {
	if s.counts[e%period] == 0 {
		s.epoch(e)
	}
	return s.counts[e%period]
}

// before is the number of rows before an epoch. The caller holds mu.
func (s *stream) before(e int64) (rows int64) {
	if e >= period {
		for p := range int64(period) {
			rows += s.count(p)
		}
		rows *= e / period
	}
	for p := range e % period {
		rows += s.count(p)
	}
	return rows
}

// epoch returns an epoch, making it where it is not remembered. The caller holds mu.
func (s *stream) epoch(number int64) *epoch {
	if i := slices.IndexFunc(s.kept, func(e *epoch) bool { return e.number == number }); i >= 0 {
		e := s.kept[i]
		s.kept = append(slices.Delete(s.kept, i, i+1), e)
		return e
	}
	e := &epoch{number, s.pack(number % period)}
	s.counts[number%period] = int64(len(e.rows))
	shuffle := rng.New(s.seed, "pack rows", s.key, uint64(number))
	shuffle.Shuffle(len(e.rows), func(i, j int) { e.rows[i], e.rows[j] = e.rows[j], e.rows[i] })
	if len(s.kept) == keptEpochs {
		s.kept = slices.Delete(s.kept, 0, 1)
	}
	s.kept = append(s.kept, e)
	return e
}

// pack shuffles the dialogues, cuts them into windows of about equal size and packs each. The emptiest rows of a window are
// taken apart again, and their dialogues packed with the next one, so that not every window ends with a row half empty.
func (s *stream) pack(number int64) [][]int32 {
	order := slices.Clone(s.usable)
	shuffle := rng.New(s.seed, "pack dialogues", s.key, uint64(number))
	shuffle.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	windows := max(1, s.places/int64(windowRows*s.cols))
	size := float64(s.places) / float64(windows)
	var rows [][]int32
	var window []int32
	var sum, done int64
	for i, d := range order {
		window = append(window, d)
		sum += int64(s.lengths[d])
		last := i == len(order)-1
		if !last && (done == windows-1 || float64(sum) < size*float64(done+1)) {
			continue
		}
		packed := bestFit(window, s.lengths, s.cols)
		window = window[:0]
		if !last {
			slices.SortStableFunc(packed, func(a, b []int32) int { return int(s.filled(b) - s.filled(a)) })
			keep := max(0, len(packed)-carriedRows)
			for _, row := range packed[keep:] {
				window = append(window, row...)
			}
			packed = packed[:keep]
		}
		rows = append(rows, packed...)
		done++
	}
	return rows
}

// filled is how many places dialogues take.
func (s *stream) filled(dialogues []int32) (n int64) {
	for _, d := range dialogues {
		n += int64(s.lengths[d])
	}
	return n
}
