//go:build cuda

package cuda

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"muonclip/internal/compute/computetest"
	"muonclip/internal/compute/cpu"
	"muonclip/internal/train"
	"muonclip/model"
	"muonclip/optim"
)

// These tests run on a GPU and skip where there is none: scripts/gpu-check.sh carries them to one. Each is the
// counterpart of a test on the fake.

// realDevice opens the GPU.
func realDevice(t *testing.T, o Options) *Backend {
	t.Helper()
	b, err := Open(o)
	if errors.Is(err, ErrNoDriver) || errors.Is(err, ErrNoDevice) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if b.broken != nil {
			return
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// realPair is pair on the GPU, with all threads for the processor.
func realPair(t *testing.T, cfg model.Config, o Options) (host, dev *model.Model[float32], be *Backend) {
	t.Helper()
	be = realDevice(t, o)
	host, err := model.New(cfg, cpu.New[float32](0))
	if err != nil {
		t.Fatal(err)
	}
	if dev, err = model.New(cfg, be); err != nil {
		t.Fatal(err)
	}
	host.Init(1)
	dev.Init(1)
	return host, dev, be
}

// TestDeviceOpen says what the GPU is and what it can do.
func TestDeviceOpen(t *testing.T) {
	b := realDevice(t, Options{Precision: BF16})
	d := b.Device()
	t.Logf("%s, compute capability %d.%d, %d multiprocessors, %.1f GiB, CUDA %d, cuBLAS %s", d.Name, d.Major, d.Minor, d.Processors, gib(d.Memory), d.Driver, d.BLAS)
	t.Logf("%.2f GiB occupied before anything is allocated", gib(b.Occupied()))
	t.Logf("product of bf16 matrices: %.0f TFLOP/s", b.Peak()/1e12)
	t.Logf("copy: %.0f GB/s", b.ReadRate(1<<30)/1e9)
}

// TestDeviceSuite runs every operation against the reference of all backends. Blocking names the operation that fails.
// Operands of bf16 are rounded by 2^-9 each, where a product has two.
func TestDeviceSuite(t *testing.T) {
	for precision, tolerance := range map[Precision]float64{Float32: 1e-5, BF16: 0.02} {
		t.Run(string(precision), func(t *testing.T) {
			computetest.Suite(t, realDevice(t, Options{Precision: precision, Blocking: true}), tolerance)
		})
	}
}

// TestDeviceStep: a training step is that of a processor. The third and later ones of one shape are graphs.
func TestDeviceStep(t *testing.T) {
	for name, cfg := range models() {
		t.Run(name, func(t *testing.T) {
			host, dev, _ := realPair(t, cfg, Options{})
			for range 4 {
				compareStep(t, host, dev, 1e-4)
			}
			host.Recompute, dev.Recompute = true, true
			compareStep(t, host, dev, 1e-4)
		})
	}
}

// wideModel is a dense model whose products fill the GPU: many tiles, several blocks of queries, logits in parts.
func wideModel() model.Config {
	cfg := small()
	cfg.NRoutedExperts, cfg.NSharedExperts, cfg.NumExpertsPerTok, cfg.AuxLossAlpha, cfg.SeqAux = 0, 0, 0, 0, false
	cfg.VocabSize, cfg.HiddenSize, cfg.IntermediateSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads = 8192, 512, 1408, 2, 8
	cfg.QLoraRank, cfg.KVLoraRank, cfg.QKNopeHeadDim, cfg.QKRopeHeadDim, cfg.VHeadDim = 256, 128, 64, 32, 64
	cfg.MaxPositionEmbeddings, cfg.InitializerRange = 1024, 0.02
	return cfg
}

// wideExperts is wideModel with 64 experts.
func wideExperts() model.Config {
	cfg := wideModel()
	cfg.NRoutedExperts, cfg.NSharedExperts, cfg.NumExpertsPerTok, cfg.MoeIntermediateSize = 64, 1, 6, 256
	return cfg
}

// TestDeviceWideStep: losses and gradients of a step that fills the GPU.
func TestDeviceWideStep(t *testing.T) {
	t.Run("float32", func(t *testing.T) { compareWide(t, wideModel(), Float32, 1e-4) })
	t.Run("bf16", func(t *testing.T) { compareWide(t, wideModel(), BF16, 0.03) })
}

// TestDeviceHeads is TestDeviceWideStep for every size of heads that has kernels of its own.
func TestDeviceHeads(t *testing.T) {
	for _, s := range headSizes {
		t.Run(fmt.Sprintf("d%d v%d", s.d, s.v), func(t *testing.T) {
			cfg := wideModel()
			cfg.NumHiddenLayers, cfg.NumAttentionHeads = 1, 4
			cfg.QKNopeHeadDim, cfg.QKRopeHeadDim, cfg.VHeadDim = s.d-32, 32, s.v
			compareWide(t, cfg, BF16, 0.03)
		})
	}
}

// compareWide compares losses and gradients of one step.
func compareWide(t *testing.T, cfg model.Config, precision Precision, tolerance float64) {
	t.Helper()
	host, dev, be := realPair(t, cfg, Options{Precision: precision})
	in := sequences(cfg, 4, 600, 3)
	for _, m := range []*model.Model[float32]{host, dev} {
		m.Renew()
		m.ResetStats()
	}
	scale := 1 / float64(len(in.IDs))
	want := slices.Clone(host.Step(in, scale, 1))
	if d := distance(dev.Step(in, scale, 1), want); !(d < tolerance) {
		t.Errorf("losses: relative error %.1e", d)
	}
	params := host.Params()
	for i, p := range dev.Params() {
		if d := distance(be.Host(p.Grad), params[i].Grad); !(d < tolerance) {
			t.Errorf("gradient of %s: relative error %.1e", p.Name, d)
		}
	}
}

// TestDeviceWideExperts: the mean loss of a model with many experts. A token whose experts are nearly tied may choose another.
func TestDeviceWideExperts(t *testing.T) {
	for _, c := range []struct {
		precision Precision
		tolerance float64
	}{{Float32, 1e-5}, {BF16, 1e-3}} {
		t.Run(string(c.precision), func(t *testing.T) {
			host, dev, _ := realPair(t, wideExperts(), Options{Precision: c.precision})
			in := sequences(host.Config, 4, 600, 3)
			want := mean(host.Losses(in))
			if got := mean(dev.Losses(in)); !(math.Abs(got-want) < c.tolerance*want) {
				t.Errorf("mean loss %g, want %g", got, want)
			}
		})
	}
}

func mean(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return sum / float64(len(x))
}

// TestDeviceStepBF16 is TestStepBF16.
func TestDeviceStepBF16(t *testing.T) {
	dense := small()
	dense.NRoutedExperts, dense.NSharedExperts, dense.NumExpertsPerTok, dense.AuxLossAlpha, dense.SeqAux = 0, 0, 0, 0, false
	host, dev, _ := realPair(t, dense, Options{Precision: BF16})
	for range 4 {
		compareStep(t, host, dev, 0.03)
	}
}

// TestDeviceOptimizer: updates with clipping, Muon, AdamW and QK-Clip are those of a processor.
func TestDeviceOptimizer(t *testing.T) {
	for name, cfg := range map[string]optim.Config{"muon": {WeightDecay: 0.1}, "by heads": {WeightDecay: 0.1, Blocks: train.HeadBlocks(small())}} {
		t.Run(name, func(t *testing.T) {
			host, dev, be := realPair(t, small(), Options{})
			a, err := optim.NewOn(cpu.New[float32](0), train.OptimParams(host), cfg)
			if err != nil {
				t.Fatal(err)
			}
			b, err := optim.NewOnDevice(be, train.OptimParams(dev), cfg)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				compareStep(t, host, dev, 1e-4)
				compareUpdate(t, host, dev, a, b, 1e-4)
			}
		})
	}
}

// TestDeviceSameBits: two trainings from the same weights end with the same bits, and so does one without graphs.
func TestDeviceSameBits(t *testing.T) {
	for _, precision := range []Precision{Float32, BF16} {
		t.Run(string(precision), func(t *testing.T) {
			first := trained(t, Options{Precision: precision})
			if trained(t, Options{Precision: precision}) != first {
				t.Error("the losses and weights of four steps differ in some bit from those of the same steps")
			}
			if trained(t, Options{Precision: precision, Blocking: true}) != first {
				t.Error("the losses and weights of four steps differ in some bit from those without graphs")
			}
		})
	}
}

// trained is the checksum of a model's weights and losses after four steps.
func trained(t *testing.T, o Options) (sum [sha256.Size]byte) {
	be := realDevice(t, o)
	m, err := model.New(wideExperts(), be)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1)
	opt, err := optim.NewOnDevice(be, train.OptimParams(m), optim.Config{WeightDecay: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	for step := range 4 {
		m.Renew()
		m.ResetStats()
		in := sequences(m.Config, 4, 600, uint64(step))
		write(t, hash, m.Step(in, 1/float64(len(in.IDs)), 1))
		if _, err := opt.ClipGradNorm(1); err != nil {
			t.Fatal(err)
		}
		opt.Step(0.01)
	}
	for _, p := range m.Params() {
		write(t, hash, be.Host(p.Value))
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

func write(t *testing.T, w io.Writer, x []float32) {
	t.Helper()
	if err := binary.Write(w, binary.LittleEndian, x); err != nil {
		t.Fatal(err)
	}
}

// TestDeviceResume is TestResumeElsewhere.
func TestDeviceResume(t *testing.T) {
	resumeElsewhere(t, func() *Backend { return realDevice(t, Options{}) })
}

// TestDeviceGraph: work that repeats is done each time, recorded or not.
func TestDeviceGraph(t *testing.T) {
	b := realDevice(t, Options{})
	x, y := b.Alloc(1000), b.Alloc(1000)
	one := slices.Repeat([]float32{1}, 1000)
	b.Upload(y, one)
	for range 5 {
		b.Repeat("add", func() { b.Add(x, y) })
	}
	for i, v := range b.Host(x) {
		if v != 5 {
			t.Fatalf("element %d is %g after five additions of one", i, v)
		}
	}
}

// TestDeviceOutOfMemory: more than there is, is refused with words that say what to do.
func TestDeviceOutOfMemory(t *testing.T) {
	b := realDevice(t, Options{})
	err := guarded(func() { b.Alloc(int(b.MemoryLimit()/4) + 1) })
	wants(t, err, ErrOutOfMemory, "GiB are in use")
	if !strings.Contains(err.Error(), "micro_batch_size") {
		t.Error(err)
	}
}
