// Package optim holds MuonClip, the optimizer of Kimi K2 (arXiv 2507.20534, Algorithm 1), for any Go program
// that keeps its parameters in a tensor.Dense.
//
// The parts can be used alone or together:
//
//   - Optimizer updates matrices by Muon and everything else by AdamW, or follows a rival that Config.Rule names;
//   - QKClip bounds attention logits after the update, head by head;
//   - Schedule gives the learning rate of a step;
//   - NewtonSchulz orthogonalises one matrix, with coefficients of CoefficientSets;
//   - Optimizer.Observe shows the updates of a step, SingularValues measures them and the weights;
//   - Solver gives the same to a Gorgonia program.
//
// A training step with all of them is
//
//	norm, err := opt.ClipGradNorm(1.0)   // optional; err names the first gradient that is not finite
//	stats := opt.Step(schedule.LR(step))
//	events, err := clip.Apply(layers, maxLogits)
//	maxLogits.Reset()
//	opt.ZeroGrad()
//
// Results do not depend on GOMAXPROCS or on the number of threads: sums run over blocks of a fixed size in a fixed
// order. After the first step nothing is allocated but the small Stats maps.
package optim
