// Package plan computes what a run costs before it is started: parameters, floating-point
// operations, memory of one device, time. docs/plan.md states the formulas.
package plan

import (
	"fmt"

	"muonclip/internal/config"
	"muonclip/model"
)

// Plan is what a run needs. Bytes are bytes, times are seconds.
type Plan struct {
	Preset string     `json:"preset"`
	Size   model.Size `json:"parameters"`
	Token  Token      `json:"per_token"`
	Run    Run        `json:"run"`
	Device Memory     `json:"device_memory"` // of the device that needs most
	Time   Time       `json:"time"`
	Here   Here       `json:"this_machine"`

	Warnings []string `json:"warnings"`
}

// Token is the cost of one token.
type Token struct {
	Forward      model.FLOPs `json:"forward_flops"`
	Train        model.FLOPs `json:"train_flops"`
	KVCacheBytes int64       `json:"kv_cache_bytes"` // in bfloat16
}

// Run is the length of the run.
type Run struct {
	Tokens           int64   `json:"tokens"`
	Steps            int     `json:"steps"`
	TokensPerStep    int64   `json:"tokens_per_step"`
	SeqLen           int     `json:"seq_len"`
	FLOPs            float64 `json:"flops"`             // forward and backward, without the optimizer
	OptimizerFLOPs   float64 `json:"optimizer_flops"`   // Newton-Schulz
	TokensPerTrained float64 `json:"tokens_per_param"`  // tokens for each activated parameter
	TokensPerExpert  float64 `json:"tokens_per_expert"` // tokens that one expert gets in a step, on average; 0 without experts
}

// Time is how long the run takes on the cluster.
type Time struct {
	Devices         int     `json:"devices"`
	DP              int     `json:"dp"`
	EP              int     `json:"ep"`
	PP              int     `json:"pp"`
	TFLOPSPerDevice float64 `json:"tflops_per_device"` // peak x MFU
	TokensPerSecond float64 `json:"tokens_per_second"`
	Seconds         float64 `json:"seconds"`
	DeviceHours     float64 `json:"device_hours"`
}

// Make computes the plan of a valid configuration. machine is the memory of this machine, as
// AvailableMemory gives it.
func Make(c config.Config, machine MachineMemory) Plan {
	p := Plan{Preset: c.Preset, Size: c.Model.Size()}
	seq := c.Train.SeqLen
	p.Token = Token{
		Forward:      c.Model.ForwardFLOPs(seq),
		Train:        c.Model.TrainFLOPs(seq),
		KVCacheBytes: c.Model.KVCacheBytes(2),
	}
	p.Run = makeRun(c, p)
	p.Device = deviceMemory(c)
	p.Time = makeTime(c, p)
	p.Here = FitsHere(c, machine)
	p.Warnings = warnings(c, p)
	return p
}

func makeRun(c config.Config, p Plan) Run {
	r := Run{
		Tokens: c.Train.TotalTokens(), Steps: c.Train.TotalSteps(),
		TokensPerStep: c.Train.TokensPerStep(), SeqLen: c.Train.SeqLen,
	}
	r.FLOPs = float64(r.Tokens) * p.Token.Train.Total()
	if orthogonal(c.Optim.Kind) {
		r.OptimizerFLOPs = float64(r.Steps) * c.Model.NewtonSchulzFLOPs(c.Optim.Muon.NSSteps)
	}
	r.TokensPerTrained = float64(r.Tokens) / float64(p.Size.Activated)
	if e := c.Model.NRoutedExperts; e > 0 {
		r.TokensPerExpert = float64(r.TokensPerStep) * float64(c.Model.NumExpertsPerTok) / float64(e)
	}
	return r
}

// orthogonal reports whether a rule runs Newton-Schulz on the matrices.
func orthogonal(kind string) bool { return kind == "muon" || kind == "plain-muon" || kind == "normuon" }

// makeTime divides the run's FLOPs by what the devices reach. MFU counts model FLOPs only, so the
// optimizer, recomputation and communication are inside it.
func makeTime(c config.Config, p Plan) Time {
	t := Time{Devices: c.Cluster.Devices, TFLOPSPerDevice: c.Cluster.DeviceTFLOPS * c.Cluster.MFU}
	t.DP, t.EP, t.PP = c.Cluster.Layout()
	perSecond := t.TFLOPSPerDevice * 1e12 * float64(t.Devices)
	t.TokensPerSecond = perSecond / p.Token.Train.Total()
	t.Seconds = p.Run.FLOPs / perSecond
	t.DeviceHours = t.Seconds / 3600 * float64(t.Devices)
	return t
}

// warnings says what is likely to go wrong, most important first.
func warnings(c config.Config, p Plan) []string {
	var out []string
	warn := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	cl := c.Cluster
	if p.Device.Total > p.Device.Capacity {
		warn("does not fit: a device needs %s and has %s; raise cluster.ep, pp or devices, lower train.micro_batch_size, or set cluster.activation_recompute=full",
			bytesText(p.Device.Total), bytesText(p.Device.Capacity))
	} else if float64(p.Device.Total) > 0.9*float64(p.Device.Capacity) {
		warn("tight: a device needs %s of its %s, and buffers of communication and kernels come on top", bytesText(p.Device.Total), bytesText(p.Device.Capacity))
	}
	if !p.Here.Fits {
		warn("does not fit this machine: training it here on the CPU in float32 needs %s and %s is available (%s)",
			bytesText(p.Here.Need.Total), bytesText(p.Here.Available), p.Here.Limit)
	}
	if dp, _, _ := cl.Layout(); c.Train.BatchSize%dp != 0 {
		warn("train.batch_size %d is not a multiple of the %d data-parallel replicas", c.Train.BatchSize, dp)
	}
	if pp := p.Time.PP; pp > c.Model.NumHiddenLayers {
		warn("cluster.pp %d is more than the model's %d layers", pp, c.Model.NumHiddenLayers)
	} else if m := p.Device.MicroBatches; pp > 1 && m < 4*pp {
		warn("pipeline bubble: %d micro-batches in %d stages leave %.0f%% of the time idle", m, pp, 100*float64(pp-1)/float64(m+pp-1))
	}
	if e, ep := c.Model.NRoutedExperts, p.Time.EP; ep > 1 && (e == 0 || e%ep != 0) {
		warn("cluster.ep %d does not divide the model's %d routed experts", ep, e)
	}
	if share := p.Run.OptimizerFLOPs / p.Run.FLOPs; share > 0.2 {
		warn("Newton-Schulz is %.0f%% of the model's FLOPs: a larger batch spreads it over more tokens", 100*share)
	}
	return out
}
