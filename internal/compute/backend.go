package compute

// Backend is the set of kernels of one kind of device. Matrices are row-major; ld is the distance
// between rows in elements. A result never depends on the number of threads. "Adds to" means that
// the destination holds earlier contributions; otherwise it is overwritten.
type Backend[T Float] interface {
	// Alloc returns n zeroed elements of device memory.
	Alloc(n int) []T
	// AllocInts returns n zeroed integers of device memory.
	AllocInts(n int) []int32
	// Upload copies src, which is the host's own, to dst when all that was asked for before is done. The host
	// may change src at once.
	Upload(dst, src []T)
	// UploadInts is Upload of integers.
	UploadInts(dst, src []int32)
	// Sync waits until all that was asked for is done.
	Sync()
	// Host waits and lets the host read x until the next operation that writes to it. Slices of Alloc and AllocInts may
	// be names of memory that the host cannot read otherwise.
	Host(x []T) []T
	// HostInts is Host of integers.
	HostInts(x []int32) []int32
	// Lend is Host, and lets the host write to x as well until the next operation that is given a part of it.
	Lend(x []T) []T
	// Awake runs f, a series of many short operations, with all that can make them begin sooner.
	Awake(f func())
	// Repeat runs f, which asks for operations alone: it neither allocates nor uploads nor waits. Calls with equal keys
	// ask for the same operations on the same memory, so a backend may do again what it recorded instead of calling f.
	Repeat(key any, f func())

	// Gemm computes C = alpha op(A) op(B) + beta C with op(A) of m x k and op(B) of k x n.
	Gemm(transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)

	// Zero clears dst.
	Zero(dst []T)
	// Add computes dst += src.
	Add(dst, src []T)

	// Embed copies rows of table: out[i] = table[ids[i]].
	Embed(out, table []T, ids []int32, width int)
	// EmbedBackward adds dOut[i] to dTable[ids[i]].
	EmbedBackward(dTable, dOut []T, ids []int32, width int)

	// RMSNorm computes y = x rstd w with rstd = 1/sqrt(mean(x^2) + eps) for each row; rows of x lie
	// ldx apart and len(w) elements of each take part. Where delta is not nil the row is first
	// replaced by x + delta, which is written to delta.
	RMSNorm(y, rstd, x []T, ldx int, delta, w []T, eps T)
	// RMSNormBackward adds to dx (rows lddx apart) and to dw.
	RMSNormBackward(dx []T, lddx int, dw, dy, x []T, ldx int, w, rstd []T)

	// AddHeads adds width columns of each head: dst head h += src head h in each of the rows, both named by their
	// Data. A Stride of 0 means one vector that all heads share; as dst it receives their sum.
	AddHeads(dst, src HeadCols[T], rows, heads, width int)

	// Attention computes causal softmax attention; see AttentionArgs.
	Attention(a *AttentionArgs[T])
	// AttentionBackward computes the gradients of Q, K and V; see AttentionArgs.
	AttentionBackward(a *AttentionArgs[T])

	// SwiGLU computes act = silu(gate) up, where each row of gu is [gate | up] of width elements each.
	SwiGLU(act, gu []T, width int)
	// SwiGLUBackward overwrites gu with its gradient and writes the activation times scale[row] to act.
	// dAct rows are multiplied by scale[row] too; a nil scale means 1. Where dScale is not nil it
	// receives the dot product of the activation and dAct of each row, both unscaled.
	SwiGLUBackward(gu, dAct, act, scale, dScale []T, width int)

	// Route picks the experts of each token (DeepSeek-V3, eq. 13-16); see RouteArgs.
	Route(a *RouteArgs[T])
	// RouteBackward turns the gradient of the routing weights into that of the router's logits.
	RouteBackward(a *RouteArgs[T])
	// Group sorts the choices by expert, keeping their order within one, and adds the number of each
	// expert's choices to load; see Groups.
	Group(index []int32, k int, load []int32, g Groups)
	// Balance moves the bias of each expert towards an even load: b_i += rate (sign(e_i) - mean sign(e)), where e_i > 0 for
	// an expert with less than the mean load (Moonlight, arXiv 2502.16982, section 2; the mean keeps the biases from
	// drifting together).
	Balance(bias []T, load []int32, rate float64)
	// Gather copies rows: dst[i] = src[rows[i]].
	Gather(dst, src []T, rows []int32, width int)
	// Combine adds the weighted rows of each token's k slots: dst[t] += sum_j w[t,j] src[slot[t,j]].
	// A nil w means weights of one.
	Combine(dst, src []T, slot []int32, w []T, k, width int)
	// GroupedGemm multiplies rows ends[e-1]..ends[e] of x by expert e's matrix: y = x op(W_e). Where rows
	// is not nil, row i of x is x[rows[i]].
	GroupedGemm(y, x []T, rows []int32, w []T, ends []int32, stride, out, in int, transW bool)
	// GroupedGemmWeights computes dW_e = dy_e^T x_e + beta dW_e for beta 0 or 1. Where dyRows or xRows is
	// not nil, it says which rows of dy or x are meant; at most one of them is given.
	GroupedGemmWeights(beta T, dw, dy []T, dyRows []int32, x []T, xRows []int32, ends []int32, stride, out, in int)

	// CrossEntropy replaces each row of logits by its gradient times the row's scale and writes the loss
	// of each row in nats to loss; a target of -1 gives zero loss and a zero gradient.
	CrossEntropy(loss, logits []T, targets []int32, vocab int, scale []T)
}

// HeadCols says in which columns of a matrix the heads lie: head h begins at column Off + h*Stride
// of rows that are Ld apart. Grad has the same layout as Data.
type HeadCols[T Float] struct {
	Data, Grad      []T
	Ld, Off, Stride int
}

// AttentionArgs describes one layer's attention over Batch sequences of Seq tokens. A query head is
// [nope | rope]; key head h/Group is KNope beside KRope. Multi-head latent attention has Group 1
// and one KRope for all heads (Stride 0); grouped-query attention has Nope 0 and rotates the whole head.
type AttentionArgs[T Float] struct {
	Batch, Seq, Heads, Group int
	Nope, Rope, V            int // elements of a head
	Q, KNope, KRope, Value   HeadCols[T]
	Cos, Sin                 []T // Seq x Rope/2
	RotateHalf               bool
	Scale                    T
	DocStart                 []int32 // Batch*Seq, first position attended to; nil for 0

	Out      []T // (Batch*Seq) x (Heads*V)
	LSE      []T // Batch x Heads x Seq: log of the softmax denominator
	MaxLogit []T // Heads: raised to the largest softmax input of each head

	DOut []T // gradient of Out; the backward pass overwrites Q.Grad, KNope.Grad and Value.Grad in
	// their columns and adds to KRope.Grad
	KRopeParts []T // (Batch*Heads*Seq) x Rope scratch of the backward pass where KRope is shared
}

// Groups says how the choices of all tokens, token t's j-th being choice t*k+j, lie when sorted by
// expert: expert e's rows end at Ends[e], row i belongs to Token[i] and is choice Choice[i], and
// choice c is row Slot[c].
type Groups struct{ Ends, Token, Choice, Slot []int32 }

// RouteArgs describes the router of one layer for Tokens rows. Scores are sigmoid(logits); the
// TopK largest of score + Bias are chosen, ties going to the lower expert; their weights are the
// scores, divided by their sum where Norm is set, times Scale.
type RouteArgs[T Float] struct {
	Tokens, Experts, TopK int
	Norm                  bool
	Scale                 T
	Bias                  []T

	Scores []T     // in: logits, out: sigmoid of them; Tokens x Experts
	Index  []int32 // Tokens x TopK, chosen experts, the best first
	Weight []T     // Tokens x TopK

	DWeight []T // gradient of Weight
	DLogits []T // Tokens x Experts, overwritten by the backward pass

	// Sequence-wise auxiliary loss (DeepSeek-V3, eq. 17-20), off where AuxWeight is zero. Of each
	// sequence of Seq tokens the loss is AuxWeight sum_i f_i P_i with f_i = Experts/(TopK Seq) times
	// the tokens that chose expert i, and P_i the mean of the scores after division by their sum.
	AuxWeight T
	Seq       int
	Frequency []T // Tokens/Seq x Experts: f_i, kept for the backward pass
	AuxLoss   []T // Tokens/Seq: loss of each sequence
}
