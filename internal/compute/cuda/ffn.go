package cuda

// SwiGLU computes act = silu(gate) up; see compute.Backend. In bf16 precision products alone read act, and it holds bf16.
func (b *Backend) SwiGLU(act, gu []float32, width int) {
	to := into(b, act)
	if b.opt.Precision == BF16 {
		b.strided("swiglu_bf16", len(act), to, at(b, gu), i32(width), i64(len(act)))
		b.narrowed(act, width)
		return
	}
	b.strided("swiglu", len(act), to, at(b, gu), i32(width), i64(len(act)))
}

// SwiGLUBackward overwrites gu with its gradient; see compute.Backend. In bf16 precision products alone read it and act, and both
// hold bf16.
func (b *Backend) SwiGLUBackward(gu, dAct, act, scale, dScale []float32, width int) {
	rows := len(act) / width
	args := []uint64{onto(b, gu, 0), at(b, dAct), into(b, act), at(b, scale), into(b, dScale), i32(width)}
	if b.opt.Precision == BF16 {
		b.launch("swiglu_backward_bf16", x(rows), normThreads(width), 4*width, args...)
		b.narrowed(gu, 2*width)
		b.narrowed(act, width)
		return
	}
	b.launch("swiglu_backward", x(rows), normThreads(width), 0, args...)
}

// CrossEntropy replaces each row of logits by its gradient, in bf16 precision by one in bf16; see compute.Backend.
func (b *Backend) CrossEntropy(loss, logits []float32, targets []int32, vocab int, scale []float32) {
	name := "cross_entropy"
	if b.opt.Precision == BF16 {
		name = "cross_entropy_bf16"
	}
	b.launch(name, x(len(targets)), threads(vocab), 0, into(b, loss), onto(b, logits, 0), at(b, targets), i32(vocab), at(b, scale))
	if b.opt.Precision == BF16 {
		b.narrowed(logits, vocab)
	}
}
