package naive

import (
	"math"

	"muonclip/model"
)

// RopeTable gives cosine and sine of every rotary angle as position x pair for positions 0..n-1,
// multiplied by YaRN's magnitude factor where the config has one. The rotated width is
// qk_rope_head_dim, or all of head_dim for grouped-query attention; a pair is two of its elements.
func RopeTable(cfg model.Config, n int) (cos, sin [][]float64) {
	freqs, magnitude := ropeFrequencies(cfg)
	for t := range n {
		c, s := make([]float64, len(freqs)), make([]float64, len(freqs))
		for i, f := range freqs {
			angle := float64(t) * f
			c[i], s[i] = math.Cos(angle)*magnitude, math.Sin(angle)*magnitude
		}
		cos, sin = append(cos, c), append(sin, s)
	}
	return cos, sin
}

// RopeDim is the number of elements of a head that RoPE turns.
func RopeDim(cfg model.Config) int {
	if cfg.MLA() {
		return cfg.QKRopeHeadDim
	}
	return cfg.HeadDim
}

// ropeFrequencies gives the angle per position of every pair, and the factor on cosine and sine. YaRN
// (arXiv 2309.00071, section 3.2) keeps pairs that turn more than beta_fast times over the original
// context, divides by the factor those that turn fewer than beta_slow times, and blends between.
func ropeFrequencies(cfg model.Config) (freqs []float64, magnitude float64) {
	d := RopeDim(cfg)
	freqs = make([]float64, d/2)
	for i := range freqs {
		freqs[i] = 1 / math.Pow(cfg.RopeTheta, float64(2*i)/float64(d))
	}
	rs := cfg.RopeScaling
	if rs == nil {
		return freqs, 1
	}
	pairOf := func(turns float64) float64 {
		return float64(d) * math.Log(float64(rs.OriginalMaxPositionEmbeddings)/(turns*2*math.Pi)) / (2 * math.Log(cfg.RopeTheta))
	}
	low := math.Max(math.Floor(pairOf(orDefault(rs.BetaFast, 32))), 0)
	high := math.Min(math.Ceil(pairOf(orDefault(rs.BetaSlow, 1))), float64(d-1))
	if low == high {
		high += 0.001 // as in the published code: no division by zero
	}
	for i, f := range freqs {
		ramp := math.Min(math.Max((float64(i)-low)/(high-low), 0), 1)
		freqs[i] = f/rs.Factor*ramp + f*(1-ramp)
	}
	magnitude = yarnScale(rs.Factor, orDefault(rs.Mscale, 1))
	if rs.MscaleAllDim != 0 {
		magnitude /= yarnScale(rs.Factor, rs.MscaleAllDim)
	}
	return freqs, magnitude
}

// AttentionScale is the factor on q.k before the softmax: head width^-1/2, times the square of YaRN's
// mscale when mscale_all_dim is set.
func AttentionScale(cfg model.Config) float64 {
	scale := 1 / math.Sqrt(float64(cfg.QKHeadDim()))
	if rs := cfg.RopeScaling; rs != nil && rs.MscaleAllDim != 0 {
		m := yarnScale(rs.Factor, rs.MscaleAllDim)
		scale *= m * m
	}
	return scale
}

func yarnScale(factor, mscale float64) float64 {
	if factor <= 1 {
		return 1
	}
	return 0.1*mscale*math.Log(factor) + 1
}

func orDefault(v, def float64) float64 {
	if v == 0 {
		return def
	}
	return v
}
