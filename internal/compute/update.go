package compute

// Updater is a backend that also does the passes of an optimizer, where weights, gradients and moments lie. Sums of squares
// go to numbered places on the device, to be read together by Sums.
type Updater interface {
	Backend[float32]
	// ReserveSums makes room for sums 0 to n-1.
	ReserveSums(n int)
	// Sums waits and returns the first n sums.
	Sums(n int) []float64
	// SquareSum puts the sum of squares of x into sum i.
	SquareSum(x []float32, i int)
	// Scale multiplies x by f.
	Scale(x []float32, f float32)
	// AdamW does one step of AdamW and puts the squares of the change, without learning rate and decay, into sum i.
	AdamW(w, g, m, v []float32, s AdamStep, i int)
	// Muon does one step of Muon on a batch of matrices and puts the squares of the orthogonal update of each into the
	// sums from i on.
	Muon(b *MuonBatch, i int)
}

// AdamStep holds the constants of one step of AdamW:
//
//	m = B1 m + D1 g
//	v = B2 v + D2 g^2
//	u = (m / C1) / (sqrt(v / C2) + Eps)
//	w = Keep w - Rate u
type AdamStep struct{ B1, D1, B2, D2, C1, C2, Eps, Keep, Rate float32 }

// MuonBatch is matrices of one shape that lie Stride elements apart in weights, gradients and momentum alike, with the
// constants of one step:
//
//	M = Mu M + G
//	O = NewtonSchulz(G + Mu M, or M without Nesterov) by the coefficients of each of its steps
//	W = Keep W - Rate O
type MuonBatch struct {
	W, G, M             []float32 // from the first matrix's first element to the last one's last
	Rows, Cols          int
	Batch, Stride       int
	Mu, Eps, Keep, Rate float32 // Eps is added to the norm that Newton-Schulz divides by
	Nesterov            bool
	Coefficients        [][3]float64
}
