package cpu

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkFor runs parallel sections of 16 tasks behind each other, as a step does, with goroutines that are started for each
// section and with workers that stay awake. Beside the mean it reports the best section and the tenth part that
// is the fastest, which say what the hand-over costs where other programs run too.
func BenchmarkFor(b *testing.B) {
	const tasks = 16
	x := make([]float32, 1<<14)
	for _, threads := range []int{1, 2} {
		be := New[float32](threads)
		for _, passes := range []int{1, 32, 1024} {
			section := func() time.Duration {
				start := time.Now()
				be.For(tasks, func(w *Worker[float32], i int) {
					part := x[i*len(x)/tasks : (i+1)*len(x)/tasks]
					for range passes {
						w.kern.scale(part, part, 1)
					}
				})
				return time.Since(start)
			}
			run := func(b *testing.B) {
				var times []time.Duration
				for b.Loop() {
					times = append(times, section())
					be.For(1, func(w *Worker[float32], _ int) { // what runs on one thread in between
						for range 20 {
							w.kern.scale(x[:1024], x[:1024], 1)
						}
					})
				}
				slices.Sort(times)
				b.ReportMetric(float64(times[0].Nanoseconds())/1e3, "us(best)")
				b.ReportMetric(float64(times[len(times)/10].Nanoseconds())/1e3, "us(tenth)")
			}
			b.Run(fmt.Sprintf("threads=%d/passes=%d", threads, passes), run)
			if threads > 1 {
				b.Run(fmt.Sprintf("threads=%d/passes=%d/awake", threads, passes), func(b *testing.B) { be.Awake(func() { run(b) }) })
			}
		}
	}
}
