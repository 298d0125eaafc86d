package instrument

import (
	"slices"

	"gorgonia.org/tensor"

	"muonclip/model"
	"muonclip/optim"
)

// sizes measures updates and weights of every parameter.
func (p *Probe) sizes(step int64) []Row {
	var rows []Row
	for _, s := range p.Optimizer.ParamStats(nil) {
		l := layerOf(s.Name)
		rows = append(rows,
			Row{step, UpdateRMS, s.Name, l, -1, s.UpdateRMS},
			Row{step, WeightRMS, s.Name, l, -1, s.WeightRMS},
			Row{step, UpdateRatio, s.Name, l, -1, s.Ratio()})
	}
	return rows
}

// spectra takes the singular values of the weights.
func (p *Probe) spectra(step int64) (rows []Row, err error) {
	for _, q := range p.Optimizer.Params() {
		if err == nil && wanted(q) {
			rows, err = appendSpectrum(rows, step, q.Name, q.Value, WeightSingular, WeightStableRank, WeightEntropy)
		}
	}
	return rows, err
}

// singularKept is how many singular values of a matrix are kept, evenly spaced by rank, the first and the last among them.
const singularKept = 16

func appendSpectrum(rows []Row, step int64, name string, d *tensor.Dense, singular, rank, entropy string) ([]Row, error) {
	s, err := optim.SingularValues(d)
	if err != nil {
		return rows, err
	}
	l := layerOf(name)
	n := min(singularKept, len(s))
	for i := range n {
		at := 0
		if n > 1 {
			at = i * (len(s) - 1) / (n - 1)
		}
		rows = append(rows, Row{step, singular, name, l, int32(at), s[at]})
	}
	return append(rows, Row{step, rank, name, l, -1, optim.StableRank(s)}, Row{step, entropy, name, l, -1, optim.SpectralEntropy(s)}), nil
}

// routers copies the correction biases.
func (p *Probe) routers(step int64) []Row {
	var rows []Row
	first := p.Model.Config.FirstKDenseReplace
	for l, biases := range p.Model.RouterBiases() {
		for e, v := range biases {
			rows = append(rows, Row{step, RouterBias, "", int32(first + l), int32(e), float64(v)})
		}
	}
	return rows
}

// alphas are the places along the step where the loss is taken.
var alphas = []float32{0, 0.5, 1, 2, 4}

// along takes the held-out loss at w + alpha * step, where the step is all that moved: update, weight decay and QK-Clip.
func (p *Probe) along(step int64) []Row {
	p.after = p.copyWeights(p.after)
	var rows []Row
	loss := map[float32]float64{}
	for _, a := range alphas {
		p.setWeights(a)
		loss[a] = p.loss()
		rows = append(rows, Row{step, LossAlong, "", -1, int32(100 * a), loss[a]})
	}
	p.setWeights(1)
	return append(rows, Row{step, Sharpness, "", -1, -1, loss[0] - 2*loss[1] + loss[2]})
}

// loss is the mean loss on the held-out batch.
func (p *Probe) loss() float64 {
	var sum, n float64
	for i, v := range p.Model.Losses(p.input) {
		if p.input.Targets[i] >= 0 {
			sum, n = sum+float64(v), n+1
		}
	}
	return sum / n
}

// noise compares the gradients of parts of the held-out batch with that of all of them. With n parts of B tokens each,
// E|g_i|² = |G|² + tr/B and E|mean g|² = |G|² + tr/(nB), which gives unbiased estimates of |G|² and tr.
func (p *Probe) noise(step int64) []Row {
	n := parts(p.input.Rows)
	if n < 2 {
		return nil
	}
	size := p.input.Rows / n * p.input.Cols
	var sum []float64
	var squares, tokens float64
	for part := range n {
		from, to := part*size, (part+1)*size
		in := model.Input{Rows: p.input.Rows / n, Cols: p.input.Cols, IDs: p.input.IDs[from:to], Targets: p.input.Targets[from:to]}
		if p.input.DocStart != nil {
			in.DocStart = p.input.DocStart[from:to]
		}
		targets := 0
		for _, id := range in.Targets {
			if id >= 0 {
				targets++
			}
		}
		if targets == 0 {
			return nil // the held-out text does not fill a batch
		}
		tokens += float64(targets) / float64(n)
		p.Model.ZeroGrad()
		p.Model.Step(in, 1/float64(targets), 0)
		p.Model.ReadGrads()
		at := 0
		for _, q := range p.Model.Params() {
			if !q.Trained {
				continue
			}
			if len(sum) < at+len(q.Grad) {
				sum = append(sum, make([]float64, len(q.Grad))...)
			}
			for _, g := range q.Grad {
				v := float64(g)
				squares += v * v / float64(n)
				sum[at] += v / float64(n)
				at++
			}
		}
	}
	whole := 0.0
	for _, v := range sum {
		whole += v * v
	}
	trace := (squares - whole) * float64(n) / float64(n-1) * tokens
	square := (float64(n)*whole - squares) / float64(n-1)
	rows := []Row{{step, GradientSquare, "", -1, -1, square}, {step, GradientTrace, "", -1, -1, trace}}
	if square > 0 { // else the noise hides the gradient, and there is no ratio
		rows = append(rows, Row{step, NoiseScale, "", -1, -1, trace / square})
	}
	return rows
}

// parts is the largest divisor of the rows that is at most 8.
func parts(rows int) int {
	for n := min(8, rows); n > 1; n-- {
		if rows%n == 0 {
			return n
		}
	}
	return 1
}

// Names lists what the instruments measure.
func Names() []string {
	names := []string{
		UpdateRMS, WeightRMS, UpdateRatio, WeightSingular, WeightStableRank, WeightEntropy, UpdateSingular, UpdateStableRank, UpdateEntropy,
		LossAlong, Sharpness, GradientSquare, GradientTrace, NoiseScale, AttentionEntropy, RouterBias, Seconds,
	}
	slices.Sort(names)
	return names
}
