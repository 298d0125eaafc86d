package report

import (
	"fmt"
	"math"
	"strings"
)

// verdict is the sentence that says whether the run worked, and "good", "bad" or "" for neither.
func (in *input) verdict() (text, class string) {
	c := in.c
	n := len(c.step)
	if n == 0 && in.stage == stageRL {
		return in.rlVerdict()
	}
	if n == 0 {
		return "No training step is recorded yet.", ""
	}
	if last := c.loss[n-1]; math.IsNaN(finite(last)) {
		i := n - 1
		for i > 0 && math.IsNaN(finite(c.loss[i-1])) {
			i--
		}
		return fmt.Sprintf("Training broke down: the loss is not a finite number from step %s on.", grouped(c.step[i])), "bad"
	}
	switch in.stage {
	case stageSFT:
		return in.sftVerdict()
	case stageRL:
		return in.rlVerdict()
	}
	unigram := in.number("unigram_loss")
	val, at := in.heldOut()
	switch {
	case math.IsNaN(at):
		return fmt.Sprintf("Train loss is %s nats per token; the held-out loss was not measured.", digits(in.trainLoss(), 4)), ""
	case math.IsNaN(finite(val)):
		return fmt.Sprintf("The held-out loss is not a finite number at step %s.", grouped(at)), "bad"
	case !(finite(unigram) > 0):
		return fmt.Sprintf("Held-out loss is %s nats per token (perplexity %s); there is no unigram baseline to compare it with.", digits(val, 4), digits(math.Exp(val), 3)), ""
	case val < unigram:
		return fmt.Sprintf("Held-out loss is %s nats per token, %s below the unigram baseline of %s: perplexity %s instead of %s.",
			digits(val, 4), digits(unigram-val, 3), digits(unigram, 4), digits(math.Exp(val), 3), digits(math.Exp(unigram), 3)), "good"
	}
	return fmt.Sprintf("Held-out loss is %s nats per token, not below the unigram baseline of %s: the model predicts no better than token frequencies.",
		digits(val, 4), digits(unigram, 4)), "bad"
}

// status says how far the run has come, in one line.
func (in *input) status() string {
	c := in.c
	n := len(c.step)
	if n == 0 {
		return ""
	}
	last := c.step[n-1]
	var parts []string
	total := in.figure("train.steps")
	switch {
	case in.text("finished") != "" || total > 0 && last >= total:
		parts = append(parts, "Finished after "+grouped(last)+" steps")
	case total > 0:
		parts = append(parts, fmt.Sprintf("At step %s of %s (%s%%)", grouped(last), grouped(total), digits(100*last/total, 3)))
	default:
		parts = append(parts, "At step "+grouped(last))
	}
	count := func(n int, one, many string) {
		if n == 1 {
			parts = append(parts, "1 "+one)
		} else if n > 1 {
			parts = append(parts, grouped(float64(n))+" "+many)
		}
	}
	count(len(in.iterations), "iteration", "iterations")
	clips, _ := in.clipTotal()
	count(clips, "QK-Clip event", "QK-Clip events")
	count(in.spikes, "spike", "spikes")
	count(c.skipped, "skipped update", "skipped updates")
	count(in.nans, "non-finite value", "non-finite values")
	count(in.resumes, "resume", "resumes")
	return strings.Join(parts, " · ")
}

// heldOut is the last held-out loss and its step, which is NaN where there is none.
func (in *input) heldOut() (val, step float64) {
	n := len(in.c.val)
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	return in.c.val[n-1], in.c.valStep[n-1]
}

// trainLoss is the mean of the last steps, for a single batch is noisy.
func (in *input) trainLoss() float64 {
	v, _ := tail(in.c.loss, tailSteps)
	return v
}

// tailSteps is the number of steps that "final" figures are averaged over.
const tailSteps = 20

// tile is one figure at the head of the page.
type tile struct{ Name, Value, Detail string }

func (in *input) tiles() []tile {
	c := in.c
	n := len(c.step)
	tiles := append(in.after.tiles(), in.rlTiles()...)
	if n == 0 {
		return tiles
	}
	add := func(name, value, detail string) { tiles = append(tiles, tile{name, value, detail}) }
	if in.stage != stageRL {
		tiles = append(tiles, in.lossTiles()...)
	}
	add("Tokens trained", si(c.tokens[n-1]), passes(c.tokens[n-1], in.number("tokens_train")))
	add("Training time", duration(c.seconds[n-1]), started(in))
	tps := median(append([]float64(nil), c.tokensPerSec...))
	add("Tokens/s", grouped(tps), "median of all steps")
	if flops := median(append([]float64(nil), c.flopsPerSec...)); flops > 0 {
		detail := "of model arithmetic"
		if share := median(append([]float64(nil), c.share...)); share > 0 {
			detail = digits(100*share, 2) + "% of the measured peak"
		}
		add("Speed", si(flops)+"FLOP/s", detail)
	}
	total, active := in.number("parameters_total"), in.number("parameters_activated")
	switch {
	case total > 0 && active > 0 && active != total:
		add("Parameters", si(total), si(active)+" activated per token")
	case total > 0:
		add("Parameters", si(total), "all activated")
	}
	if top := c.largestLogit(); !math.IsNaN(top) {
		detail := "over all heads and steps"
		if tau := in.tau(); !math.IsNaN(tau) {
			detail += "; τ = " + digits(tau, 3)
		}
		add("Largest logit", digits(top, 3), detail)
	}
	if clips, last := in.clipTotal(); clips > 0 {
		add("QK-Clip events", grouped(float64(clips)), fmt.Sprintf("in %d heads, the last at step %s", len(in.clips), grouped(float64(last))))
	} else if tau := in.tau(); c.layers > 0 && tau > 0 {
		add("QK-Clip events", "0", "no head came above τ = "+digits(tau, 3))
	}
	return tiles
}

// lossTiles gives the last losses.
func (in *input) lossTiles() []tile {
	var tiles []tile
	add := func(name, value, detail string) { tiles = append(tiles, tile{name, value, detail}) }
	mean, used := tail(in.c.loss, tailSteps)
	add("Final train loss", digits(mean, 4), fmt.Sprintf("nats/token, mean of %d steps", used))
	if val, at := in.heldOut(); !math.IsNaN(at) {
		add("Held-out loss", digits(val, 4), "nats/token at step "+grouped(at))
	} else {
		add("Held-out loss", "–", "not measured")
	}
	if in.stage == stageSFT {
		return append(tiles, in.turnTiles()...)
	}
	if u := in.number("unigram_loss"); u > 0 {
		add("Unigram baseline", digits(u, 4), "nats/token, same held-out text")
	} else {
		add("Unigram baseline", "–", "not in the manifest")
	}
	return tiles
}

// clipTotal is the number of clips of all heads and the step of the last.
func (in *input) clipTotal() (n int, last int64) {
	for _, s := range in.clips {
		n += s.count
		last = max(last, s.last)
	}
	return n, last
}

func (c *columns) largestLogit() float64 {
	_, hi, ok := extent(c.maxLogit)
	if !ok {
		return math.NaN()
	}
	return hi
}

func passes(tokens, train float64) string {
	if !(train > 0) {
		return ""
	}
	return digits(tokens/train, 3) + " × the " + si(train) + " of the train split"
}

func started(in *input) string {
	t := in.text("started")
	if len(t) >= 16 && t[10] == 'T' { // RFC 3339 to the minute
		return "started " + t[:10] + " " + t[11:16]
	}
	return ""
}
