package task

import (
	"fmt"
	"slices"
	"strings"

	"muonclip/synth/task/value"
)

// Rubric says what a good dialogue of a task is: for machines to check and for people to read.
type Rubric struct {
	Criteria    []string     `json:"criteria"`         // success, in sentences
	Pattern     []Expect     `json:"expected_pattern"` // calls that must succeed
	Checkpoints []Checkpoint `json:"checkpoints"`      // milestones on the way, in order
	Facts       []*Fact      `json:"-"`                // what must be told
	Goal        string       `json:"goal_state"`
	MaxWrites   int          `json:"max_writes"`
	NoCalls     bool         `json:"no_calls,omitempty"` // nothing may be called
	Notices     []Notice     `json:"notices,omitempty"`
}

// Expect is a call that must have been made: of one of the tools, with these arguments among others, and with
// this outcome.
type Expect struct {
	Segment int            `json:"segment"`
	Tools   []string       `json:"tools"`
	Args    map[string]any `json:"args,omitempty"`
	Record  string         `json:"record,omitempty"` // id or name of a record that must be an argument or stand in the result
	Code    string         `json:"code,omitempty"`   // the error expected; "" for success, "*" for any outcome
}

// CheckpointKind is the sort of a checkpoint.
type CheckpointKind string

// The sorts of checkpoints.
const (
	CheckLookedUp CheckpointKind = "looked_up"  // a record was read before it was acted on
	CheckAsked    CheckpointKind = "asked"      // the user said the value of Slot before it was used
	CheckConsent  CheckpointKind = "consented"  // the user agreed before Tool was called
	CheckRecover  CheckpointKind = "recovered"  // after a fault of Tool the work went on
	CheckToldRule CheckpointKind = "told_rule"  // the rule that forbids was explained
	CheckHonest   CheckpointKind = "was_honest" // what could not be done was said
)

// Checkpoint is a milestone.
type Checkpoint struct {
	Segment int            `json:"segment"`
	Kind    CheckpointKind `json:"kind"`
	Tool    string         `json:"tool,omitempty"`
	Slot    string         `json:"slot,omitempty"`
	Text    string         `json:"text"`
}

// Notice is bad news that the user must hear.
type Notice struct {
	Segment int    `json:"segment"`
	About   string `json:"about"` // words that must stand beside the bad news
}

// DoneCall is a call as a judge sees it.
type DoneCall struct {
	Tool string
	Args map[string]any
	Code string // of its error; "" for success
	// Result is the decoded result; it may be nil where nobody looks at it.
	Result any
}

// Evidence is what an agent did and said.
type Evidence struct {
	Hash   string
	Calls  []DoneCall
	Writes int           // calls that changed something
	Said   []*value.Text // what it said to the user, answer by answer
}

// Failure is one thing in which evidence falls short of a rubric.
type Failure struct {
	What    string
	Segment int // -1: of the task as a whole
	Detail  string
}

// Judge compares evidence with the rubric. It returns all failures, nil when there are none.
func (r *Rubric) Judge(e Evidence) []Failure {
	var out []Failure
	fail := func(what string, segment int, format string, args ...any) {
		out = append(out, Failure{what, segment, fmt.Sprintf(format, args...)})
	}
	if e.Hash != r.Goal {
		fail("state", -1, "the state is %s, the goal %s", e.Hash, r.Goal)
	}
	if e.Writes > r.MaxWrites {
		fail("writes", -1, "%d calls changed something, %d are needed", e.Writes, r.MaxWrites)
	}
	if r.NoCalls && len(e.Calls) > 0 {
		fail("pattern", -1, "%s was called where nothing needs to be", e.Calls[0].Tool)
	}
	for i, ok := range r.met(e.Calls) {
		if x := &r.Pattern[i]; !ok {
			fail("pattern", x.Segment, "no call of %s with %v and outcome %q", strings.Join(x.Tools, " or "), x.Args, x.Code)
		}
	}
	for _, f := range r.Facts {
		if !slices.ContainsFunc(e.Said, f.Told) {
			fail("fact", -1, "%s %v is not told", f.Label, f.Value.V)
		}
	}
	for _, n := range r.Notices {
		if !slices.ContainsFunc(e.Said, func(t *value.Text) bool { return SaysNo(t) && t.Contains(n.About) }) {
			fail("notice", n.Segment, "that %s was not served is not said", n.About)
		}
	}
	return out
}

// met tells which calls of the pattern were made. A call of the very tool that one request needs does not count for
// another request, unless that needs the same tool: who read a record before has to look again.
func (r *Rubric) met(calls []DoneCall) []bool {
	out := make([]bool, len(r.Pattern))
	spent := map[int]int{} // the calls that requests need, by segment
	for i := range r.Pattern {
		x := &r.Pattern[i]
		for k := range calls {
			if calls[k].Tool == x.Tools[0] && x.by(&calls[k]) {
				spent[k], out[i] = x.Segment, true
				break
			}
		}
	}
	for i := range r.Pattern {
		x := &r.Pattern[i]
		for k := range calls {
			by, needed := spent[k]
			out[i] = out[i] || (!needed || by == x.Segment) && x.by(&calls[k])
		}
	}
	return out
}

// by reports whether a call is one that is expected.
func (x *Expect) by(c *DoneCall) bool {
	return (c.Code == x.Code || x.Code == "*") && one(x.Tools, c.Tool) && fits(c.Args, x.Args) && (x.Record == "" || mentions(c.Args, x.Record) || mentions(c.Result, x.Record))
}

func one(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// mentions reports whether a text is among the values within v.
func mentions(v any, s string) bool {
	switch x := v.(type) {
	case string:
		return strings.EqualFold(x, s)
	case []any:
		for _, e := range x {
			if mentions(e, s) {
				return true
			}
		}
	case map[string]any:
		for _, e := range x {
			if mentions(e, s) {
				return true
			}
		}
	}
	return false
}

func fits(args, want map[string]any) bool {
	for k, v := range want {
		if !value.Equal(args[k], v) {
			return false
		}
	}
	return true
}

// Told reports whether a text tells the fact.
func (f *Fact) Told(t *value.Text) bool {
	if f.Gist {
		s, _ := f.Value.V.(string)
		return gist(s, t)
	}
	return t.Has(f.Value)
}

// gist reports whether a text has most of the content words of a sentence.
func gist(s string, t *value.Text) bool {
	words, hits := 0, 0
	for _, w := range strings.FieldsFunc(value.Normalize(s), func(c rune) bool { return c == ' ' || c == ',' || c == '.' || c == ';' }) {
		if len(w) < 4 {
			continue
		}
		words++
		if t.Contains(w) {
			hits++
		}
	}
	return words > 0 && 10*hits >= 7*words
}
