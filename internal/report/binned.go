package report

import "math"

// maxColumns bounds the columns of a heat map. A power of two times the least number shown.
const maxColumns = 128

// binned gathers a table of numbers over time into at most maxColumns columns without knowing the number of steps
// beforehand: whenever the columns run out, neighbours are joined and each covers twice as many steps.
type binned struct {
	start, width int64       // first step, and steps for each column
	cols         [][]float64 // [column][row] largest value; NaN for none
}

// add takes the values of one step. Steps may come in any order from start on.
func (b *binned) add(step int64, values []float64) {
	if len(b.cols) == 0 {
		b.start, b.width = step, 1
	}
	step = max(step, b.start)
	for (step-b.start)/b.width >= maxColumns {
		b.halve()
	}
	c := int((step - b.start) / b.width)
	for len(b.cols) <= c {
		b.cols = append(b.cols, nil)
	}
	b.cols[c] = joinMax(b.cols[c], values)
}

func (b *binned) halve() {
	half := make([][]float64, 0, maxColumns)
	for i := 0; i < len(b.cols); i += 2 {
		col := b.cols[i]
		if i+1 < len(b.cols) {
			col = joinMax(col, b.cols[i+1])
		}
		half = append(half, col)
	}
	b.cols = half
	b.width *= 2
}

// joinMax takes the larger value of each row, and grows to the longer of the two.
func joinMax(a, b []float64) []float64 {
	for len(a) < len(b) {
		a = append(a, math.NaN())
	}
	for i, v := range b {
		if math.IsNaN(a[i]) || v > a[i] {
			a[i] = v
		}
	}
	return a
}

// end is the step behind the last column.
func (b *binned) end() int64 { return b.start + b.width*int64(len(b.cols)) }

// column gives the column of a step, or -1 outside.
func (b *binned) column(step int64) int {
	if len(b.cols) == 0 || step < b.start || step >= b.end() {
		return -1
	}
	return int((step - b.start) / b.width)
}
