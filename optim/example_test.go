//go:build !cuda

package optim_test

import (
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"muonclip/optim"
)

// A Gorgonia program trains a two-layer perceptron on a fixed function: Muon updates the two matrices, AdamW the bias.
func ExampleSolver() {
	const points, hidden = 64, 16
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(rows, cols int, std float64) *tensor.Dense {
		x := make([]float64, rows*cols)
		for i := range x {
			x[i] = rng.NormFloat64() * std
		}
		return tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(x))
	}
	inputs := random(points, 2, 1)
	targets := make([]float64, 0, points*2)
	for i := range points {
		a, b := inputs.Float64s()[2*i], inputs.Float64s()[2*i+1]
		targets = append(targets, math.Sin(2*a)*b, math.Tanh(a-b))
	}

	g := gorgonia.NewGraph()
	matrix := func(name string, v *tensor.Dense) *gorgonia.Node {
		return gorgonia.NewMatrix(g, tensor.Float64, gorgonia.WithName(name), gorgonia.WithShape(v.Shape()...), gorgonia.WithValue(v))
	}
	x := matrix("x", inputs)
	y := matrix("y", tensor.New(tensor.WithShape(points, 2), tensor.WithBacking(targets)))
	w1 := matrix("w1", random(2, hidden, 0.5))
	b1 := matrix("b1", random(1, hidden, 0.5))
	w2 := matrix("w2", random(hidden, 2, 0.1))
	h := gorgonia.Must(gorgonia.Tanh(gorgonia.Must(gorgonia.BroadcastAdd(gorgonia.Must(gorgonia.Mul(x, w1)), b1, nil, []byte{0}))))
	diff := gorgonia.Must(gorgonia.Sub(gorgonia.Must(gorgonia.Mul(h, w2)), y))
	loss := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(diff))))
	if _, err := gorgonia.Grad(loss, w1, b1, w2); err != nil {
		log.Fatal(err)
	}

	const steps = 100
	solver, err := optim.NewSolver(optim.SolverConfig{
		Schedule: optim.Schedule{Kind: optim.Cosine, Peak: 0.1, Warmup: 10, Steps: steps},
	})
	if err != nil {
		log.Fatal(err)
	}
	model := gorgonia.NodesToValueGrads(gorgonia.Nodes{w1, b1, w2})
	vm := gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(w1, b1, w2))
	defer vm.Close()
	for step := range steps + 1 {
		if err := vm.RunAll(); err != nil {
			log.Fatal(err)
		}
		if step%25 == 0 {
			fmt.Printf("step %3d  loss %.3f\n", step, loss.Value().Data())
		}
		if err := solver.Step(model); err != nil {
			log.Fatal(err)
		}
		vm.Reset()
	}
	// Output:
	// step   0  loss 0.521
	// step  25  loss 0.195
	// step  50  loss 0.067
	// step  75  loss 0.030
	// step 100  loss 0.027
}

// Plain Go: fit W to a target by gradients that the program computes itself.
func ExampleOptimizer() {
	value := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{0, 0, 0, 0, 0, 0}))
	grad := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(make([]float32, 6)))
	target := []float32{1, -1, 0.5, 0, 2, 1}

	opt, err := optim.New([]optim.Param{{Name: "w", Value: value, Grad: grad, Muon: true, Kind: "dense"}}, optim.Config{})
	if err != nil {
		log.Fatal(err)
	}
	schedule := optim.Schedule{Kind: optim.Linear, Peak: 0.5, Steps: 100}
	for step := range 100 {
		var loss float32
		w, g := value.Float32s(), grad.Float32s()
		for i := range w {
			g[i] = w[i] - target[i]
			loss += g[i] * g[i] / 2
		}
		opt.Step(schedule.LR(step))
		if step%30 == 0 {
			fmt.Printf("step %2d  loss %.1f\n", step, loss)
		}
	}
	// Output:
	// step  0  loss 3.6
	// step 30  loss 0.3
	// step 60  loss 0.1
	// step 90  loss 0.0
}

// QK-Clip on one layer of multi-head latent attention after an optimizer step.
func ExampleQKClip() {
	const heads, nope, rope, v = 2, 2, 1, 2
	ones := func(rows int) *tensor.Dense {
		x := make([]float32, rows)
		for i := range x {
			x[i] = 1
		}
		return tensor.New(tensor.WithShape(rows, 1), tensor.WithBacking(x))
	}
	layer := optim.Attention{Layer: 0, Heads: heads, Nope: nope, Rope: rope, V: v, Q: ones(heads * (nope + rope)), KVB: ones(heads * (nope + v))}

	logits := optim.NewMaxLogits(1, heads)
	optim.ObserveLayer(logits, 0, []float32{12, 80})  // first micro-batch
	optim.ObserveLayer(logits, 0, []float32{15, 400}) // second

	events, err := optim.QKClip{Tau: 100}.Apply([]optim.Attention{layer}, logits)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range events {
		fmt.Printf("layer %d head %d: S = %g, gamma = %g\n", e.Layer, e.Head, e.MaxLogit, e.Gamma)
	}
	fmt.Println("q  ", layer.Q.Float32s())
	fmt.Println("kvb", layer.KVB.Float32s())
	// Output:
	// layer 0 head 1: S = 400, gamma = 0.25
	// q   [1 1 1 0.5 0.5 0.25]
	// kvb [1 1 1 1 0.5 0.5 1 1]
}

// Rivals of MuonClip are a field of the configuration. NorMuon with Polar Express coefficients updates a matrix of two
// heads, each on its own, and the singular values of its first update are measured.
func ExampleConfig_rule() {
	const heads, rows, cols = 2, 8, 6
	rng := rand.New(rand.NewPCG(3, 4))
	random := func() *tensor.Dense {
		x := make([]float64, rows*cols)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		return tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(x))
	}
	opt, err := optim.New([]optim.Param{{Name: "q_proj", Value: random(), Grad: random(), Muon: true}}, optim.Config{
		Rule:         optim.NorMuon,
		NewtonSchulz: optim.NewtonSchulz{Set: "polar-express", Steps: 8},
		Blocks:       func(optim.Param) int { return heads },
	})
	if err != nil {
		log.Fatal(err)
	}
	opt.Observe(nil, func(p optim.Param, update *tensor.Dense) {
		s, err := optim.SingularValues(update)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: stable rank %.2f of %d\n", p.Name, optim.StableRank(s), len(s))
	})
	stats := opt.Step(0.1)
	fmt.Printf("update RMS %.3f\n", stats.UpdateRMS["other"])
	// Output:
	// q_proj: stable rank 4.00 of 6
	// update RMS 0.020
}
