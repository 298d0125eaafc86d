package task

import (
	"fmt"

	"muonclip/synth/task/value"
)

// Do says what a step does.
type Do string

// What steps do.
const (
	DoCall    Do = "call"
	DoAsk     Do = "ask"     // ask for the slots that the user has not said
	DoChoose  Do = "choose"  // ask which of several records is meant
	DoConsent Do = "consent" // ask for consent to the call that follows
	DoReport  Do = "report"  // tell the outcome; ends the segment
)

// Step is one step of a plan.
type Step struct {
	Do      Do
	Tool    string
	Items   string // of calls: the key under which the result's list lies; "" when the result is one record
	Args    []Arg
	Pick    []Cond // which records of the result are meant; all must hold
	Each    int    // run once for each picked record of this earlier step; -1: once
	Group   int    // calls of one group above 0 go out together
	Slot    string // of ask: the slot; of choose: the slot that tells the records apart
	Step    int    // of choose: the step whose result holds several
	Code    string // the error that the call is expected to end with; "" for success
	Other   *Step  // another way to the same record when the tool of this one is denied
	Write   bool
	Fatal   bool   // the call fails for good: the plan ends before it
	Serial  bool   // calls of a loop go out one after another, not together
	MayFail bool   // some calls of a loop are refused by the service; the others count
	Check   *Check // how to see whether a call took effect whose answer was lost
}

// Check reads a record to see whether a change was made.
type Check struct {
	Tool  string
	Args  []Arg
	Field string // key in the result
	Want  any    // its value after the change
}

// Arg is an argument of a call.
type Arg struct {
	Group string // the object in which the parameter lies; "" at the top
	Param string
	From  Source
}

// Source says where a value comes from.
type Source struct {
	Kind SourceKind
	Slot string   // name
	List []string // names, for FromSlots
	Step int      // number of the step
	Path []string // keys in the result, or in the picked record
	Nth  int      // for FromCell
}

// SourceKind is the sort of a Source.
type SourceKind string

// The sorts of sources.
const (
	FromSlot   SourceKind = "slot"
	FromResult SourceKind = "result" // the result of a step
	FromPicked SourceKind = "picked" // the one picked record of a step
	FromItem   SourceKind = "item"   // the record that the loop is at
	FromCount  SourceKind = "count"  // the number of picked records of a step
	FromList   SourceKind = "list"   // the field of all picked records of a step
	FromAll    SourceKind = "all"    // the field of the results of all calls of a step
	FromTable  SourceKind = "table"  // of all picked records of a step, one field for each value of another
	FromSlots  SourceKind = "slots"  // the values of several slots as a list
	FromCell   SourceKind = "cell"   // in a result's list Path[0], the Nth of Path[3] of the element whose Path[1] is Path[2]
)

// Cond holds for a record whose field equals the slot's value.
type Cond struct {
	Field string // key in the result
	Slot  string
}

// Binder resolves sources: it holds the values said and the results seen so far. The sampler fills it from the
// plan's execution, an agent from the dialogue.
type Binder struct {
	Slots   map[string]any
	Results [][]any // of each step, one a call, decoded; nil for a call that failed
}

// NewBinder returns a binder for n steps.
func NewBinder(n int) *Binder {
	return &Binder{Slots: map[string]any{}, Results: make([][]any, n)}
}

// Picked returns the records of a step's results for which its conditions hold. A condition whose slot is not
// known yet holds for all.
func (b *Binder) Picked(steps []*Step, step int) []map[string]any {
	var picked []map[string]any
	for _, res := range b.Results[step] {
		for _, rec := range records(res, steps[step].Items) {
			if b.holds(steps[step].Pick, rec) {
				picked = append(picked, rec)
			}
		}
	}
	return picked
}

func (b *Binder) holds(conds []Cond, rec map[string]any) bool {
	for _, c := range conds {
		want, known := b.Slots[c.Slot]
		if known && !value.Equal(rec[c.Field], want) {
			return false
		}
	}
	return true
}

// records lists the records in a result: those of its list, or the result itself.
func records(res any, items string) []map[string]any {
	m, ok := res.(map[string]any)
	if !ok {
		return nil
	}
	if list, ok := m[items].([]any); ok && items != "" {
		return objects(list)
	}
	return []map[string]any{m}
}

func objects(list []any) []map[string]any {
	out := make([]map[string]any, 0, len(list))
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// Resolve finds the value of a source; item is the record that a loop is at.
func (b *Binder) Resolve(steps []*Step, s Source, item map[string]any) (any, error) {
	switch s.Kind {
	case FromSlot:
		v, ok := b.Slots[s.Slot]
		if !ok {
			return nil, &MissingError{Slot: s.Slot}
		}
		return v, nil
	case FromItem:
		return value.At(any(item), s.Path...), nil
	case FromPicked:
		p := b.Picked(steps, s.Step)
		if len(p) != 1 {
			return nil, &PickError{Step: s.Step, Records: p}
		}
		return value.At(any(p[0]), s.Path...), nil
	case FromResult:
		for _, r := range b.Results[s.Step] {
			if r != nil {
				return value.At(r, s.Path...), nil
			}
		}
		return nil, fmt.Errorf("task: step %d has no result", s.Step)
	case FromCount:
		return int64(len(b.Picked(steps, s.Step))), nil
	case FromList:
		list := []any{}
		for _, p := range b.Picked(steps, s.Step) {
			if v := value.At(any(p), s.Path...); v != nil {
				list = append(list, v)
			}
		}
		return list, nil
	case FromAll:
		list := []any{}
		for _, r := range b.Results[s.Step] {
			if v := value.At(r, s.Path...); v != nil {
				list = append(list, v)
			}
		}
		return list, nil
	}
	switch s.Kind {
	case FromSlots:
		return b.values(s.List)
	case FromCell:
		return b.cell(s)
	case FromTable:
		table := map[string]any{}
		for _, p := range b.Picked(steps, s.Step) {
			if k := p[s.Path[0]]; k != nil {
				table[fmt.Sprint(k)] = p[s.Path[1]]
			}
		}
		return table, nil
	}
	return nil, fmt.Errorf("task: unknown source %q", s.Kind)
}

// values lists the values of slots.
func (b *Binder) values(slots []string) (any, error) {
	list := make([]any, 0, len(slots))
	for _, name := range slots {
		v, ok := b.Slots[name]
		if !ok {
			return nil, &MissingError{Slot: name}
		}
		list = append(list, v)
	}
	return list, nil
}

// cell finds a value in a result that is a table.
func (b *Binder) cell(s Source) (any, error) {
	for _, res := range b.Results[s.Step] {
		rows, _ := value.At(res, s.Path[0]).([]any)
		for _, row := range objects(rows) {
			if list, ok := row[s.Path[3]].([]any); ok && row[s.Path[1]] == s.Path[2] && s.Nth < len(list) {
				return list[s.Nth], nil
			}
		}
	}
	return nil, fmt.Errorf("task: step %d shows no %s", s.Step, s.Path[2])
}

// Args resolves the arguments of a step: one set for each call that it makes.
func (b *Binder) Args(steps []*Step, i int) ([]map[string]any, error) {
	s := steps[i]
	items := []map[string]any{nil}
	if s.Each >= 0 {
		items = b.Picked(steps, s.Each)
	}
	out := make([]map[string]any, 0, len(items))
	for _, item := range items {
		args, err := b.Bind(steps, s.Args, item)
		if err != nil {
			return nil, err
		}
		out = append(out, args)
	}
	return out, nil
}

// Bind resolves the arguments of one call; item is the record that a loop is at.
func (b *Binder) Bind(steps []*Step, list []Arg, item map[string]any) (map[string]any, error) {
	args := make(map[string]any, len(list))
	for _, a := range list {
		v, err := b.Resolve(steps, a.From, item)
		if err != nil {
			return nil, err
		}
		if v == nil {
			return nil, fmt.Errorf("task: there is no value for %s", a.Param)
		}
		put(args, a, v)
	}
	return args, nil
}

func put(args map[string]any, a Arg, v any) {
	if a.Group == "" {
		args[a.Param] = v
		return
	}
	m, ok := args[a.Group].(map[string]any)
	if !ok {
		m = map[string]any{}
		args[a.Group] = m
	}
	m[a.Param] = v
}

// MissingError says that a slot's value is not known yet.
type MissingError struct{ Slot string }

func (e *MissingError) Error() string { return "task: the value of " + e.Slot + " is not known" }

// PickError says that not exactly one record fits.
type PickError struct {
	Step    int
	Records []map[string]any
}

func (e *PickError) Error() string {
	return fmt.Sprintf("task: %d records fit at step %d", len(e.Records), e.Step)
}
