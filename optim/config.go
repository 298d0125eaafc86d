package optim

// Config holds the constants of Optimizer. Its zero value is MuonClip as in Kimi K2 but for weight decay, which K2
// sets to 0.1.
type Config struct {
	Threads int // threads to work on; 0 means GOMAXPROCS

	// Rule updates the matrices (Param.Muon), and AdamW the rest: Muon, PlainMuon, NorMuon or Dion. AdamW and SGD
	// update every parameter. Empty means Muon.
	Rule  Class
	Scale Scale // size of a matrix's update; empty means the rule's own: spectral of PlainMuon and Dion, else rms

	Momentum      float64      // mu of Muon, Dion and SGD; 0 means 0.95, a negative number none
	PlainMomentum bool         // orthogonalise M, as printed in K2's Algorithm 1, not the Nesterov look-ahead G + mu M of Moonlight's code; also of SGD
	NewtonSchulz  NewtonSchulz // the zero value means 5 quintic steps
	UpdateScale   float64      // O is scaled by UpdateScale*sqrt(max(rows, cols)), so that its RMS is about UpdateScale; 0 means 0.2
	Rank          float64      // of Dion: rank of an update over min(rows, cols), rounded up; 0 means 0.25

	// Blocks says into how many blocks of as many rows a matrix is cut, each updated as a matrix of its own: the heads
	// of an attention projection. nil, and a result of 0 or 1, mean the whole matrix.
	Blocks func(Param) int

	Beta1      float64 // decay of AdamW's first moment; 0 means 0.9
	Beta2      float64 // decay of AdamW's second moment and of NorMuon's; 0 means 0.95
	Eps        float64 // added to the root of AdamW's second moment; 0 means 1e-8
	AdamWRatio float64 // AdamW's learning rate over that of Step; 0 means 1

	WeightDecay float64          // decoupled: W shrinks by lr*WeightDecay in each step; 0 means none, K2 uses 0.1
	NoDecay     func(Param) bool // parameters that do not decay; nil means that all decay, norm weights too (Moonlight, appendix D)

	WeightRMS bool // also report the RMS of the weights in Stats
}
