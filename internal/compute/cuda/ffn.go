package cuda

// SwiGLU computes act = silu(gate) up; see compute.Backend.
func (b *Backend) SwiGLU(act, gu []float32, width int) {
	b.strided("swiglu", len(act), at(b, act), at(b, gu), i32(width), i64(len(act)))
}

// SwiGLUBackward overwrites gu with its gradient; see compute.Backend.
func (b *Backend) SwiGLUBackward(gu, dAct, act, scale, dScale []float32, width int) {
	b.launch("swiglu_backward", x(len(act)/width), normThreads(width), 0, at(b, gu), at(b, dAct), at(b, act), at(b, scale), at(b, dScale), i32(width))
}

// CrossEntropy replaces each row of logits by its gradient; see compute.Backend.
func (b *Backend) CrossEntropy(loss, logits []float32, targets []int32, vocab int, scale []float32) {
	b.launch("cross_entropy", x(len(targets)), threads(vocab), 0, at(b, loss), at(b, logits), at(b, targets), i32(vocab), at(b, scale))
}
