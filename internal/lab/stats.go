package lab

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is a mean with the ends of its confidence interval. Low and High are NaN where fewer than two values leave
// nothing to estimate the spread from.
type Interval struct {
	Mean, Low, High float64
	N               int // values
	Confidence      float64
}

// TInterval is Student's interval of the mean of independent values, such as one for each seed.
func TInterval(x []float64, confidence float64) Interval {
	iv := Interval{Mean: mean(x), Low: math.NaN(), High: math.NaN(), N: len(x), Confidence: confidence}
	if len(x) < 2 {
		return iv
	}
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(len(x) - 1)}.Quantile((1+confidence)/2) * deviation(x) / math.Sqrt(float64(len(x)))
	iv.Low, iv.High = iv.Mean-half, iv.Mean+half
	return iv
}

// MarshalJSON implements json.Marshaler; ends that are not known are null.
func (iv Interval) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Mean       Number  `json:"mean"`
		Low        Number  `json:"low"`
		High       Number  `json:"high"`
		N          int     `json:"n"`
		Confidence float64 `json:"confidence"`
	}{Number(iv.Mean), Number(iv.Low), Number(iv.High), iv.N, iv.Confidence})
}

// exp takes an interval of logarithms back.
func (iv Interval) exp() Interval {
	iv.Mean, iv.Low, iv.High = math.Exp(iv.Mean), math.Exp(iv.Low), math.Exp(iv.High)
	return iv
}

// String writes the interval with as many digits as its width deserves.
func (iv Interval) String() string {
	switch {
	case iv.N == 0 || math.IsNaN(iv.Mean):
		return "–"
	case math.IsNaN(iv.Low):
		return short(iv.Mean) + " (one seed)"
	}
	return fmt.Sprintf("%s [%s, %s]", short(iv.Mean), short(iv.Low), short(iv.High))
}

// short writes a number to four significant digits, without an exponent while that is readable.
func short(v float64) string {
	a := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return fmt.Sprint(v)
	case a == 0:
		return "0"
	case a >= 1e6 || a < 1e-4:
		return fmt.Sprintf("%.3g", v)
	}
	_, exp, _ := strings.Cut(strconv.FormatFloat(a, 'e', 3, 64), "e") // of the rounded number
	power, _ := strconv.Atoi(exp)                                     // FormatFloat writes a number there
	return strconv.FormatFloat(v, 'f', max(0, 3-power), 64)
}

// mean of no values is NaN.
func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// deviation is the standard deviation of a sample.
func deviation(x []float64) float64 {
	m, sum := mean(x), 0.0
	for _, v := range x {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(len(x)-1))
}

// BlockBootstrap is an interval of the mean of a series whose neighbours depend on each other, as the differences of two
// loss curves do: circular blocks of consecutive values are drawn with replacement (Politis and Romano, "A circular
// block-resampling procedure for stationary data", 1992), blocks of about the square root of the length. It is a pure
// function of its arguments.
func BlockBootstrap(x []float64, confidence float64, draws int) Interval {
	n := len(x)
	iv := Interval{Mean: mean(x), Low: math.NaN(), High: math.NaN(), N: n, Confidence: confidence}
	if n < 4 {
		return iv
	}
	length := int(math.Ceil(math.Sqrt(float64(n))))
	blocks := (n + length - 1) / length
	r := rand.New(rand.NewPCG(uint64(n), 0x6c6162))
	means := make([]float64, draws)
	for d := range means {
		sum, count := 0.0, 0
		for range blocks {
			start := r.IntN(n)
			for k := 0; k < length && count < n; k++ {
				sum += x[(start+k)%n]
				count++
			}
		}
		means[d] = sum / float64(n)
	}
	slices.Sort(means)
	at := func(q float64) float64 { return means[min(max(int(q*float64(draws)), 0), draws-1)] }
	iv.Low, iv.High = at((1-confidence)/2), at((1+confidence)/2)
	return iv
}

// line fits y = a + b x by least squares.
func line(x, y []float64) (a, b float64) {
	mx, my := mean(x), mean(y)
	var sxx, sxy float64
	for i := range x {
		sxx += (x[i] - mx) * (x[i] - mx)
		sxy += (x[i] - mx) * (y[i] - my)
	}
	b = sxy / sxx
	return my - b*mx, b
}
