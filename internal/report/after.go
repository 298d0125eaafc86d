package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muonclip/rl"
)

// after is what followed pretraining in a whole run.
type after struct {
	Stages     []stageLine
	Success    figure
	Rates      []ratesRow
	Models     []string // heads of the columns of Components and Kinds
	Components []comparison
	Kinds      []comparison
	Samples    []comparedSample
	Note       string

	eval *Evaluation
}

// stageLine is a stage with its report, which may not be written yet.
type stageLine struct{ Name, Href, Status, Verdict string }

// ratesRow is how one model does in one task.
type ratesRow struct{ Task, Model, Success, Interval, Episodes, Reward, Tokens, Change string }

// comparison is one figure of each model.
type comparison struct {
	Task, Name string
	Values     []string
}

type comparedSample struct {
	Title, Prompt string
	Turns         []comparedTurn
}

type comparedTurn struct{ Model, Reward, Text string }

// Bounds of what is shown of an evaluation.
const (
	maxModels  = 6
	maxTasks   = 16
	maxSamples = 8
)

// readAfter reads what the later stages left in the folder of a whole run; it is nil where there is nothing.
func (in *input) readAfter() {
	if in.stage == stageSFT || in.stage == stageRL {
		return
	}
	var a after
	for _, s := range []struct{ dir, name string }{{stageSFT, "Supervised fine-tuning"}, {stageRL, "Reinforcement learning"}} {
		dir := filepath.Join(in.dir, s.dir)
		if !holds(dir, "config.yaml") {
			continue
		}
		sub, err := load(dir)
		if err != nil {
			in.problems = append(in.problems, in.local(err))
			continue
		}
		line := stageLine{Name: s.name, Status: sub.status()}
		line.Verdict, _ = sub.verdict()
		if holds(dir, FileName) {
			line.Href = s.dir + "/" + FileName
		}
		a.Stages = append(a.Stages, line)
	}
	a.eval = in.readEvaluation()
	if len(a.Stages) == 0 && a.eval == nil {
		return
	}
	in.after = &a
	if a.eval == nil {
		a.Note = "The models of the stages have not been compared yet: " + EvaluationFile + " is not there."
		return
	}
	a.compare()
}

func holds(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular()
}

// compare fills in what the evaluation says.
func (a *after) compare() {
	models := a.eval.Models[:min(len(a.eval.Models), maxModels)]
	seen := map[string]bool{}
	var prints []string
	for _, m := range models {
		a.Models = append(a.Models, modelName(m.Name))
		if m.Weights != "" {
			prints = append(prints, modelName(m.Name)+" "+visible(shorten(m.Weights, 80)))
		}
		for task := range m.Tasks {
			seen[task] = true
		}
	}
	tasks := slices.Sorted(maps.Keys(seen))
	tasks = tasks[:min(len(tasks), maxTasks)]
	ch := intervalChart{title: "Success of each stage's model by task", xLabel: "% of held-out episodes"}
	for _, task := range tasks {
		a.addTask(task, models)
		g := intervalGroup{name: cut(task, 40)}
		for i, m := range models {
			if r, ok := m.Tasks[task]; ok {
				g.rows = append(g.rows, intervalRow{modelName(m.Name), i, r.Success})
			}
		}
		ch.groups = append(ch.groups, g)
	}
	a.Success = newFigure("Success by task",
		"Share of held-out episodes that earn the whole reward, with 95% Wilson intervals. The models act on the same episodes and take the likeliest token everywhere, unless a temperature is named.",
		ch.svg(false), EvaluationFile+" has no measured task.")
	for _, s := range a.eval.Samples[:min(len(a.eval.Samples), maxSamples)] {
		a.Samples = append(a.Samples, compareSample(s, models))
	}
	if len(prints) > 0 {
		a.Note = "Weights: " + strings.Join(prints, ", ") + "."
	}
}

// addTask adds the rows of one task to the tables.
func (a *after) addTask(task string, models []Evaluated) {
	name := visible(shorten(task, 60))
	components, kinds := map[string]bool{}, map[string]bool{}
	var before *rl.Rates
	for _, m := range models {
		r, ok := m.Tasks[task]
		if !ok {
			continue
		}
		row := ratesRow{
			Task: name, Model: modelName(m.Name), Success: "–", Interval: "–",
			Episodes: grouped(float64(r.Success.Of)), Reward: digits(r.Reward, 3), Tokens: digits(r.Tokens, 3),
		}
		if r.Success.Of > 0 {
			row.Success, row.Interval = percent(r.Success.Share), percent(r.Success.Low)+" to "+percent(r.Success.High)
		}
		if r.Missing > 0 {
			row.Episodes += fmt.Sprintf(" (%s missing)", grouped(float64(r.Missing)))
		}
		if before != nil && before.Success.Of > 0 && r.Success.Of > 0 {
			row.Change = change(before.Success, r.Success)
		}
		before = &r
		a.Rates = append(a.Rates, row)
		for c := range r.Components {
			components[c] = true
		}
		for k := range r.Kinds {
			kinds[k] = true
		}
	}
	add := func(list *[]comparison, names map[string]bool, value func(rl.Rates, string) string) {
		for _, c := range slices.Sorted(maps.Keys(names)) {
			row := comparison{Task: name, Name: visible(shorten(c, 60))}
			for _, m := range models {
				row.Values = append(row.Values, value(m.Tasks[task], c))
			}
			if len(*list) < maxTable {
				*list = append(*list, row)
			}
		}
	}
	add(&a.Components, components, func(r rl.Rates, c string) string {
		if v, ok := r.Components[c]; ok {
			return digits(v, 3)
		}
		return "–"
	})
	if len(kinds) > 1 { // a single kind says what the whole says
		add(&a.Kinds, kinds, func(r rl.Rates, k string) string { return rateText(r.Kinds[k]) })
	}
}

// change writes the difference of two shares in percentage points with its 95% interval: Newcombe's hybrid of two Wilson
// intervals (Statistics in Medicine 17, 1998, method 10). It takes the samples as independent; for the same episodes that
// is on the safe side as a rule.
func change(a, b rl.Rate) string {
	d := b.Share - a.Share
	low := d - math.Hypot(b.Share-b.Low, a.High-a.Share)
	high := d + math.Hypot(b.High-b.Share, a.Share-a.Low)
	return fmt.Sprintf("%+.1f points (%+.1f to %+.1f)", 100*d, 100*low, 100*high)
}

func compareSample(s Compared, models []Evaluated) comparedSample {
	const longest = 1800
	out := comparedSample{Title: visible(shorten(s.Task+" "+s.Key, 120)), Prompt: visible(keepEnd(s.Prompt, longestOpening))}
	for _, m := range models {
		turns, ok := s.Turns[m.Name]
		if !ok {
			continue
		}
		t := comparedTurn{Model: modelName(m.Name), Text: visible(shorten(turns, longest))}
		if reward, ok := s.Rewards[m.Name]; ok {
			t.Reward = digits(reward, 3)
		}
		out.Turns = append(out.Turns, t)
	}
	return out
}

// modelName writes the names of the stages as people do.
func modelName(name string) string {
	switch name {
	case "base":
		return "Base"
	case stageSFT:
		return "SFT"
	case stageRL:
		return "RL"
	}
	return cmp.Or(visible(shorten(name, 24)), "?")
}

// tiles gives the success of the last model on the first tasks.
func (a *after) tiles() []tile {
	const most = 3
	if a == nil || a.eval == nil || len(a.eval.Models) == 0 {
		return nil
	}
	models := a.eval.Models[:min(len(a.eval.Models), maxModels)]
	last := models[len(models)-1]
	var out []tile
	for _, task := range slices.Sorted(maps.Keys(last.Tasks)) {
		r := last.Tasks[task].Success
		if r.Of == 0 || len(out) == most {
			continue
		}
		var earlier []string
		for _, m := range models[:len(models)-1] {
			if b, ok := m.Tasks[task]; ok && b.Success.Of > 0 {
				earlier = append(earlier, modelName(m.Name)+" "+percent(b.Success.Share))
			}
		}
		detail := "after " + modelName(last.Name)
		if len(earlier) > 0 {
			detail += "; " + strings.Join(earlier, ", ")
		}
		out = append(out, tile{"Success, " + visible(shorten(task, 24)), percent(r.Share), detail})
	}
	return out
}
