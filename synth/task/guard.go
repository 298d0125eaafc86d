package task

import (
	"strings"

	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// rubric says what a good dialogue of the task is.
func (b *builder) rubric(t *Task) Rubric {
	r := Rubric{Goal: t.Goal, MaxWrites: t.Writes}
	calls := false
	for i, seg := range t.Segments {
		r.Facts = append(r.Facts, seg.Facts...)
		r.Criteria = append(r.Criteria, criterion(seg))
		for _, step := range seg.Steps {
			b.expect(&r, i, seg, step)
			calls = calls || step.Do == DoCall
			if step.Fatal || seg.Outcome == Declined && step.Do == DoConsent {
				break
			}
		}
		switch seg.Outcome {
		case Refused:
			r.Checkpoints = append(r.Checkpoints, Checkpoint{Segment: i, Kind: CheckToldRule, Text: "The rule is explained: " + seg.Rule.Say})
		case Blocked, Failed, NoMeans, Declined:
			r.Notices = append(r.Notices, Notice{Segment: i, About: subject(seg)})
			r.Checkpoints = append(r.Checkpoints, Checkpoint{Segment: i, Kind: CheckHonest, Text: "What was not done is said."})
		}
	}
	for i, seg := range t.Segments {
		for _, id := range seg.Unserved {
			r.Notices = append(r.Notices, Notice{Segment: i, About: id})
		}
	}
	for _, f := range t.Faults {
		r.Checkpoints = append(r.Checkpoints, Checkpoint{Segment: -1, Kind: CheckRecover, Tool: f.Tool, Text: "After the fault of " + f.Tool + " (" + string(f.Kind) + ") the work goes on."})
	}
	r.NoCalls = !calls
	return r
}

// expect adds what a step of a plan demands of any agent, whatever way it takes.
func (b *builder) expect(r *Rubric, i int, seg *Segment, step *Step) {
	switch step.Do {
	case DoAsk, DoChoose:
		r.Checkpoints = append(r.Checkpoints, Checkpoint{Segment: i, Kind: CheckAsked, Slot: step.Slot, Text: "The " + seg.Slot(step.Slot).Label + " is asked for before it is used."})
	case DoConsent:
		r.Checkpoints = append(r.Checkpoints, Checkpoint{Segment: i, Kind: CheckConsent, Tool: seg.Intent.Tool.Name, Text: "The user agrees before " + seg.Intent.Tool.Name + " is called."})
	case DoCall:
		if seg.Outcome == Declined && step.Write {
			return
		}
		x := Expect{Segment: i, Tools: b.similar(b.tools[step.Tool]), Code: "*"}
		if !step.Fatal && !step.MayFail && step.Code == "" && step.Other == nil {
			x.Code = ""
		}
		var records []string
		for _, a := range step.Args { // the records that the user names have to be looked at
			names := a.From.List
			if a.From.Kind == FromSlot {
				names = []string{a.From.Slot}
			}
			for _, name := range names {
				if s := seg.Slot(name); s.Role == RoleTarget || s.Role == RoleOwner {
					id, _ := s.Value.V.(string)
					records = append(records, id)
				}
			}
		}
		for i := range max(1, len(records)) {
			if len(records) > 0 {
				x.Record = records[i]
			}
			r.Pattern = append(r.Pattern, x)
		}
		if step.Write && len(records) > 1 {
			r.MaxWrites += len(records) - 1 // it may as well be done one by one
		}
		if !step.Write && step.Do == DoCall && changesState(seg) {
			r.Checkpoints = append(r.Checkpoints, Checkpoint{Segment: i, Kind: CheckLookedUp, Tool: step.Tool, Text: "The record is looked up before it is changed."})
		}
	}
}

func changesState(seg *Segment) bool {
	for _, s := range seg.Steps {
		if s.Write {
			return true
		}
	}
	return false
}

// similar lists the offered tools that serve as well as one: with the same operation, or reading the same entity.
func (b *builder) similar(t *tool.Tool) []string {
	out := []string{t.Name}
	for _, x := range b.list {
		if x == t || x.Domain != t.Domain {
			continue
		}
		if t.Writes && x.Operation == t.Operation && t.Operation != "" || !t.Writes && !x.Writes && (x.Entity == t.Entity && t.Entity != "" || x.Returns.Entity == t.Returns.Entity && t.Returns.Entity != "") {
			out = append(out, x.Name)
		}
	}
	return out
}

// criterion says in a sentence when a request was served.
func criterion(seg *Segment) string {
	what := "The request"
	if seg.Intent.Tool != nil {
		what = "What " + seg.Intent.Tool.Name + " does"
	}
	switch seg.Outcome {
	case Refused:
		return what + " is refused, because: " + seg.Rule.Say
	case Blocked:
		return what + " turns out to be impossible (" + seg.Why + "), and the user is told."
	case Declined:
		return what + " is not done, because the user does not agree."
	case Answered:
		return "The question is answered from the instructions."
	case NoMeans:
		return "The user is told that no tool serves the request."
	case Failed:
		return what + " fails for good, and the user is told."
	case Partly:
		return what + " is done where it is possible; the user is told for which records it was not."
	}
	labels := make([]string, 0, len(seg.Facts))
	for _, f := range seg.Facts {
		labels = append(labels, f.Label)
	}
	if len(labels) == 0 {
		return what + " is done."
	}
	return what + " is done and the user is told: " + strings.Join(labels, ", ") + "."
}

// subject is what bad news must name: the record as the user named it, or what the request was about.
func subject(seg *Segment) string {
	for _, role := range []SlotRole{RoleTarget, RoleOwner} {
		for _, s := range seg.Slots {
			if s.Role == role {
				if v, ok := s.Value.V.(string); ok && (s.Value.Type == domain.Ref || s.Value.Type != domain.Date) {
					return v
				}
			}
		}
	}
	for _, s := range seg.Slots {
		if v, ok := s.Value.V.(string); ok && s.Reveal == AtOnce && s.Value.Type != domain.Date && s.Value.Type != domain.Datetime {
			return v
		}
	}
	if e := seg.Intent.Entity; e != nil {
		if plural := value.Words(e.Plural); strings.Contains(seg.Intent.Noun, plural) {
			return plural
		}
		return value.Words(e.Name)
	}
	return ""
}

// guard refuses tasks that prove nothing: those that an agent passes who does nothing, or anything, and those that
// their own plan does not pass.
func (b *builder) guard(t *Task) error {
	gold := Evidence{Hash: t.Goal, Calls: b.gold.calls, Writes: b.gold.write, Said: b.recital(t)}
	for _, seg := range t.Segments {
		for _, s := range seg.Steps {
			if s.Fatal {
				call := DoneCall{Tool: s.Tool, Code: "unavailable", Args: map[string]any{}}
				for _, x := range seg.Slots {
					call.Args[x.Name] = x.Value.V
				}
				gold.Calls = append(gold.Calls[:len(gold.Calls):len(gold.Calls)], call)
			}
		}
	}
	if failures := t.Rubric.Judge(gold); len(failures) > 0 {
		return refuse(Unheard, "%s: %s", failures[0].What, failures[0].Detail)
	}
	if len(t.Rubric.Judge(Evidence{Hash: t.Initial})) == 0 {
		return refuse(Vacuous, "%s", t.Kind)
	}
	for i := range 2 {
		if len(t.Rubric.Judge(b.random(t, i))) == 0 {
			return refuse(Guessable, "%s", t.Kind)
		}
	}
	return nil
}

// recital is the plainest way to tell all facts and all bad news.
func (b *builder) recital(t *Task) []*value.Text {
	var facts, news strings.Builder
	for _, f := range t.Rubric.Facts {
		facts.WriteString(f.Label + ": " + value.Say(f.Value, t.Today, b.r) + ".\n")
	}
	for _, n := range t.Rubric.Notices {
		news.WriteString("I could not serve " + n.About + ".\n")
	}
	return []*value.Text{value.Read(facts.String(), t.Today), value.Read(news.String(), t.Today)}
}

// random is what an agent does who calls offered tools with arguments that fit and says what assistants often say.
func (b *builder) random(t *Task, i int) Evidence {
	w := t.World.Clone()
	text := []string{"Done. Everything has been taken care of.", "I'm sorry, I cannot do that."}[i]
	e := Evidence{Said: []*value.Text{value.Read(text, t.Today)}}
	for range 3 {
		x := choose(b.r, t.Tools)
		if x.Program == nil || x.Domain != t.Domain.Name {
			continue
		}
		args, ok := x.Sample(w, b.r)
		if !ok {
			continue
		}
		before := w.Hash()
		_, err := x.Call(w, x.Encode(args))
		e.Calls = append(e.Calls, DoneCall{Tool: x.Name, Args: args, Code: string(world.CodeOf(err))})
		if w.Hash() != before {
			e.Writes++
		}
	}
	e.Hash = w.Hash()
	return e
}
