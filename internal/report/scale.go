package report

import (
	"math"
	"strconv"
	"strings"
)

// scale maps values of one axis to user units of the drawing.
type scale struct {
	lo, hi float64 // values at the two ends
	p, q   float64 // user units at lo and at hi
	log    bool
}

// at gives the position of v, held within the axis.
func (s scale) at(v float64) float64 {
	lo, hi := s.lo, s.hi
	v = min(max(v, lo), hi)
	if s.log {
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	if hi <= lo {
		return s.p
	}
	return s.p + (v-lo)/(hi-lo)*(s.q-s.p)
}

// ticks gives round values within the axis, about n of them.
func (s scale) ticks(n int) []float64 {
	if s.log {
		return logTicks(s.lo, s.hi, n)
	}
	return ticks(s.lo, s.hi, n)
}

// step gives the round distance, 1, 2 or 5 times a power of ten, that puts at most n+1 ticks between lo and hi.
// It is at most 2.5 times the exact n-th part, so from n = 3 on it is shorter than the range and a tick always falls
// inside: smaller n count as 3.
func step(lo, hi float64, n int) float64 {
	raw := (hi - lo) / float64(max(n, 3))
	base := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*base >= raw*(1-1e-9) {
			return m * base
		}
	}
	return 10 * base
}

// ticks gives round values within [lo, hi].
func ticks(lo, hi float64, n int) []float64 {
	if !(hi > lo) || math.IsInf(hi-lo, 0) {
		return []float64{lo}
	}
	d := step(lo, hi, n)
	if d == 0 || math.IsInf(d, 0) { // beyond what floats resolve
		return []float64{lo, hi}
	}
	var out []float64
	first := math.Ceil(lo/d - 1e-9)
	for i := 0; i <= max(n, 3)+1; i++ {
		v := (first + float64(i)) * d
		if v > hi+d*1e-9 {
			break
		}
		if v == 0 {
			v = 0 // not minus zero
		}
		out = append(out, v)
	}
	return out
}

// logTicks gives powers of ten within [lo, hi], with 2 and 5 between them where the range is short, and every
// second or third power where it is long. Below one decade it falls back to even ticks.
func logTicks(lo, hi float64, n int) []float64 {
	if !(lo > 0) || !(hi > lo) {
		return []float64{lo}
	}
	first, last := math.Floor(math.Log10(lo)), math.Ceil(math.Log10(hi))
	decades := math.Log10(hi / lo)
	factors := []float64{1}
	stride := 1.0
	switch {
	case decades < 1:
		if even := ticks(lo, hi, n); len(even) > 1 {
			return even
		}
		factors = []float64{1, 2, 5}
	case decades < 2:
		factors = []float64{1, 2, 5}
	case decades < 3:
		factors = []float64{1, 3}
	default:
		stride = math.Ceil(decades / float64(max(n, 1)))
	}
	var out []float64
	for e := first; e <= last; e += stride {
		for _, f := range factors {
			v := f * math.Pow(10, e)
			if v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				out = append(out, v)
			}
		}
	}
	return out
}

// niceRange widens [lo, hi] to a range that a line can be drawn in: never empty, a little air at both ends, and
// beginning at zero where that is near.
func niceRange(lo, hi float64, log bool) (float64, float64) {
	if log {
		if hi <= lo {
			return lo / 2, lo * 2
		}
		air := math.Pow(hi/lo, 0.06)
		return lo / air, hi * air
	}
	if hi <= lo {
		d := math.Abs(lo) * 0.1
		if d == 0 {
			d = 1
		}
		return lo - d, lo + d
	}
	air := (hi - lo) * 0.06
	if lo >= 0 && lo < 0.1*hi {
		return 0, hi + air
	}
	return lo - air, hi + air
}

// tickText writes a tick value to the precision that the distance between ticks needs, with k, M, G, T where the
// largest value beside it has five digits or more, so that it stays short.
func tickText(v, distance, largest float64) string {
	unit, suffix := 1.0, ""
	switch {
	case v == 0:
		return "0"
	case largest >= 1e15 || largest < 1e-3 || math.IsNaN(largest):
		return exponent(v)
	case largest >= 1e12:
		unit, suffix = 1e12, "T"
	case largest >= 1e9:
		unit, suffix = 1e9, "G"
	case largest >= 1e6:
		unit, suffix = 1e6, "M"
	case largest >= 1e4:
		unit, suffix = 1e3, "k"
	}
	decimals := 0
	if d := distance / unit; d > 0 {
		decimals = int(math.Max(0, math.Ceil(-math.Log10(d)-1e-9)))
	}
	return strconv.FormatFloat(v/unit, 'f', min(decimals, 6), 64) + suffix
}

// exponent writes 0.00002 as 2e-5.
func exponent(v float64) string {
	mantissa, exp, _ := strings.Cut(strconv.FormatFloat(v, 'e', 2, 64), "e")
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	sign := ""
	if strings.HasPrefix(exp, "-") {
		sign = "-"
	}
	return mantissa + "e" + sign + strings.TrimLeft(exp, "+-0")
}

// tickTexts labels a whole axis: the values of a linear one alike, those of a logarithmic one each by itself.
func tickTexts(values []float64, log bool) []string {
	out := make([]string, len(values))
	var largest, distance float64
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	distance = largest / 10
	if len(values) > 1 {
		distance = values[1] - values[0]
	}
	for i, v := range values {
		if log {
			largest = math.Abs(v)
			distance = math.Pow(10, math.Floor(math.Log10(largest)+1e-9))
		}
		out[i] = tickText(v, distance, largest)
	}
	return out
}
