package proof

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"muonclip/synth/task"
	"muonclip/synth/task/tasktest"
)

// BenchmarkProvedDialogues samples, plays and proves dialogues on all processors, replay included.
func BenchmarkProvedDialogues(b *testing.B) {
	var c Checker
	tasktest.Pool(b)
	var next atomic.Uint64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1); i <= uint64(b.N); i = next.Add(1) {
				tr, err := play(b, task.Key{Seed: 31, Index: i})
				if err != nil {
					b.Error(err)
					return
				}
				if r := c.Prove(tr); !r.OK() {
					b.Error(r.Findings[0])
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "dialogues/s")
}
