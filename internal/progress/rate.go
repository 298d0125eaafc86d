package progress

import (
	"math"
	"time"
)

// rateWindow is the time over which the present rate forgets: long enough not to jump with each step, short enough
// to follow a machine that becomes busy.
const rateWindow = 20 * time.Second

// rate estimates units a second as an exponentially weighted mean over time. Early on, while the window is not
// filled, the weights are normalised, so that it begins as the plain mean.
type rate struct {
	last    time.Time
	done    int64
	units   float64 // weighted units
	seconds float64 // weighted seconds
}

func newRate(now time.Time, done int64) rate { return rate{last: now, done: done} }

func (r *rate) observe(now time.Time, done int64) {
	dt := now.Sub(r.last).Seconds()
	if dt <= 0 {
		return // counted with the next observation
	}
	keep := math.Exp(-dt / rateWindow.Seconds())
	// A count that goes back, as after a rollback, is time without progress. The new span lies evenly between the two times; its weight is the integral of the decay over it.
	weight := rateWindow.Seconds() * (1 - keep)
	r.units = r.units*keep + float64(max(done-r.done, 0))*weight/dt
	r.seconds = r.seconds*keep + weight
	r.last, r.done = now, done
}

// perSecond is the rate in units a second; 0 while unknown.
func (r *rate) perSecond() float64 {
	if r.seconds <= 0 || r.units <= 0 {
		return 0
	}
	return r.units / r.seconds
}
