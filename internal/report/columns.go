package report

import (
	"math"
	"slices"

	"muonclip/internal/metrics"
)

const (
	maxHeatRows = 160 // rows of the heat map of logits; beyond, neighbouring heads share a row
	lastRows    = 50  // steps averaged in the heat map of the expert load
)

// columns holds a run column by column, gathered in one pass, so that a run of a million steps fits in memory.
type columns struct {
	step, tokens, seconds          []float64
	loss, aux, lr, norm            []float64
	tokensPerSec, flopsPerSec      []float64
	share                          []float64
	maxLogit, medianLogit, clipped []float64
	load                           [][]float64          // [MoE layer][row] largest over mean load
	rms                            map[string][]float64 // by parameter kind
	valStep, val                   []float64            // held-out loss, evaluation steps only
	valBy                          map[string][]float64 // the same by kind of turn
	skipped                        int

	layers, heads int // of the table of logits
	perRow        int // heads that share a row of the heat map
	logits        binned
	recentLoad    [][][]float32 // of the last rows
	flat          []float64
}

// add takes the next row. A row of an earlier step replaces the rows from there on: the run went back.
func (c *columns) add(r *metrics.Row) {
	if r.Step < 0 {
		return
	}
	s := float64(r.Step)
	if n := len(c.step); n > 0 && c.step[n-1] >= s {
		keep, _ := slices.BinarySearch(c.step, s)
		c.cut(keep)
	}
	n := len(c.step)
	c.step = append(c.step, s)
	c.tokens = append(c.tokens, float64(r.Tokens))
	c.seconds = append(c.seconds, r.Seconds)
	c.loss = append(c.loss, r.Loss)
	c.aux = append(c.aux, r.AuxLoss)
	c.lr = append(c.lr, r.LR)
	c.norm = append(c.norm, r.GradNorm)
	c.tokensPerSec = append(c.tokensPerSec, r.TokensPerSecond)
	c.flopsPerSec = append(c.flopsPerSec, r.FlopsPerSecond)
	c.share = append(c.share, r.PeakShare)
	c.clipped = append(c.clipped, float64(r.ClippedHeads))
	if r.ValLoss != nil {
		c.valStep = append(c.valStep, s)
		c.val = append(c.val, *r.ValLoss)
		for kind, v := range r.ValLossBy {
			if c.valBy == nil {
				c.valBy = map[string][]float64{}
			}
			c.valBy[kind] = append(pad(c.valBy[kind], len(c.val)-1), v)
		}
	}
	if r.Skipped {
		c.skipped++
	}
	if c.rms == nil {
		c.rms = map[string][]float64{}
	}
	for kind, v := range r.UpdateRMS {
		c.rms[kind] = append(pad(c.rms[kind], n), v)
	}
	for l, load := range r.ExpertLoad {
		if l == len(c.load) {
			c.load = append(c.load, nil)
		}
		c.load[l] = append(pad(c.load[l], n), metrics.LoadRatio(load))
	}
	if len(r.ExpertLoad) > 0 {
		if len(c.recentLoad) == lastRows {
			c.recentLoad = c.recentLoad[1:]
		}
		c.recentLoad = append(c.recentLoad, r.ExpertLoad)
	}
	c.addLogits(r)
}

// addLogits takes the table of logits; its shape is that of the first row that has one.
func (c *columns) addLogits(r *metrics.Row) {
	if c.layers == 0 {
		for _, heads := range r.MaxLogit {
			c.heads = max(c.heads, len(heads))
		}
		if c.heads > 0 {
			c.layers = len(r.MaxLogit)
			rows := max(1, min(maxHeatRows/c.layers, c.heads)) // of each layer
			c.perRow = (c.heads + rows - 1) / rows
		}
	}
	if len(r.MaxLogit) == 0 || c.layers == 0 {
		c.maxLogit = append(c.maxLogit, math.NaN())
		c.medianLogit = append(c.medianLogit, math.NaN())
		return
	}
	rows := c.heatRows()
	table := make([]float64, c.layers*rows)
	for i := range table {
		table[i] = math.NaN()
	}
	c.flat = c.flat[:0]
	for l, heads := range r.MaxLogit {
		for h, v := range heads {
			f := float64(v)
			if math.IsNaN(f) {
				continue
			}
			c.flat = append(c.flat, f)
			if l < c.layers && h < c.heads {
				if i := l*rows + h/c.perRow; math.IsNaN(table[i]) || f > table[i] {
					table[i] = f
				}
			}
		}
	}
	c.logits.add(r.Step, table)
	c.maxLogit = append(c.maxLogit, r.LargestLogit())
	c.medianLogit = append(c.medianLogit, median(c.flat))
}

// heatRows is the number of heat map rows of one layer.
func (c *columns) heatRows() int { return (c.heads + c.perRow - 1) / c.perRow }

// cut drops the rows from index n on. What the heat map of logits has of them stays in its bins.
func (c *columns) cut(n int) {
	for _, p := range []*[]float64{&c.step, &c.tokens, &c.seconds, &c.loss, &c.aux, &c.lr, &c.norm, &c.tokensPerSec, &c.flopsPerSec, &c.share, &c.maxLogit, &c.medianLogit, &c.clipped} {
		*p = (*p)[:min(n, len(*p))]
	}
	for i, s := range c.load {
		c.load[i] = s[:min(n, len(s))]
	}
	for k, s := range c.rms {
		c.rms[k] = s[:min(n, len(s))]
	}
	if n == 0 {
		c.val, c.valStep, c.valBy = nil, nil, nil
		return
	}
	for len(c.valStep) > 0 && c.valStep[len(c.valStep)-1] > c.step[n-1] {
		c.valStep, c.val = c.valStep[:len(c.valStep)-1], c.val[:len(c.val)-1]
	}
	for kind, v := range c.valBy {
		c.valBy[kind] = v[:min(len(c.val), len(v))]
	}
}

// finish makes all columns equally long.
func (c *columns) finish() {
	n := len(c.step)
	for i := range c.load {
		c.load[i] = pad(c.load[i], n)
	}
	for k := range c.rms {
		c.rms[k] = pad(c.rms[k], n)
	}
	for k := range c.valBy {
		c.valBy[k] = pad(c.valBy[k], len(c.val))
	}
}

// meanLoad is the load of each expert relative to an equal share, averaged over the last rows.
func (c *columns) meanLoad() [][]float64 {
	var sum [][]float64
	var count []float64
	for _, row := range c.recentLoad {
		for l, load := range row {
			if l == len(sum) {
				sum, count = append(sum, nil), append(count, 0)
			}
			var total float64
			for _, v := range load {
				total += float64(v)
			}
			if !(total > 0) || math.IsInf(total, 0) {
				continue
			}
			count[l]++
			for len(sum[l]) < len(load) {
				sum[l] = append(sum[l], 0)
			}
			for e, v := range load {
				sum[l][e] += float64(v) / total * float64(len(load))
			}
		}
	}
	for l := range sum {
		for e := range sum[l] {
			sum[l][e] /= count[l]
		}
	}
	return sum
}

// gather collects rows that are in memory.
func gather(rows []metrics.Row) *columns {
	c := &columns{}
	for i := range rows {
		c.add(&rows[i])
	}
	c.finish()
	return c
}

func pad(s []float64, n int) []float64 {
	for len(s) < n {
		s = append(s, math.NaN())
	}
	return s
}

// median gives the median of the finite values and reorders the slice; NaN for none.
func median(v []float64) float64 {
	v = slices.DeleteFunc(v, func(f float64) bool { return math.IsNaN(finite(f)) })
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// tail gives the mean of the last n finite values and how many there were.
func tail(v []float64, n int) (mean float64, used int) {
	for i := len(v) - 1; i >= 0 && used < n; i-- {
		if !math.IsNaN(finite(v[i])) {
			mean += v[i]
			used++
		}
	}
	if used == 0 {
		return math.NaN(), 0
	}
	return mean / float64(used), used
}
