package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"muonclip/rl"
)

// rlPage is what the page of reinforcement learning has beside the charts.
type rlPage struct {
	Warnings    []warning
	WarningNote string
	Measures    []measure // components, then held-out success, of the first and the last iteration
	Successes   []measure
	Buckets     []bucketRow
	BucketNote  string
	Time        figure
	Phases      []phase
	Episodes    []episode
	EpisodeNote string
}

type warning struct{ Where, Text string }

// measure is a figure at the beginning and at the end.
type measure struct{ Environment, Name, First, Last string }

type bucketRow struct {
	Environment, Kind string
	Cells             []bucketCell // by difficulty
}

// bucketCell is the mean reward of one kind of episodes; Class tints it.
type bucketCell struct{ Class, Reward, Weight string }

type phase struct{ Name, Time, Share string }

// maxTable bounds the rows of a table.
const maxTable = 120

func (in *input) rlPage() *rlPage {
	p := &rlPage{Measures: in.componentTable(), Successes: in.successTable()}
	p.Warnings, p.WarningNote = in.warnings()
	p.Buckets, p.BucketNote = in.bucketTable()
	p.Time, p.Phases = in.timing()
	p.Episodes, p.EpisodeNote = in.episodes()
	return p
}

// warnings lists what the watch saw, and why rollouts have no reward.
func (in *input) warnings() (list []warning, note string) {
	missing := map[string]int{}
	for _, it := range in.iterations {
		for _, w := range it.Warnings {
			list = append(list, warning{fmt.Sprintf("Iteration %d", it.Iteration), visible(shorten(w, 400))})
		}
		for reason, n := range it.Errors {
			missing[reason] += n
		}
	}
	switch n := len(list); {
	case len(in.iterations) == 0:
		return nil, "No iteration is stored yet."
	case n == 0:
		note = "The watch on length, repetition, cut rollouts, form without substance, and reward without held-out success saw nothing."
	case n > maxTable:
		note = fmt.Sprintf("The last %d of %s.", maxTable, grouped(float64(n)))
		list = list[n-maxTable:]
	}
	reasons := slices.SortedFunc(maps.Keys(missing), func(a, b string) int { return cmp.Or(missing[b]-missing[a], cmp.Compare(a, b)) })
	for _, reason := range reasons[:min(len(reasons), 10)] {
		list = append(list, warning{"No reward", fmt.Sprintf("%s × %s", grouped(float64(missing[reason])), visible(shorten(reason, 400)))})
	}
	return list, note
}

// componentTable gives every component of every environment in the first and the last iteration that has it.
func (in *input) componentTable() []measure {
	var out []measure
	for _, name := range in.environments(false) {
		first, last := map[string]float64{}, map[string]float64{}
		for _, it := range in.iterations {
			for c, v := range it.Components[name] {
				if _, ok := first[c]; !ok {
					first[c] = v
				}
				last[c] = v
			}
		}
		for _, c := range slices.Sorted(maps.Keys(last)) {
			out = append(out, measure{visible(shorten(name, 60)), visible(shorten(c, 60)), digits(first[c], 3), digits(last[c], 3)})
		}
	}
	return out[:min(len(out), maxTable)]
}

// successTable gives the first and the last held-out success of every environment, as a whole and by kind of episode.
func (in *input) successTable() []measure {
	var out []measure
	for _, name := range in.environments(true) {
		first, last, n := in.heldOutEnds(name)
		add := func(kind string, a, b rl.Rate) {
			m := measure{visible(shorten(name, 60)), kind, rateText(a), "–"}
			if n > 1 {
				m.Last = rateText(b)
			}
			out = append(out, m)
		}
		add("all", first.Success, last.Success)
		kinds := maps.Clone(first.Kinds)
		if kinds == nil {
			kinds = map[string]rl.Rate{}
		}
		maps.Copy(kinds, last.Kinds)
		if len(kinds) < 2 {
			continue
		}
		for _, k := range slices.Sorted(maps.Keys(kinds)) {
			add(visible(shorten(k, 60)), first.Kinds[k], last.Kinds[k])
		}
	}
	return out[:min(len(out), maxTable)]
}

// heldOutEnds gives the first and the last held-out evaluation in an environment, and how many there are.
func (in *input) heldOutEnds(name string) (first, last rl.Rates, n int) {
	for _, it := range in.iterations {
		if r, ok := it.HeldOut[name]; ok {
			if n == 0 {
				first = r
			}
			last = r
			n++
		}
	}
	return first, last, n
}

// tints is the number of background tints of the table of buckets.
const tints = 8

// bucketTable shows what is known of each kind of episodes at the end, one row a kind and one column a difficulty of 1
// to 5.
func (in *input) bucketTable() (rows []bucketRow, note string) {
	if len(in.iterations) == 0 {
		return nil, "No iteration is stored yet."
	}
	buckets := in.iterations[len(in.iterations)-1].Buckets
	if len(buckets) == 0 {
		return nil, "Nothing is known of any kind of episodes yet."
	}
	type row struct{ env, kind string }
	cells := map[row][]bucketCell{}
	odd := 0
	for name, b := range buckets {
		head, difficulty, ok := cutLast(name, "/")
		env, kind, found := strings.Cut(head, "/")
		if !ok || !found || len(difficulty) != 1 || difficulty < "1" || difficulty > "5" {
			odd++
			continue
		}
		at := row{env, kind}
		if cells[at] == nil {
			cells[at] = make([]bucketCell, 5)
		}
		tint := int(math.Round(min(max(b.Reward, 0), 1) * (tints - 1)))
		cells[at][difficulty[0]-'1'] = bucketCell{fmt.Sprintf("q%d", tint), digits(b.Reward, 2), digits(b.Weight, 3)}
	}
	order := slices.SortedFunc(maps.Keys(cells), func(a, b row) int { return cmp.Or(cmp.Compare(a.env, b.env), cmp.Compare(a.kind, b.kind)) })
	if odd > 0 {
		note = fmt.Sprintf("%d sorts of episodes are of another form and left out.", odd)
	}
	for _, r := range order[:min(len(order), maxTable)] {
		rows = append(rows, bucketRow{visible(shorten(r.env, 60)), visible(shorten(r.kind, 60)), cells[r]})
	}
	return rows, note
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// timing shows where the time of the iterations went: as a chart, and in total.
func (in *input) timing() (figure, []phase) {
	names := []string{"reading", "writing", "parsing", "environments", "evaluation", "comparison", "other"}
	ch := stackedChart{title: "Time of the iterations by phase", xName: "iteration", names: names}
	total := make([]float64, len(names))
	sum := 0.0
	for i, it := range in.iterations {
		if i == 0 {
			ch.first = it.Iteration
		}
		s := it.Seconds
		other := max(0, s.Collection-s.Prefill-s.Decode-s.Draw-s.Environment)
		parts := []float64{s.Prefill, s.Decode, s.Draw, s.Environment, s.Evaluation, s.Comparison, other}
		ch.parts = append(ch.parts, parts)
		for k, v := range parts {
			if v > 0 {
				total[k] += v
				sum += v
			}
		}
	}
	fig := newFigure("Time by phase",
		"Reading prompts and answers and writing are passes of the model with the choice of tokens; parsing is what is done with these. Updates of the weights come on top.",
		ch.svg(false), "No iteration has a time.")
	var phases []phase
	for k, name := range names {
		if total[k] > 0 {
			phases = append(phases, phase{strings.ToUpper(name[:1]) + name[1:], duration(total[k]), percent(total[k] / sum)})
		}
	}
	return fig, phases
}
