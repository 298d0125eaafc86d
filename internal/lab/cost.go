package lab

import (
	"fmt"
	"math"
)

// cost is the FLOPs after which run a first has the held-out loss that run b ends with, over the FLOPs of b. Between
// evaluations the loss is taken to fall evenly in the logarithm of FLOPs. Where a never comes so low, the ratio is at
// least that of all its FLOPs, which is returned with a note.
func cost(a, b *Result) (float64, string) {
	if a == nil || b == nil || len(a.Val) == 0 || len(b.Val) == 0 {
		return math.NaN(), "a held-out curve is missing"
	}
	target, spent := b.Val[len(b.Val)-1], b.ValFLOPs[len(b.Val)-1]
	for i, v := range a.Val {
		if v > target {
			continue
		}
		at := a.ValFLOPs[i]
		if i > 0 && a.Val[i-1] > v {
			u := (a.Val[i-1] - target) / (a.Val[i-1] - v)
			at = math.Exp(math.Log(a.ValFLOPs[i-1]) + u*(math.Log(at)-math.Log(a.ValFLOPs[i-1])))
		}
		return at / spent, ""
	}
	return a.ValFLOPs[len(a.Val)-1] / spent, fmt.Sprintf("%s never had a loss of %s, so its ratio is more than stated", a.Cell, short(target))
}

// value is the ratio of FLOPs at equal loss of one seed.
func (l *Ladder) value(t *Table, seed uint64) (float64, string) {
	var fits [2][2]float64
	for i, arm := range l.Arms {
		var c, loss []float64
		for _, size := range l.Sizes {
			r := t.Run(join(arm, size), seed)
			if r == nil || math.IsNaN(r.Values["val_loss"]) {
				return math.NaN(), join(arm, size) + " has no val_loss"
			}
			c, loss = append(c, math.Log(r.Values["flops"])), append(loss, math.Log(r.Values["val_loss"]))
		}
		fits[i][0], fits[i][1] = line(c, loss)
	}
	if fits[0][1] >= 0 || fits[1][1] >= 0 {
		return math.NaN(), "the loss does not fall with size, so there is no law to compare"
	}
	at := math.Log(l.middle(t))
	loss := fits[1][0] + fits[1][1]*at
	return math.Exp((loss-fits[0][0])/fits[0][1] - at), ""
}

// middle is the geometric mean of the second arm's FLOPs over the ladder.
func (l *Ladder) middle(t *Table) float64 {
	var logs []float64
	for _, size := range l.Sizes {
		for _, v := range t.Values(join(l.Arms[1], size), "flops") {
			logs = append(logs, math.Log(v))
		}
	}
	return math.Exp(mean(logs))
}

// implied is the ratio that the published fits give for a budget of the second arm, in FLOPs.
func (l *Ladder) implied(flops float64) float64 {
	const petaflopDay = 1e15 * 86400
	c := flops / petaflopDay
	a, b := l.Published[0], l.Published[1]
	loss := b[0] * math.Pow(c, b[1])
	return math.Pow(loss/a[0], 1/a[1]) / c
}
