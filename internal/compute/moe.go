package compute

// Router holds what decides the routing of one layer, and what the routing was.
type Router[T Float] struct {
	Gate *Tensor[T] // Experts x hidden
	Bias []T        // e_score_correction_bias: moves the choice, never the weight

	TopK      int
	Norm      bool
	Scale     T
	AuxWeight T // weight of the sequence-wise loss divided by the number of sequences of the step
	Seq       int

	Load    []int32 // Experts: incremented by the tokens sent to each
	AuxLoss []T     // raised by the auxiliary loss of each sequence; made by the first pass that has one
}

// raise adds to AuxLoss, where the device adds up: the host reads it when it reads the losses.
func (r *Router[T]) raise(t *Tape[T], losses []T) {
	if n := len(losses); n > len(r.AuxLoss) {
		more := t.Alloc(n)
		t.Zero(more)
		t.Add(more[:len(r.AuxLoss)], r.AuxLoss)
		r.AuxLoss = more
	}
	t.Add(r.AuxLoss[:len(losses)], losses)
}

// MoE adds the routed experts' output to base, whose memory it takes over (DeepSeek-V3, eq. 12-16):
//
//	y_t = base_t + sum_j w_tj FFN_{e_tj}(x_t)
//
// experts holds [gate | up | down] of one expert after the other; width is that of one expert.
// The backward pass needs no expert's output: with u = dy Wd, dw = u·act and dact = w u.
func (t *Tape[T]) MoE(x, base, experts *Tensor[T], width int, r *Router[T]) *Tensor[T] {
	n, hidden := x.Rows, x.Cols
	e, k := r.Gate.Rows, r.TopK
	slots := n * k
	stride := 3 * width * hidden
	down := 2 * width * hidden // where Wd begins

	a := RouteArgs[T]{Tokens: n, Experts: e, TopK: k, Norm: r.Norm, Scale: r.Scale, Bias: r.Bias, AuxWeight: r.AuxWeight, Seq: r.Seq}
	scores := t.New(n, e)
	weight := t.New(n, k)
	a.Scores, a.Weight, a.Index = scores.Data, weight.Data, t.Ints(slots)
	if a.AuxWeight != 0 {
		a.Frequency, a.AuxLoss = t.Buffer(n/r.Seq*e), t.Buffer(n/r.Seq)
	}
	t.exactly(func() { t.linear(scores.Data, x.Data, r.Gate.Data, n, e, hidden) }) // a rounded score moves a choice
	t.Route(&a)
	load := r.Load
	if t.again { // counted the first time
		load = t.Ints(e)
	} else {
		r.raise(t, a.AuxLoss)
	}

	g := Groups{Ends: t.Ints(e), Token: t.Ints(slots), Choice: t.Ints(slots), Slot: t.Ints(slots)}
	t.Group(a.Index, k, load, g)

	gu := t.New(slots, 2*width)
	t.GroupedGemm(gu.Data, x.Data, g.Token, experts.Data, g.Ends, stride, 2*width, hidden, true)
	act := t.take(slots * width)
	t.SwiGLU(act, gu.Data, width)
	rows := t.take(slots * hidden)
	t.GroupedGemm(rows, act, nil, experts.Data[down:], g.Ends, stride, hidden, width, true)
	y := t.wrap(base.Data, n, hidden)
	base.Data = nil
	t.Combine(y.Data, rows, g.Slot, weight.Data, k, hidden)
	t.put(act)
	t.put(rows)

	t.record("experts", y, func() {
		base.grad, base.shared, y.shared = y.grad, y.shared, true // y is done with it before base is
		// The weights and their gradients in the order of the experts' rows.
		w, dw := t.take(slots), t.take(slots)
		t.Gather(w, a.Weight, g.Choice, 1)
		dAct, act := t.take(slots*width), t.take(slots*width)
		t.GroupedGemm(dAct, y.grad, g.Token, experts.Data[down:], g.Ends, stride, width, hidden, false)
		t.SwiGLUBackward(gu.Data, dAct, act, w, dw, width)
		dExperts, beta := t.gradient(experts)
		t.GroupedGemmWeights(beta, dExperts[down:], y.grad, g.Token, act, nil, g.Ends, stride, hidden, width)
		t.put(dAct)
		t.put(act)
		t.GroupedGemmWeights(beta, dExperts, gu.Data, nil, x.Data, g.Token, g.Ends, stride, 2*width, hidden)
		dRows := t.take(slots * hidden)
		t.GroupedGemm(dRows, gu.Data, nil, experts.Data, g.Ends, stride, hidden, 2*width, false)
		t.Combine(t.sum(x), dRows, g.Slot, nil, k, hidden)
		t.put(dRows)
		t.free(gu)

		a.DWeight, a.DLogits = w, t.take(n*e)
		t.Gather(a.DWeight, dw, g.Slot, 1)
		t.RouteBackward(&a)
		t.exactly(func() { t.linearBackward(x, r.Gate, a.DLogits) })
		t.put(w)
		t.put(dw)
		t.put(a.DLogits)
		t.free(scores)
		t.free(weight)
	})
	return y
}
