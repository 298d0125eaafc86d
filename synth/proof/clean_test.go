package proof

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"muonclip/internal/rng"
	"muonclip/synth/task"
	"muonclip/synth/task/tasktest"
)

// tally counts what became of planted defects.
type tally struct {
	planted, caught map[Defect]int
	by              map[Defect]map[string]int
}

// measure proves n clean dialogues and plants every defect into each of the first m.
func measure(t *testing.T, seed, n, m uint64) tally {
	t.Helper()
	var c Checker
	sum := tally{map[Defect]int{}, map[Defect]int{}, map[Defect]map[string]int{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var facts, args, atoms, calls int
	tasktest.Pool(t)
	start := time.Now()
	workers := uint64(runtime.GOMAXPROCS(0))
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				tr, err := play(t, task.Key{Seed: seed, Index: i})
				if err != nil {
					t.Errorf("%d: %v", i, err)
					continue
				}
				r := c.Prove(tr)
				mu.Lock()
				facts, args, atoms, calls = facts+r.Facts, args+r.Args, atoms+r.Atoms, calls+r.Calls
				for _, f := range r.Findings {
					t.Errorf("false alarm: %s (%s): message %d: %s: %s", tr.Task.ID(), tr.Task.Kind, f.Message, f.Check, f.Detail)
				}
				mu.Unlock()
				for k, d := range Defects() {
					if i >= m {
						break
					}
					bad, ok := Plant(tr, d, rng.New(seed, "plant", i, uint64(k)))
					if !ok {
						continue
					}
					r := c.Prove(bad)
					mu.Lock()
					sum.count(d, r)
					if r.OK() {
						t.Logf("not caught: %s in %s (%s)", d, tr.Task.ID(), tr.Task.Kind)
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d dialogues with %d calls, %d facts told, %d arguments and %d numbers, dates, codes and names traced; %.0f a second on %d workers, planting included",
		n, calls, facts, args, atoms, float64(n)/time.Since(start).Seconds(), workers)
	return sum
}

func (s *tally) count(d Defect, r *Report) {
	s.planted[d]++
	if r.OK() {
		return
	}
	s.caught[d]++
	if s.by[d] == nil {
		s.by[d] = map[string]int{}
	}
	for _, f := range r.Failed() {
		s.by[d][f]++
	}
}

// judge fails the test where fewer than 99 % of a defect were caught, or one in so few that a single miss is more.
func (s *tally) judge(t *testing.T, least int) {
	t.Helper()
	for _, d := range Defects() {
		n, k := s.planted[d], s.caught[d]
		t.Logf("%-20s %6d planted, %6.2f %% caught by %v", d, n, 100*float64(k)/float64(max(n, 1)), s.by[d])
		if n < least {
			t.Errorf("%s was planted %d times, at least %d are wanted", d, n, least)
		}
		if n-k > max(n/100, 1) {
			t.Errorf("%s: %d of %d are not caught", d, n-k, n)
		}
	}
}

func TestCleanAndPlanted(t *testing.T) {
	s := measure(t, 23, 400, 400)
	s.judge(t, 1)
}

// TestTenThousand is the measurement that the figures in the documentation come from.
func TestTenThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("10,000 dialogues are proved only without -short")
	}
	s := measure(t, 11, 10000, 1500)
	s.judge(t, 20)
}
