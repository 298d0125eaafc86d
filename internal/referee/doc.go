// Package referee rebuilds the whole model from Gorgonia's own ops in float64 and lets Gorgonia
// derive the gradients. No line of it is shared with the tape, the kernels or the backward passes of the real
// model, so two mistakes would have to agree to pass unseen.
//
// Three things are constants of the graph that come from package naive: the choice of experts, the
// rotary tables and the scale of the attention logits.
//
// Every product runs over the whole batch of N = B*T tokens: attention is N x N for each head with
// a mask, every expert sees every token and is gated by zero where it was not chosen, and columns are
// picked by multiplying with 0/1 matrices. That is plain and slow, and meant for models of at most about 3
// layers, hidden size 32 and 32 tokens. 50,000 parameters and 16 tokens took 0.1 s and 17 MB on one core.
//
// Ops that are wrong or incomplete in Gorgonia v0.9.18 are avoided: the gradients of InverseSqrt and
// Concat, and LispMachine. Input nodes all get different names, since Gorgonia silently merges
// inputs of the same name and shape.
//
// A build with the tag cuda has no referee: Gorgonia takes the same tag for its own CUDA parts, which do not build.
package referee

// Result is the loss of one batch and its derivatives.
type Result struct {
	Loss    float64              // CrossEntropy + AuxLoss, as in package naive
	AuxLoss float64              // sequence-wise auxiliary loss, 0 when the config has none
	Logits  []float64            // B*T*V
	Grads   map[string][]float64 // of every weight but the correction biases, row-major
}
