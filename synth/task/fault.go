package task

// FaultKind is the sort of a failure that the environment injects.
type FaultKind string

// The sorts of faults.
const (
	Timeout   FaultKind = "timeout"
	Transient FaultKind = "transient"
	RateLimit FaultKind = "rate_limit"
	Partial   FaultKind = "partial"
	Stale     FaultKind = "stale"
	Denied    FaultKind = "denied"
)

// FaultKinds lists all sorts.
func FaultKinds() []FaultKind {
	return []FaultKind{Timeout, Transient, RateLimit, Partial, Stale, Denied}
}

// Fault is one planned failure: the calls of a tool from the Nth on, Times of them, fail.
type Fault struct {
	Kind  FaultKind `json:"kind"`
	Tool  string    `json:"tool"`
	Nth   int       `json:"nth"`             // first call of the tool that is hit, from 0
	Times int       `json:"times"`           // 0: all from there on
	Wait  int       `json:"wait,omitempty"`  // seconds until a rate limit lets calls through
	Lost  bool      `json:"lost,omitempty"`  // of timeouts: the call took effect and only its answer is lost
	Seed  uint64    `json:"seed,omitempty"`  // of stale reads: which field is old and what it shows
	Keep  int       `json:"keep,omitempty"`  // of partial results: how many items the first answer holds
	Entry string    `json:"entry,omitempty"` // of stale reads: the key whose value is old
	Old   any       `json:"old,omitempty"`   // of stale reads: the old value
}

// Hits reports whether the fault befalls the nth call of its tool.
func (f *Fault) Hits(nth int) bool {
	return nth >= f.Nth && (f.Times == 0 || nth < f.Nth+f.Times)
}
