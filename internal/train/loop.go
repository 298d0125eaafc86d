package train

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"time"

	"muonclip/data/batch"
	"muonclip/internal/checkpoint"
	"muonclip/internal/compute"
	"muonclip/internal/metrics"
	"muonclip/internal/tensorboard"
	"muonclip/model"
	"muonclip/optim"
)

// ErrInterrupted is returned when the context ended the run early. A checkpoint of the last finished
// step has been written.
var ErrInterrupted = errors.New("interrupted")

// maxBroken is how many steps in a row may give numbers that are not finite.
const maxBroken = 5

// Loop trains one model. Make it with New, then Run it.
type Loop struct {
	Options
	model  *model.Model[float32]
	opt    *optim.Optimizer
	data   Batches
	val    batch.Evaluation // nil where nothing is held out
	layers []optim.Attention
	logits *optim.MaxLogits

	log    *metrics.Log
	board  *tensorboard.Writer
	batch  batch.Batch
	broken int // steps in a row without a finite gradient
	saved  int // step of the newest checkpoint that is known to be on disk, -1 for none
	state
	seconds float64   // training time so far
	clock   time.Time // when the step in progress began
}

// state is what a checkpoint holds besides tensors.
type state struct {
	step   int   // optimizer steps done, skipped ones included
	tokens int64 // tokens trained on
	passed int64 // batches passed over by rollbacks: step s uses batch s + passed
	watch  watch
}

// New prepares training of m by opt. Where the run folder holds checkpoints, the newest valid one is
// loaded into both.
func New(m *model.Model[float32], opt *optim.Optimizer, data Batches, val batch.Evaluation, o Options) (*Loop, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := o.Schedule.Validate(); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	layers := AttentionLayers(m.Config, opt.Params())
	l := &Loop{
		Options: o, model: m, opt: opt, data: data, val: val, layers: layers, saved: -1,
		logits: optim.NewMaxLogits(len(layers), m.Config.NumAttentionHeads),
	}
	resumed, err := l.resume()
	if err != nil {
		return nil, err
	}
	if l.log, err = metrics.Open(o.Dir, int64(l.step)); err != nil {
		return nil, err
	}
	if o.Probe != nil {
		if err := o.Probe.Drop(int64(l.step)); err != nil {
			return nil, errors.Join(err, l.log.Close())
		}
	}
	if l.board, err = tensorboard.Create(filepath.Join(o.Dir, "tensorboard"), int64(l.step), time.Now()); err != nil {
		return nil, errors.Join(err, l.log.Close())
	}
	if resumed {
		l.event(metrics.Event{Step: int64(l.step), Kind: metrics.KindResume, Layer: -1, Head: -1})
	}
	return l, nil
}

// Done is the number of steps done so far.
func (l *Loop) Done() int { return l.step }

// Run trains until all steps are done and returns nil, or until ctx ends and returns ErrInterrupted.
// Either way, and after an error where the weights are sound, the last step is saved.
func (l *Loop) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, l.board.Close(), l.log.Close()) }()
	defer compute.Guard(&err) // the device's memory is lost with it: nothing is saved
	l.clock = time.Now()
	for l.step < l.Steps {
		if ctx.Err() != nil {
			return errors.Join(ErrInterrupted, l.save())
		}
		row, err := l.advance()
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // while a batch was made: the weights are those of the last step
			return errors.Join(ErrInterrupted, l.save())
		}
		if err != nil {
			return err
		}
		if row == nil { // rolled back
			continue
		}
		if err := l.pause(ctx, row); err != nil {
			return err
		}
		if err := l.log.Row(row); err != nil {
			return err
		}
		if err := l.board.Scalars(row.Step, time.Now(), row.Scalars()); err != nil {
			return err
		}
		if l.OnRow != nil {
			l.OnRow(row)
		}
		if l.Probe != nil {
			if err := l.Probe.After(row.Step); err != nil {
				return err
			}
		}
		if l.due(l.CheckpointEvery) {
			if err := l.save(); err != nil {
				return err
			}
		}
		l.clock = time.Now()
	}
	return l.save()
}

// due reports whether something that happens every n steps happens now. The last step is always due.
func (l *Loop) due(n int) bool { return l.step == l.Steps || n > 0 && l.step%n == 0 }

// pause does what does not count as training time: evaluation and samples.
func (l *Loop) pause(ctx context.Context, row *metrics.Row) error {
	elapsed := time.Since(l.clock).Seconds()
	l.seconds += elapsed
	tokens := float64(l.batch.Rows * l.batch.Cols)
	row.Seconds, row.TokensPerSecond = l.seconds, tokens/elapsed
	row.FlopsPerSecond = l.FlopsPerToken * row.TokensPerSecond
	if l.PeakFlops > 0 {
		row.PeakShare = row.FlopsPerSecond / l.PeakFlops
	}
	if l.val != nil && l.due(l.EvalEvery) {
		loss, by, err := Evaluate(l.model, l.val, l.MicroBatch)
		if err != nil {
			return err
		}
		row.ValLoss, row.ValLossBy = &loss, by
	}
	if l.Sample != nil && l.due(l.SampleEvery) {
		samples, err := l.Sample(ctx, row.Step)
		if err != nil {
			return fmt.Errorf("train: samples after step %d: %w", row.Step, err)
		}
		for _, s := range samples {
			if err := l.log.Sample(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// resume loads the newest valid checkpoint, if there is any, and reports whether it did.
func (l *Loop) resume() (bool, error) {
	c, damage, err := checkpoint.Latest(l.Dir)
	if errors.Is(err, checkpoint.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, d := range damage {
		l.Log.Warn("a checkpoint is damaged; going on from an earlier one", "error", d)
	}
	if err := l.load(c); err != nil {
		return false, err
	}
	if l.step > l.Steps {
		return false, fmt.Errorf("train: %s is at step %d, past the %d steps asked for; raise train.steps or choose another run folder", c.Path, l.step, l.Steps)
	}
	return true, nil
}

func (l *Loop) event(e metrics.Event) {
	if err := l.log.Event(e); err != nil {
		l.Log.Error("an event could not be written", "error", err)
	}
	if l.OnEvent != nil {
		l.OnEvent(e)
	}
}

func total(losses []float32) float64 {
	var sum float64
	for _, v := range losses {
		sum += float64(v)
	}
	return sum
}

// weighted is the sum of the losses, each times its weight; nil weighs all by 1.
func weighted(losses, weights []float32) float64 {
	if weights == nil {
		return total(losses)
	}
	var sum float64
	for i, v := range losses {
		sum += float64(v) * float64(weights[i])
	}
	return sum
}

func count(targets []int32) int {
	n := 0
	for _, id := range targets {
		if id >= 0 {
			n++
		}
	}
	return n
}

// MicroBatches cuts a batch into inputs of at most size sequences, all of it into one where size is 0 or less.
func MicroBatches(b *batch.Batch, size int) []model.Input {
	if size <= 0 {
		size = b.Rows
	}
	var inputs []model.Input
	for r := 0; r < b.Rows; r += size {
		end := min(r+size, b.Rows)
		in := model.Input{Rows: end - r, Cols: b.Cols, IDs: b.Inputs[r*b.Cols : end*b.Cols], Targets: b.Targets[r*b.Cols : end*b.Cols]}
		if b.DocStart != nil {
			in.DocStart = b.DocStart[r*b.Cols : end*b.Cols]
		}
		if b.Weights != nil {
			in.Weights = b.Weights[r*b.Cols : end*b.Cols]
		}
		inputs = append(inputs, in)
	}
	return inputs
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
