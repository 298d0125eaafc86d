package train

// Probe measures steps from outside the loop. It must leave the weights as it found them; gradients and the statistics of the
// model are its own between After and the next step. What it takes does not count as training time.
type Probe interface {
	// Before is called when the gradients of a step are ready and no weight has moved.
	Before(step int64)
	// After is called when a step is complete and its row is written, also where its update was skipped.
	After(step int64) error
	// Keep makes what was measured so far last. A checkpoint of the last step follows.
	Keep() error
	// Drop forgets what was measured after a step, from which the run goes on.
	Drop(step int64) error
}
