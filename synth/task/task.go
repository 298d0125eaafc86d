// Package task samples tasks with their proof. A task is a world, an agent (system prompt, tools, policy), a user
// with goals, and a plan of calls that was executed on a copy of the world: what that gives is the goal state
// and the facts that the user must be told. Everything is a function of the task's key.
//
// A task is a list of segments, each one request of the user and the way to serve it. The kinds of tasks
// differ in what stands in the way: a value that the user has not said, two records of one name, a rule that
// forbids, a service that fails.
package task

import (
	"fmt"
	"time"

	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// Key names a task: with the same domains it is always the same one.
type Key struct {
	Seed  uint64 `json:"seed"`
	Index uint64 `json:"index"`
}

// String writes a key as seed-index.
func (k Key) String() string { return fmt.Sprintf("%d-%d", k.Seed, k.Index) }

// Kind says what makes a task or a segment special.
type Kind string

// The kinds.
const (
	Single     Kind = "single_call"
	Dependent  Kind = "dependent_calls"
	Parallel   Kind = "parallel_calls"
	Loop       Kind = "loop"
	Missing    Kind = "missing_information"
	Ambiguous  Kind = "ambiguity"
	Changed    Kind = "changed_mind"
	Forbidden  Kind = "policy_forbids"
	Consent    Kind = "needs_consent"
	Impossible Kind = "impossible_request"
	NoTool     Kind = "no_tool_needed"
	Irrelevant Kind = "irrelevant_tools"
	Recovery   Kind = "fault_recovery"
	Long       Kind = "long_session"
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{Single, Dependent, Parallel, Loop, Missing, Ambiguous, Changed, Forbidden, Consent, Impossible, NoTool, Irrelevant, Recovery, Long}
}

// Task is everything that a dialogue is made from and judged by. It does not change after it was sampled.
type Task struct {
	Key        Key
	Kind       Kind
	Difficulty int // 1 to 5
	Domain     *domain.Domain
	Persona    Persona
	System     string       // the system prompt of the agent
	Agent      string       // names the combination of system prompt, tools and policy
	Tools      []*tool.Tool // what the agent is offered, in the order of the declaration
	Policy     []string     // what the agent was told that it must observe
	Segments   []*Segment
	Faults     []Fault
	World      *world.World // at the beginning; never written to
	Today      time.Time
	Initial    string         // hash of World
	Goal       string         // hash of the state that the plan leads to
	Diff       []world.Change // from World to the goal
	Calls      int            // calls of the plan without faults
	Writes     int            // those that change records
	Rubric     Rubric
	Compact    bool     // short, for models with little context
	Refusals   []Reason // why earlier attempts at this key were refused
}

// ID is the key as text.
func (t *Task) ID() string { return t.Key.String() }

// Tool finds an offered tool; nil when there is none of that name.
func (t *Task) Tool(name string) *tool.Tool {
	for _, x := range t.Tools {
		if x.Name == name {
			return x
		}
	}
	return nil
}

// Outcome says how a segment ends when everybody does right.
type Outcome string

// The outcomes.
const (
	Done     Outcome = "done"     // the request is served
	Refused  Outcome = "refused"  // a rule forbids it
	Blocked  Outcome = "blocked"  // the record is missing or in the wrong state
	Declined Outcome = "declined" // the user did not consent
	Answered Outcome = "answered" // from what the agent knows, without tools
	NoMeans  Outcome = "no_means" // no offered tool serves it
	Failed   Outcome = "failed"   // the service failed for good
	Partly   Outcome = "partly"   // some of several items were served
)

// Segment is one request of the user and its service.
type Segment struct {
	Kind    Kind
	Outcome Outcome
	Intent  Intent
	Slots   []*Slot // what the user knows that the plan uses
	Steps   []*Step
	Facts   []*Fact        // what the user must be told
	Changes []world.Change // what the plan changes
	Rule    *domain.Rule
	Why     string   // what blocks: a Why constant
	Needs   []string // states from which the operation would be possible
	// Unserved are the ids of the records of a loop for which the service refuses the change.
	Unserved []string
	Insists  bool // the user repeats a refused request once
}

// Slot finds a slot by its name; nil when there is none.
func (s *Segment) Slot(name string) *Slot {
	for _, x := range s.Slots {
		if x.Name == name {
			return x
		}
	}
	return nil
}

// What blocks a request.
const (
	WhyMissing = "missing" // there is no such record
	WhyState   = "state"   // the record is in a state that does not allow it
	WhyError   = "error"   // the service refuses it for a reason of its own
)

// Act is the sort of a request, which decides how people word it.
type Act string

// The acts.
const (
	ActRead       Act = "read"       // some fields of one record
	ActAsk        Act = "ask"        // anything else that a tool tells
	ActTransition Act = "transition" // move a record to another state
	ActEdit       Act = "edit"       // change a field
	ActCreate     Act = "create"
	ActDo         Act = "do" // any other change
	ActPolicy     Act = "policy"
	ActScope      Act = "scope" // what can you do
	ActCorrect    Act = "correct"
	ActMay        Act = "may" // whether something is possible
)

// Intent is a request without its words.
type Intent struct {
	Act    Act
	Tool   *tool.Tool // the tool that serves it
	Entity *domain.Entity
	Verb   string   // for words: "cancel", "quote_late_checkout"
	Asks   []string // labels of the facts wanted, for ActRead
	Each   string   // of loops: what it is repeated over, "all reservations whose status is pending"
	Tail   string   // of loops: the rest of the request, " to half board"
	Noun   string   // what is wanted, as a noun phrase or an indirect question, where the tool's text gives one
	Join   string   // what stands between Noun and its details; "" for a free choice
	Phrase string   // what is to be done, where the tool's text gives an imperative
}

// Reveal says when the user says a value.
type Reveal uint8

// When a value is said.
const (
	AtOnce   Reveal = iota // with the request
	OnAsk                  // when asked for it
	Known                  // it stands in the system prompt or was said or shown before
	AfterAll               // after another value was said first; First holds that one
)

// SlotRole says what a value is for.
type SlotRole string

// The roles of slots.
const (
	RoleTarget SlotRole = "target" // names the record that the request is about
	RoleValue  SlotRole = "value"
	RoleFilter SlotRole = "filter"
	RoleWhich  SlotRole = "which" // tells one of several records from the others
	RoleOwner  SlotRole = "owner" // names the record to which the target belongs
	RoleReason SlotRole = "reason"
)

// Slot is a value that the user knows.
type Slot struct {
	Name   string
	Label  string // in words: "arrival", "email"
	About  string
	Entity string // of targets and owners: in words, "reservation"
	Param  string // the parameter or field it is for
	Role   SlotRole
	Value  value.Value
	First  *value.Value // for AfterAll: what is said first and taken back
	Reveal Reveal
}

// Fact is something that the user must be told.
type Fact struct {
	Label string
	Value value.Value
	Gist  bool   // the value is a sentence whose content, not wording, must be told
	From  Source // where the plan finds it; the zero Source for what the agent knows from its instructions
	Stale any    // what a stale read shows instead; nil when none
}

// Persona is the user: how patient, and how they write.
type Persona struct {
	Name     string `json:"name"`
	Style    Style  `json:"style"`
	Patience int    `json:"patience"` // questions without an answer that they bear
	Thanks   bool   `json:"thanks"`
}

// Style is a manner of writing.
type Style string

// The styles.
const (
	Terse     Style = "terse"
	Chatty    Style = "chatty"
	Formal    Style = "formal"
	Impatient Style = "impatient"
	NonNative Style = "non_native"
	Forgetful Style = "forgetful"
	Plain     Style = "plain"
)

// Styles lists all styles.
func Styles() []Style {
	return []Style{Terse, Chatty, Formal, Impatient, NonNative, Forgetful, Plain}
}
