package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/compute/cuda"
	"muonclip/internal/rng"
	"muonclip/model"
	"muonclip/model/generate"
)

// GenerateOptions says which generation to measure.
type GenerateOptions struct {
	Model   model.Config
	Prompt  int // tokens of each prompt
	Tokens  int // tokens that follow, at least 2
	Batch   int // sequences that advance together
	Rounds  int // measured rounds, after one that is not counted
	Threads int // 0 means GOMAXPROCS
	Weights cpu.Format
	GPU     *cuda.Options // nil for the processor

	Trained *model.Model[float32] // measured in place of a model with random weights; nil for none
	HeldOut [][]int32             // text for the accuracy of a trained model; rows of equal length
}

// Generate is what was measured.
type Generate struct {
	Machine    Machine `json:"machine"`
	Weights    string  `json:"weights"` // float32, bf16 or int8
	Parameters int64   `json:"parameters"`
	Prompt     int     `json:"prompt_tokens"`
	Tokens     int     `json:"tokens"`
	Batch      int     `json:"batch"`
	PeakGflops float64 `json:"peak_gflops"` // measured matrix product rate

	Prefill Phase `json:"prefill"` // reading the prompts of the batch
	Decode  Phase `json:"decode"`  // one step, which gives each sequence a token; drawing it is included

	Accuracy *Accuracy `json:"accuracy,omitempty"` // nil without a trained model
}

// Phase is the time of one phase beside the least that this machine could need.
type Phase struct {
	Seconds         Spread  `json:"seconds"`
	TokensPerSecond Spread  `json:"tokens_per_second"`
	FLOPs           float64 `json:"flops"`            // least number
	WeightBytes     float64 `json:"weight_bytes"`     // of the weights that take part
	CacheBytes      float64 `json:"cache_bytes"`      // of the keys and values that are read
	BytesPerSecond  float64 `json:"bytes_per_second"` // measured rate of reading a set of that many bytes
	BoundSeconds    float64 `json:"bound_seconds"`    // the larger of FLOPs over peak and bytes over their rate
	BoundBy         string  `json:"bound_by"`         // compute or memory
	BoundShare      float64 `json:"bound_share"`      // BoundSeconds over the median time
}

// MeasureGenerate generates from random prompts at temperature 1.
func MeasureGenerate(ctx context.Context, o GenerateOptions) (*Generate, error) {
	if o.Prompt < 1 || o.Tokens < 2 || o.Batch < 1 || o.Rounds < 1 {
		return nil, fmt.Errorf("bench: prompt %d, tokens %d, batch %d, rounds %d; want at least 1, 2, 1 and 1", o.Prompt, o.Tokens, o.Batch, o.Rounds)
	}
	if o.GPU != nil {
		return measureGenerateGPU(ctx, o)
	}
	be := cpu.New[float32](o.Threads)
	m := o.Trained
	if m == nil {
		var err error
		if m, err = model.New(o.Model, be); err != nil {
			return nil, err
		}
		m.Init(1)
	}
	g := &generation{o: o, engine: generate.NewWith(m, be, generate.Options{Weights: o.Weights})}
	res := &Generate{Machine: DescribeMachine(be.Kernels(), be.Threads()), Weights: o.Weights.String()}
	if err := g.measure(ctx, be, res); err != nil {
		return nil, err
	}
	if len(o.HeldOut) > 0 {
		var err error
		if res.Accuracy, err = measureAccuracy(ctx, m, be, o.Weights, o.HeldOut); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// measureGenerateGPU is MeasureGenerate on a GPU, of random weights.
func measureGenerateGPU(ctx context.Context, o GenerateOptions) (res *Generate, err error) {
	defer compute.Guard(&err)
	if o.Trained != nil || o.Weights != cpu.Full {
		return nil, errors.New("bench: on a GPU generation is measured with random weights, stored as they are: leave out --model and --weights, or use --device cpu")
	}
	be, err := OpenGPU(*o.GPU)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, be.Close()) }()
	m, err := model.NewFrozen(o.Model, be)
	if err != nil {
		return nil, err
	}
	m.Init(1)
	g := &generation{o: o, engine: generate.New(m, be)}
	res = &Generate{Machine: describeGPU(be), Weights: string(be.Precision())}
	return res, g.measure(ctx, be, res)
}

// generation is a measurement in progress.
type generation struct {
	o                     GenerateOptions
	engine                *generate.Engine[float32]
	rounds                int
	prefill, steps        []float64     // seconds
	prefillWork, stepWork generate.Work // of one round, and of one step on average
}

// measure runs all rounds and fills in what came of them.
func (g *generation) measure(ctx context.Context, be limits, res *Generate) error {
	for range g.o.Rounds + 1 {
		if err := g.round(ctx); err != nil {
			return err
		}
	}
	for _, s := range g.engine.Config().Shapes() {
		res.Parameters += s.Elems()
	}
	res.Prompt, res.Tokens, res.Batch, res.PeakGflops = g.o.Prompt, g.o.Tokens, g.o.Batch, be.Peak()/1e9
	res.Prefill = newPhase(be, g.prefill, g.prefillWork, g.o.Batch*g.o.Prompt, res.PeakGflops)
	res.Decode = newPhase(be, g.steps, g.stepWork, g.o.Batch, res.PeakGflops)
	return nil
}

// round generates once and notes when each step was over.
func (g *generation) round(ctx context.Context) error {
	o := g.o
	r := generate.Request{MaxTokens: o.Tokens, MaxBatch: o.Batch, Sample: generate.SampleOptions{Temperature: 1, Seed: uint64(g.rounds)}}
	random := rng.New(uint64(g.rounds), "bench prompts")
	for range o.Batch {
		ids := make([]int32, o.Prompt)
		for i := range ids {
			ids[i] = random.Int32N(int32(g.engine.Config().VocabSize))
		}
		r.Prompts = append(r.Prompts, ids)
	}
	counted := g.rounds > 0
	g.rounds++
	g.engine.TakeWork()
	last := time.Now()
	r.OnToken = func(t generate.Token) {
		if t.Prompt != o.Batch-1 {
			return
		}
		now := time.Now()
		seconds := now.Sub(last).Seconds()
		last = now
		if t.Index == 0 {
			g.engine.TakeWork()
			g.prefillWork = g.leastPrefill()
		}
		switch {
		case !counted:
		case t.Index == 0:
			g.prefill = append(g.prefill, seconds)
		default:
			g.steps = append(g.steps, seconds)
		}
	}
	_, err := g.engine.Generate(ctx, r)
	w, n := g.engine.TakeWork(), int64(o.Tokens-1)
	g.stepWork = generate.Work{WeightBytes: w.WeightBytes / n, CacheBytes: w.CacheBytes / n, FLOPs: w.FLOPs / float64(n)}
	return err
}

// leastPrefill is the least work of reading the prompts: what the model's definition asks for, with keys and
// values expanded, each weight read once and the cache written once. The last layer only has to give every token its
// place in the cache, and the last token of each prompt its logits.
func (g *generation) leastPrefill() generate.Work {
	c, batch, prompt := g.engine.Config(), float64(g.o.Batch), float64(g.o.Prompt)
	head := 2 * float64(c.VocabSize) * float64(c.HiddenSize)
	keys := 2 * c.HiddenSize * (c.KVLoraRank + c.QKRopeHeadDim)
	if !c.MLA() {
		keys = 2 * c.HiddenSize * 2 * c.KVHeads() * c.HeadDim
	}
	shorter := c
	shorter.NumHiddenLayers--
	before := shorter.ForwardFLOPs(g.o.Prompt).Total()
	last := c.ForwardFLOPs(g.o.Prompt).Total() - before // with the mean span; the last token's is longer, so this is below the truth
	return generate.Work{
		FLOPs:       batch * (prompt*(before-head+float64(keys)) + last + head),
		WeightBytes: g.engine.WeightBytes(), CacheBytes: int64(g.o.Batch) * int64(g.o.Prompt) * int64(g.engine.BytesPerToken()),
	}
}

// limits is what a device can do at most, measured: FLOP/s of a large product, and bytes a second of a set of so many.
type limits interface {
	Peak() float64
	ReadRate(bytes int) float64
}

// newPhase sets times beside the bound.
func newPhase(be limits, seconds []float64, w generate.Work, tokens int, peak float64) Phase {
	s := spread(seconds)
	p := Phase{Seconds: s, TokensPerSecond: s.over(float64(tokens)), FLOPs: w.FLOPs, WeightBytes: float64(w.WeightBytes), CacheBytes: float64(w.CacheBytes)}
	bytes := p.WeightBytes + p.CacheBytes
	p.BytesPerSecond = be.ReadRate(int(bytes))
	compute, memory := p.FLOPs/(peak*1e9), bytes/p.BytesPerSecond
	p.BoundSeconds, p.BoundBy = compute, "compute"
	if memory > compute {
		p.BoundSeconds, p.BoundBy = memory, "memory"
	}
	p.BoundShare = p.BoundSeconds / s.Median
	return p
}

// Print writes the figures as a table.
func (g *Generate) Print(w io.Writer) error {
	tab := newTable(w)
	tab.put("machine\t%s\n", g.Machine)
	tab.put("parameters\t%d\n", g.Parameters)
	tab.put("weights\t%s\n", g.Weights)
	tab.put("prompt, tokens, batch\t%d, %d, %d\n", g.Prompt, g.Tokens, g.Batch)
	tab.put("peak\t%.1f GFLOP/s\n", g.PeakGflops)
	tab.put("\tmedian\tmin\tmax\n")
	g.Prefill.rows(tab, "prefill")
	g.Decode.rows(tab, "decode")
	if a := g.Accuracy; a != nil {
		tab.put("held-out loss\t%.5f nats\t%+.5f against float32 on %d tokens\n", a.Loss, a.Loss-a.FullLoss, a.Tokens)
		tab.put("divergence from float32\t%.3g nats\n", a.KL)
		tab.put("same likeliest token\t%.2f %%\n", 100*a.Agreement)
	}
	return tab.Flush()
}

func (p Phase) rows(tab table, name string) {
	tab.spread(name, "tokens/s", p.TokensPerSecond, 1, "")
	tab.spread(name+", time", "ms", p.Seconds, 1e3, "")
	tab.put("%s, least work\t%.4g MFLOP\t%s of weights, %s of cache, read at %.1f GB/s\n", name, p.FLOPs/1e6,
		bytesText(int64(p.WeightBytes)), bytesText(int64(p.CacheBytes)), p.BytesPerSecond/1e9)
	tab.put("%s, bound by %s\t%.4g ms\t%.0f %% of the bound reached\n", name, p.BoundBy, p.BoundSeconds*1e3, 100*p.BoundShare)
}
