package report

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muonclip/rl"
)

// Stages after pretraining, as config.yaml names them. Each has a run folder of its own below the run's, called the same.
const (
	stageSFT = "sft"
	stageRL  = "rl"
)

// readStage finds out which stage a folder belongs to and reads what only that stage has.
func (in *input) readStage() {
	for _, s := range in.config {
		if s.Key == "stage" { // and not the end of a longer key
			in.stage = s.Value
		}
	}
	_, err := os.Stat(filepath.Join(in.dir, "rollouts"))
	if err == nil {
		in.stage = stageRL // also where config.yaml is lost
	}
	if in.stage != stageRL {
		return
	}
	if in.iterations, err = rl.ReadIterations(in.dir); err != nil {
		in.problems = append(in.problems, in.local(err)+"; what follows is left out")
	}
}

// local writes an error with paths as seen from the run folder.
func (in *input) local(err error) string {
	return strings.ReplaceAll(strings.TrimPrefix(err.Error(), "rl: "), in.dir+string(filepath.Separator), "")
}

// kind says what the page is.
func (in *input) kind() string {
	switch in.stage {
	case stageSFT:
		return "fine-tuning report"
	case stageRL:
		return "reinforcement learning report"
	}
	return "training report"
}

// sources names the files that the page is made from.
func (in *input) sources() string {
	s := "config.yaml, manifest.json, metrics.jsonl, events.jsonl and samples.jsonl"
	switch {
	case in.stage == stageRL:
		s += " and the rollouts"
	case in.after != nil:
		s += ", from " + EvaluationFile + " and the folders of the later stages"
	}
	return s
}

// up is the address of the whole run's report, "" where there is none.
func (in *input) up() string {
	if in.stage != stageSFT && in.stage != stageRL {
		return ""
	}
	if _, err := os.Stat(filepath.Join(in.dir, "..", FileName)); err != nil {
		return ""
	}
	return "../" + FileName
}

// lossFigures shows the loss as far as it means something in the stage.
func (in *input) lossFigures(none string) []figure {
	c := in.c
	switch in.stage {
	case stageRL:
		ch := lossChart(c, 0)
		ch.title, ch.yLabel = "Loss of the objective over training steps", "weighted log-likelihood"
		return []figure{newFigure("Loss of the objective",
			"Each token's negative log-likelihood weighs what the objective says. Its gradient teaches; its height says nothing of success.",
			ch.svg(false), none)}
	case stageSFT:
		return []figure{
			newFigure("Loss",
				"Cross-entropy of the tokens that an assistant writes. Held-out points come from dialogues that are never trained on.",
				lossChart(c, 0).svg(false), none),
			newFigure("Held-out loss by kind of turn", "The same, apart for each kind of turn of the assistant.", turnChart(c).svg(false),
				"No evaluation tells kinds of turns apart yet."),
		}
	}
	return []figure{newFigure("Loss", "Cross-entropy of the next token. Held-out points come from text that is never trained on.",
		lossChart(c, in.number("unigram_loss")).svg(false), none)}
}

// turnChart shows the held-out loss of each kind of turn.
func turnChart(c *columns) lineChart {
	ch := lineChart{title: "Held-out loss by kind of turn over training steps", yLabel: "nats per token", log: true}
	kinds := slices.Sorted(maps.Keys(c.valBy))
	for i, k := range kinds[:min(len(kinds), len(lineColours))] {
		ch.series = append(ch.series, series{name: shorten(k, 24), colour: i, class: "dots", x: c.valStep, y: c.valBy[k]})
	}
	return ch
}

// sftVerdict compares the last held-out loss with the first.
func (in *input) sftVerdict() (text, class string) {
	val, at := in.heldOut()
	switch {
	case math.IsNaN(at):
		return fmt.Sprintf("Train loss is %s nats per token of an assistant; the held-out loss was not measured.", digits(in.trainLoss(), 4)), ""
	case math.IsNaN(finite(val)):
		return fmt.Sprintf("The held-out loss is not a finite number at step %s.", grouped(at)), "bad"
	}
	text = fmt.Sprintf("Held-out loss is %s nats per token of an assistant", digits(val, 4))
	first := in.c.val[0]
	switch {
	case len(in.c.val) == 1 || math.IsNaN(finite(first)):
		return text + "; it was measured once.", ""
	case val < first:
		return text + fmt.Sprintf(", down from %s at step %s.", digits(first, 4), grouped(in.c.valStep[0])), "good"
	}
	return text + fmt.Sprintf(", not below the %s of step %s.", digits(first, 4), grouped(in.c.valStep[0])), "bad"
}

// turnTiles gives the last held-out loss of each kind of turn.
func (in *input) turnTiles() []tile {
	const most = 4
	var tiles []tile
	for _, k := range slices.Sorted(maps.Keys(in.c.valBy)) {
		v := in.c.valBy[k]
		for i := len(v) - 1; i >= 0 && len(tiles) < most; i-- {
			if !math.IsNaN(v[i]) {
				tiles = append(tiles, tile{"Held-out, " + visible(shorten(k, 24)), digits(v[i], 4), "nats/token at step " + grouped(in.c.valStep[i])})
				break
			}
		}
	}
	return tiles
}
