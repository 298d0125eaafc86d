package metrics

// Kinds of events that the training loop writes. A reader must accept others.
const (
	KindQKClip     = "qk_clip"    // QK-Clip rescaled a head: Layer, Head, MaxLogit, Gamma
	KindSpike      = "spike"      // loss or gradient norm far from its recent mean: Signal, Value, Z, Action, Docs
	KindNaN        = "nan"        // first non-finite value: Op, Layer, Docs
	KindResume     = "resume"     // the run went on from a checkpoint of Step
	KindCheckpoint = "checkpoint" // a checkpoint is complete: Path
)

// Actions after a spike.
const (
	ActionReport   = "report"   // nothing but the event
	ActionSkip     = "skip"     // the update of the step was dropped
	ActionRollback = "rollback" // the run went back to an earlier checkpoint
)

// Event is one line of events.jsonl. Which fields are written depends on Kind, as listed at the kinds; an
// event of another kind has every field that is not zero. Fields that are absent in the file read as zero,
// except Layer and Head, which read as -1 because 0 is a layer and a head.
type Event struct {
	Step     int64
	Kind     string
	Layer    int      // layer counted from 0; -1 for none
	Head     int      // head counted from 0; -1 for none
	MaxLogit float64  // largest softmax input S of the head in the step
	Gamma    float64  // QK-Clip factor tau/S (K2 report, section 2.1)
	Signal   string   // "loss" or "grad_norm"
	Value    float64  // the signal's value
	Z        float64  // its distance from the recent mean in standard deviations
	Action   string   // ActionReport, ActionSkip or ActionRollback
	To       int64    // step that a rollback went back to
	Docs     []string // documents of the step's batch, "source:index"
	Op       string   // operation that gave the first non-finite value
	Path     string   // checkpoint folder relative to the run folder
	Message  string   // anything a reader should know, in words
}

// Lasting reports whether the event stays in the log when a resume drops the steps after a checkpoint. A
// rollback and a non-finite value tell of steps that the resumed run will not meet again in the same way.
func (e *Event) Lasting() bool {
	return e.Kind == KindNaN || e.Action == ActionRollback
}
