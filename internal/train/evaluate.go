package train

import (
	"errors"
	"fmt"

	"muonclip/data/batch"
	"muonclip/data/chatshard"
	"muonclip/model"
)

// turns is held-out data that knows in which kind of turn each target lies.
type turns interface {
	Turns(b *batch.Batch, dst []chatshard.Turn) ([]chatshard.Turn, error)
}

// Evaluate returns the model's mean loss over held-out batches, in nats per token, and for dialogues also by kind of
// turn.
func Evaluate(m *model.Model[float32], val batch.Evaluation, microBatch int) (loss float64, by map[string]float64, err error) {
	var b batch.Batch
	var all mean
	var kinds []chatshard.Turn
	byKind := map[chatshard.Turn]mean{}
	dialogues, _ := val.(turns)
	for i := range val.Len() {
		if err := val.At(i, &b); err != nil {
			return 0, nil, fmt.Errorf("train: held-out batch %d: %w", i, err)
		}
		if dialogues != nil {
			if kinds, err = dialogues.Turns(&b, kinds); err != nil {
				return 0, nil, fmt.Errorf("train: held-out batch %d: %w", i, err)
			}
		}
		at := 0
		for _, in := range MicroBatches(&b, microBatch) {
			if err := m.Check(in); err != nil {
				return 0, nil, fmt.Errorf("train: held-out batch %d: %w", i, err)
			}
			for k, v := range m.Losses(in) {
				if in.Targets[k] < 0 {
					continue
				}
				all.add(float64(v))
				if dialogues != nil {
					kind := byKind[kinds[at+k]]
					kind.add(float64(v))
					byKind[kinds[at+k]] = kind
				}
			}
			at += in.Rows * in.Cols
		}
	}
	if all.n == 0 {
		return 0, nil, errors.New("train: the held-out batches have no targets; raise data.val_fraction")
	}
	if len(byKind) > 0 {
		by = map[string]float64{}
		for k, v := range byKind {
			by[k.String()] = v.sum / v.n
		}
	}
	return all.sum / all.n, by, nil
}

type mean struct{ sum, n float64 }

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }
