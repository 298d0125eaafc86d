package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"muonclip/rl"
)

// maxEnvironments bounds the environments that get a chart of their own.
const maxEnvironments = 8

// byIteration is the frame of a chart over iterations.
func byIteration(title, yLabel string, lines ...series) lineChart {
	for i := range lines {
		if len(lines[i].x) == 1 {
			lines[i].class = "dots" // a line of one point cannot be seen
		}
	}
	return lineChart{title: title + " over iterations", xName: "iteration", yLabel: yLabel, zero: true, series: lines}
}

// over takes a figure from each iteration.
func (in *input) over(name string, colour int, of func(*rl.Iteration) float64) series {
	s := series{name: name, colour: colour}
	for _, it := range in.iterations {
		s.x, s.y = append(s.x, float64(it.Iteration)), append(s.y, of(it))
	}
	return s
}

// environments lists the environments of training, or of the held-out evaluations.
func (in *input) environments(heldOut bool) []string {
	seen := map[string]bool{}
	for _, it := range in.iterations {
		if heldOut {
			for name := range it.HeldOut {
				seen[name] = true
			}
			continue
		}
		for name := range it.Components {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// rewardSections is the part of the page about what the policy earns and writes.
func (in *input) rewardSections() []section {
	const none = "No iteration is stored yet."
	const noHeldOut = "No iteration has a held-out evaluation."
	reward := section{"reward", "Reward", []figure{
		newFigure("Mean reward",
			"Of all rollouts with a reward; dots are the mean rewards of held-out episodes, where the policy acts without chance.",
			in.rewardChart().svg(false), none),
		newFigure("Held-out success", "Share of held-out episodes that earn the whole reward, with 95% Wilson intervals.", in.successChart().svg(false), noHeldOut),
	}}
	names := in.environments(false)
	for _, name := range names[:min(len(names), maxEnvironments)] {
		ch, note := in.componentChart(name)
		reward.Figures = append(reward.Figures, newFigure("Components: "+visible(shorten(name, 40)), note, ch.svg(false), "No rollout was measured."))
	}
	behaviour := section{"behaviour", "Behaviour", []figure{
		newFigure("Length", "Tokens that the policy writes in a rollout, mean.",
			byIteration("Length of rollouts", "tokens", in.over("tokens", 0, func(it *rl.Iteration) float64 { return it.Length })).svg(false), none),
		newFigure("Shares", "Repeated: 4-grams that occurred before in the same rollout. Cut off: rollouts that ran out of tokens or turns. "+
			"Equal: groups whose rewards are all the same, which teach nothing.",
			in.shareChart().svg(false), none),
		newFigure("Temperature", "Of the rollouts.",
			byIteration("Sampling temperature", "temperature", in.over("temperature", 3, func(it *rl.Iteration) float64 { return it.Temperature })).svg(false), none),
		newFigure("Log-probability difference",
			"Between a rollout's tokens as they were drawn and as the trainer computes them. Equal weights and equal arithmetic give rounding errors alone.",
			in.differenceChart().svg(false), "No iteration has a difference above zero."),
	}}
	return []section{reward, behaviour}
}

func (in *input) rewardChart() lineChart {
	lines := []series{in.over("training", 0, func(it *rl.Iteration) float64 { return it.Reward })}
	for i, name := range in.heldOutShown() {
		s := in.heldOutSeries(name, i+1, func(r rl.Rates) float64 { return r.Reward })
		s.name, s.class = "held-out "+s.name, "dots"
		lines = append(lines, s)
	}
	return byIteration("Mean reward", "reward", lines...)
}

func (in *input) successChart() lineChart {
	var lines []series
	for i, name := range in.heldOutShown() {
		s := in.heldOutSeries(name, i+1, func(r rl.Rates) float64 { return r.Success.Share })
		s.low = in.heldOutSeries(name, 0, func(r rl.Rates) float64 { return r.Success.Low }).y
		s.high = in.heldOutSeries(name, 0, func(r rl.Rates) float64 { return r.Success.High }).y
		s.class = "dots"
		lines = append(lines, s)
	}
	label := "share of episodes"
	if len(lines) == 1 {
		label += ", " + lines[0].name
	}
	return byIteration("Held-out success", label, lines...)
}

// heldOutShown is the environments that charts have room and colours for.
func (in *input) heldOutShown() []string {
	names := in.environments(true)
	return names[:min(len(names), maxEnvironments-1)]
}

func (in *input) heldOutSeries(name string, colour int, of func(rl.Rates) float64) series {
	s := series{name: shorten(name, 24), colour: colour}
	for _, it := range in.iterations {
		if r, ok := it.HeldOut[name]; ok {
			s.x, s.y = append(s.x, float64(it.Iteration)), append(s.y, of(r))
		}
	}
	return s
}

// componentChart shows the components of the reward in an environment; where they are too many to tell apart, those
// that moved most.
func (in *input) componentChart(name string) (ch lineChart, note string) {
	seen := map[string]bool{}
	for _, it := range in.iterations {
		for c := range it.Components[name] {
			seen[c] = true
		}
	}
	var lines []series
	for _, c := range slices.Sorted(maps.Keys(seen)) {
		lines = append(lines, in.over(shorten(c, 24), 0, func(it *rl.Iteration) float64 {
			if v, ok := it.Components[name][c]; ok {
				return v
			}
			return math.NaN()
		}))
	}
	note = "Means of what was measured of the rollouts, 0 to 1."
	if all := len(lines); all > len(lineColours) {
		slices.SortStableFunc(lines, func(a, b series) int { return cmp.Compare(spread(b.y), spread(a.y)) })
		lines = lines[:len(lineColours)]
		note += fmt.Sprintf(" The %d of %d that moved most.", len(lines), all)
	}
	for i := range lines {
		lines[i].colour = i
	}
	label := "mean"
	if len(lines) == 1 {
		label += " of " + lines[0].name
	}
	return byIteration("Components of the reward", label, lines...), note
}

func spread(y []float64) float64 {
	lo, hi, ok := extent(y)
	if !ok {
		return -1
	}
	return hi - lo
}

func (in *input) shareChart() lineChart {
	return byIteration("Shares of repeated, cut off and equal", "share",
		in.over("repeated", 0, func(it *rl.Iteration) float64 { return it.Repetition }),
		in.over("cut off", 1, func(it *rl.Iteration) float64 { return it.Cut }),
		in.over("equal", 2, func(it *rl.Iteration) float64 { return float64(it.Equal) / float64(it.Groups) }), // no groups: not a number, a gap
	)
}

// aim is the difference of log-probabilities, in nats, that rollouts and training are to stay below.
const aim = 1e-5

func (in *input) differenceChart() lineChart {
	positive := func(v float64) float64 {
		if v > 0 {
			return v
		}
		return math.NaN() // nothing was compared
	}
	ch := byIteration("Log-probability difference", "nats per token",
		in.over("largest", 1, func(it *rl.Iteration) float64 { return positive(it.LogProbMax) }),
		in.over("mean", 0, func(it *rl.Iteration) float64 { return positive(it.LogProbMean) }))
	ch.log, ch.zero, ch.levels = true, false, []level{{y: aim, label: "aim: below 1e-5", left: true}}
	return ch
}
