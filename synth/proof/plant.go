package proof

import (
	"encoding/json"
	"math/rand/v2"
	"slices"

	"muonclip/data/chat"
	"muonclip/synth/env"
	"muonclip/synth/task"
)

// Defect is a mistake that can be planted into a clean dialogue, to see whether the checks catch it.
type Defect string

// The defects.
const (
	WrongArgument     Defect = "wrong_argument"
	SkippedStep       Defect = "skipped_step"
	InventedFact      Defect = "invented_fact"
	MixedUpFact       Defect = "mixed_up_fact"
	ForbiddenAction   Defect = "forbidden_action"
	IgnoredFault      Defect = "ignored_fault"
	UnaskedAssumption Defect = "unasked_assumption"
	MissingConsent    Defect = "missing_consent"
	OverriddenRefusal Defect = "overridden_refusal"
	WrongRecord       Defect = "wrong_record"
	DuplicatedWrite   Defect = "duplicated_write"
	FalseSuccess      Defect = "false_success"
	OmittedFact       Defect = "omitted_fact"
	ExtraWrite        Defect = "extra_write"
	EditedResult      Defect = "edited_result"
	ReorderedCalls    Defect = "reordered_calls"
	StaleValue        Defect = "stale_value"
	MalformedArgs     Defect = "malformed_arguments"
	WrongTool         Defect = "wrong_tool"
	CutOff            Defect = "cut_off"
)

// Defects lists all defects.
func Defects() []Defect {
	return []Defect{WrongArgument, SkippedStep, InventedFact, MixedUpFact, ForbiddenAction, IgnoredFault, UnaskedAssumption, MissingConsent,
		OverriddenRefusal, WrongRecord, DuplicatedWrite, FalseSuccess, OmittedFact, ExtraWrite, EditedResult, ReorderedCalls, StaleValue, MalformedArgs, WrongTool, CutOff}
}

// Plant makes a copy of a clean trajectory with a defect in it. Where calls change, the copy is executed again, so
// that its record is what really happens then. It reports false when the dialogue has no room for the defect.
func Plant(tr *env.Trajectory, d Defect, r *rand.Rand) (*env.Trajectory, bool) {
	p := &planter{tr: tr, r: r}
	for _, m := range tr.Dialogue.Messages {
		if m.Role != chat.RoleTool {
			m.ToolCalls = slices.Clone(m.ToolCalls)
			p.turns = append(p.turns, m)
		}
	}
	for k := range tr.Record.Calls {
		p.calls = append(p.calls, place{call: &tr.Record.Calls[k]})
	}
	k := 0
	for i, m := range p.turns {
		for j := range m.ToolCalls {
			p.calls[k].turn, p.calls[k].at = i, j
			k++
		}
	}
	ok := false
	switch d {
	case WrongArgument:
		ok = p.wrongArgument()
	case SkippedStep:
		ok = p.skippedStep()
	case InventedFact:
		ok = p.inventedFact()
	case MixedUpFact:
		ok = p.mixedUpFact()
	case ForbiddenAction:
		ok = p.forbiddenAction()
	case IgnoredFault:
		ok = p.ignoredFault()
	case UnaskedAssumption:
		ok = p.unaskedAssumption()
	case MissingConsent:
		ok = p.missingConsent()
	case OverriddenRefusal:
		ok = p.overriddenRefusal()
	case WrongRecord:
		ok = p.wrongRecord()
	case DuplicatedWrite:
		ok = p.duplicatedWrite()
	case FalseSuccess:
		ok = p.falseSuccess()
	case OmittedFact:
		ok = p.omittedFact()
	case ExtraWrite:
		ok = p.extraWrite()
	case EditedResult:
		return p.editedResult()
	case ReorderedCalls:
		ok = p.reordered()
	case StaleValue:
		ok = p.staleValue()
	case MalformedArgs:
		ok = p.malformed()
	case WrongTool:
		ok = p.wrongTool()
	case CutOff:
		ok = p.cutOff()
	}
	if !ok {
		return nil, false
	}
	out := env.Rerun(tr.Task, p.turns)
	out.Ended = tr.Ended
	return out, true
}

// planter works on the turns of user and assistant, without the results.
type planter struct {
	tr    *env.Trajectory
	r     *rand.Rand
	turns []chat.Message
	calls []place
}

// place is where a call of the record stands in the turns.
type place struct {
	call     *env.Call
	turn, at int
}

// pick draws one of the calls for which ok holds.
func (p *planter) pick(ok func(place) bool) (place, bool) {
	var list []place
	for _, c := range p.calls {
		if ok(c) {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return place{}, false
	}
	return list[p.r.IntN(len(list))], true
}

// drop removes turns.
func (p *planter) drop(turns ...int) {
	var out []chat.Message
	for i, m := range p.turns {
		if !slices.Contains(turns, i) {
			out = append(out, m)
		}
	}
	p.turns = out
}

// insert puts a turn before the one with that index.
func (p *planter) insert(i int, m chat.Message) {
	p.turns = slices.Insert(p.turns, i, m)
}

func calling(name string, args json.RawMessage) chat.Message {
	return chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{Name: name, Arguments: args}}}
}

// effective reports whether a call changed something.
func effective(c place) bool { return c.call.Applied && c.call.Code == "" }

// reports lists the turns in which the assistant speaks without calling, from the first answer on.
func (p *planter) reports() []int {
	var out []int
	for i, m := range p.turns {
		if m.Role == chat.RoleAssistant && len(m.ToolCalls) == 0 {
			out = append(out, i)
		}
	}
	return out
}

// outcomes reports whether a segment of the task ends in one of the ways.
func (p *planter) outcomes(list ...task.Outcome) bool {
	for _, s := range p.tr.Task.Segments {
		if slices.Contains(list, s.Outcome) {
			return true
		}
	}
	return false
}
