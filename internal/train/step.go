package train

import (
	"errors"
	"fmt"
	"slices"

	"muonclip/data/batch"
	"muonclip/internal/metrics"
	"muonclip/model"
	"muonclip/optim"
)

// advance does one step: gradients over all micro-batches, clipping, update, QK-Clip, balancing. It
// returns nil where the run went back to a checkpoint instead.
func (l *Loop) advance() (*metrics.Row, error) {
	if err := l.data.At(int64(l.step)+l.passed, &l.batch); err != nil {
		return nil, fmt.Errorf("train: batch of step %d: %w", l.step+1, err)
	}
	if l.ResetEvery > 0 && l.step%l.ResetEvery == 0 {
		l.opt.Reset()
	}
	inputs := MicroBatches(&l.batch, l.MicroBatch)
	loss, err := l.gradients(inputs)
	if err != nil {
		return nil, err
	}
	norm, err := l.opt.ClipGradNorm(l.GradClip)
	if err != nil || !finite(loss) {
		return l.brokenStep(inputs, loss, norm, err)
	}
	l.broken = 0

	row := l.row(loss, norm)
	spike := l.watch.judge(l.Spike, loss, norm)
	if spike != nil {
		back, err := l.react(spike)
		if back || err != nil {
			return nil, err
		}
		row.Skipped = spike.Action == metrics.ActionSkip
	}
	if !row.Skipped {
		l.watch.observe(l.Spike, loss, norm)
		if err := l.update(row); err != nil {
			return nil, err
		}
	}
	l.finish(row)
	return row, nil
}

// gradients fills the gradients of the step's loss, which is the mean over its targets or their weighted
// sum where the batch has weights, and returns that loss.
func (l *Loop) gradients(inputs []model.Input) (float64, error) {
	targets := count(l.batch.Targets)
	if targets == 0 {
		return 0, fmt.Errorf("train: the batch of step %d has no targets", l.step+1)
	}
	scale := 1 / float64(targets)
	if l.batch.Weights != nil {
		scale = 1
	}
	l.model.Renew()
	l.model.ResetStats()
	var sum float64
	for _, in := range inputs {
		if err := l.model.Check(in); err != nil {
			return 0, fmt.Errorf("train: batch of step %d, %s: %w", l.step+1, documents(l.batch.Docs), err)
		}
		sum += weighted(l.model.Step(in, scale, float64(in.Rows)/float64(l.batch.Rows)), in.Weights)
	}
	return sum * scale, nil
}

// update moves the weights by the gradients at hand and fills in what the row says of it.
func (l *Loop) update(row *metrics.Row) error {
	if l.Probe != nil {
		l.Probe.Before(row.Step)
	}
	stats := l.opt.Step(row.LR)
	row.UpdateRMS = stats.UpdateRMS
	if l.QKClip != nil {
		l.logits.Reset()
		for layer, heads := range l.model.MaxLogits() {
			optim.ObserveLayer(l.logits, layer, heads)
		}
		events, err := l.opt.Clip(*l.QKClip, l.layers, l.logits)
		if err != nil {
			return fmt.Errorf("train: step %d: %w", row.Step, err)
		}
		row.ClippedHeads = len(events)
		for _, e := range events {
			l.event(metrics.Event{Step: row.Step, Kind: metrics.KindQKClip, Layer: e.Layer, Head: e.Head, MaxLogit: e.MaxLogit, Gamma: e.Gamma})
		}
	}
	if l.BiasRate != 0 {
		l.model.Balance(l.BiasRate)
	}
	return nil
}

// row starts the metrics of the step being done.
func (l *Loop) row(loss, norm float64) *metrics.Row {
	r := &metrics.Row{
		Step: int64(l.step + 1), Loss: loss, AuxLoss: l.model.AuxLoss(), LR: l.Schedule.LR(l.step), GradNorm: norm,
	}
	for _, heads := range l.model.MaxLogits() { // a copy: an evaluation raises the model's own
		r.MaxLogit = append(r.MaxLogit, slices.Clone(heads))
	}
	for _, load := range l.model.ExpertLoads() {
		var sum float32
		for _, n := range load {
			sum += float32(n)
		}
		share := make([]float32, len(load))
		for i, n := range load {
			share[i] = float32(n) / sum
		}
		r.ExpertLoad = append(r.ExpertLoad, share)
	}
	return r
}

// finish counts the step as done.
func (l *Loop) finish(row *metrics.Row) {
	l.step++
	l.tokens += int64(l.batch.Rows * l.batch.Cols)
	row.Tokens = l.tokens
}

// react writes down a spike and carries out what is to be done about it. It reports whether the run
// went back to a checkpoint. Without one to go back to, the update is skipped.
func (l *Loop) react(e *metrics.Event) (back bool, err error) {
	e.Step, e.Layer, e.Head, e.Docs = int64(l.step+1), -1, -1, documents(l.batch.Docs)
	if e.Action == metrics.ActionRollback {
		if back, err = l.rollback(e); err != nil {
			return false, err
		}
		if !back {
			e.Action, e.Message = metrics.ActionSkip, "there is no checkpoint to go back to"
		}
	}
	l.event(*e)
	l.Log.Warn("spike", "step", e.Step, "signal", e.Signal, "value", e.Value, "z", e.Z, "action", e.Action)
	return back, nil
}

// brokenStep deals with a loss or gradient that is not finite: the update is dropped, the place where
// the first bad number arose is found and written down, and after a few such steps in a row the
// run ends.
func (l *Loop) brokenStep(inputs []model.Input, loss, norm float64, cause error) (*metrics.Row, error) {
	place := l.findNaN(inputs)
	place.Step, place.Docs = int64(l.step+1), documents(l.batch.Docs)
	if cause != nil {
		place.Message = cause.Error()
	}
	l.event(place)
	l.Log.Error("a number is not finite; the update is dropped", "step", place.Step, "op", place.Op, "layer", place.Layer, "loss", loss)
	if l.broken++; l.broken >= maxBroken {
		return nil, fmt.Errorf("train: %d steps in a row gave numbers that are not finite, the last from %s in layer %d: %w; the last checkpoint is sound: lower train.lr, or look at events.jsonl",
			l.broken, place.Op, place.Layer, errors.Join(cause, ErrDiverged))
	}
	row := l.row(loss, norm)
	row.Skipped = true
	l.finish(row)
	return row, nil
}

// ErrDiverged is wrapped by the error of a run that ended because its numbers stopped being finite.
var ErrDiverged = errors.New("loss or gradient is not finite")

// documents names the documents of a batch, each once.
func documents(refs []batch.DocRef) []string {
	var names []string
	seen := map[string]bool{}
	for _, r := range refs {
		name := fmt.Sprintf("%s:%d", r.Source, r.Doc)
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
