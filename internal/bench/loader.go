package bench

import (
	"fmt"
	"io"
	"os"
	"time"

	"muonclip/data/shard"
)

// LoaderOptions says which batches to make.
type LoaderOptions struct {
	Train   TrainOptions // the step that the loader feeds
	Tokens  int64        // random tokens in the shards; 0 means 4 Mi
	Batches int          // that are measured; 0 means 200
}

// Loader is what was measured.
type Loader struct {
	Machine Machine `json:"machine"`
	Tokens  int64   `json:"tokens"` // in the shards
	Rows    int     `json:"rows"`
	Cols    int     `json:"cols"`

	OpenMBs      float64 `json:"open_mb_s"`        // opening: checksum, layout and every id are checked
	Resident     Spread  `json:"resident_seconds"` // a batch, shards in memory
	FromFiles    Spread  `json:"file_seconds"`     // a batch, read from the files, which the system may have cached
	TokensPerS   float64 `json:"tokens_s"`         // median, shards in memory
	SequencesS   float64 `json:"sequences_s"`
	Step         Spread  `json:"step_seconds"` // of training on such a batch
	Share        float64 `json:"share"`        // of the median step, shards in memory
	FileShare    float64 `json:"file_share"`
	CopyGBs      float64 `json:"copy_gb_s"`
	BoundSeconds float64 `json:"bound_seconds"` // a copy of the bytes that a batch moves
	BoundShare   float64 `json:"bound_share"`
}

// batchBytes are moved for each token of a batch: its id is read, and written as input and as target, and the start of its
// document is written.
const batchBytes = 16

// MeasureLoader writes random shards to a temporary folder and makes batches of them.
func MeasureLoader(o LoaderOptions) (*Loader, error) {
	if o.Tokens == 0 {
		o.Tokens = 4 << 20
	}
	if o.Batches == 0 {
		o.Batches = 200
	}
	t := o.Train
	dir, err := os.MkdirTemp(t.Temp, "muonclip-bench")
	if err != nil {
		return nil, fmt.Errorf("bench: folder for shards: %w", err)
	}
	defer os.RemoveAll(dir)
	res := &Loader{Machine: DescribeMachine("", 1), Rows: t.Rows, Cols: t.Cols}
	for _, c := range []struct {
		options shard.Options
		into    *Spread
	}{{shard.Options{}, &res.Resident}, {shard.Options{ResidentBytes: -1}, &res.FromFiles}} {
		r, err := randomShards(dir, t.Model.VocabSize, o.Tokens, shard.Options{Lazy: true, ResidentBytes: c.options.ResidentBytes})
		if err != nil {
			return nil, err
		}
		res.Tokens = r.NumTokens()
		start := time.Now()
		if err := r.Verify(); err != nil {
			return nil, err
		}
		res.OpenMBs = 4 * float64(res.Tokens) / 1e6 / time.Since(start).Seconds()
		seconds, err := timeLoader(r, t.Model.VocabSize, t.Rows, t.Cols, o.Batches)
		if err != nil {
			return nil, err
		}
		*c.into = spread(seconds)
		if err := r.Close(); err != nil {
			return nil, err
		}
	}
	s, err := newStepper(t, t.Threads)
	if err != nil {
		return nil, err
	}
	times, _, err := s.steps(t.Steps)
	if err != nil {
		return nil, err
	}
	res.fill(part(times, stepTimes.total), copyRate(1, 16<<20))
	return res, nil
}

// fill computes what follows from the measurements, given the rate of a copy in bytes per second.
func (l *Loader) fill(step Spread, copied float64) {
	l.Step = step
	l.TokensPerS = float64(l.Rows*l.Cols) / l.Resident.Median
	l.SequencesS = float64(l.Rows) / l.Resident.Median
	l.Share, l.FileShare = l.Resident.Median/step.Median, l.FromFiles.Median/step.Median
	l.CopyGBs, l.BoundSeconds = copied/1e9, batchBytes*float64(l.Rows*l.Cols)/copied
	l.BoundShare = l.BoundSeconds / l.Resident.Median
}

// Print writes the figures as a table.
func (l *Loader) Print(w io.Writer) error {
	tab := newTable(w)
	tab.put("machine\t%s\n", l.Machine)
	tab.put("shards\t%d tokens, checked at %.0f MB/s\n", l.Tokens, l.OpenMBs)
	tab.put("batch of %d x %d tokens\tmedian\tmin\tmax\tof the step\n", l.Rows, l.Cols)
	tab.spread("shards in memory", "us", l.Resident, 1e6, percent(l.Share))
	tab.spread("shards read from files", "us", l.FromFiles, 1e6, percent(l.FileShare))
	tab.spread("training step", "ms", l.Step, 1e3, "")
	tab.put("rate\t%.3g tokens/s\t%.3g sequences/s\n", l.TokensPerS, l.SequencesS)
	tab.put("bound\t%.3g us\t%.0f %% of it reached: a copy of the bytes at %.1f GB/s\n", l.BoundSeconds*1e6, 100*l.BoundShare, l.CopyGBs)
	return tab.Flush()
}
