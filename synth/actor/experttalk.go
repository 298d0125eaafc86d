package actor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"muonclip/synth/domain"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// announce is what the expert says with its calls, often nothing.
func (e *Expert) announce(s *task.Step) string {
	switch {
	case e.task.Compact:
		return ""
	case e.task.Kind == task.Long && e.r.IntN(4) > 0:
		return ""
	case s.Each >= 0:
		return say(e.r, loops, nil)
	case s.Write:
		return say(e.r, actings, nil)
	}
	return say(e.r, starts, nil)
}

// ask asks for the values of slots.
func (e *Expert) ask(slots []*task.Slot) string {
	labels := make([]string, 0, len(slots))
	for _, s := range slots {
		if s.Role == task.RoleTarget {
			of := " of the " + s.Entity
			if strings.Contains(s.Label, s.Entity) {
				of = ""
			}
			return say(e.r, askWhich, vars{"e": s.Entity, "l": s.Label, "of": of})
		}
		labels = append(labels, s.Label)
	}
	if len(labels) == 1 {
		return say(e.r, askOne, vars{"l": labels[0]})
	}
	for i := range labels[1:] {
		labels[i+1] = "the " + labels[i+1]
	}
	return say(e.r, askMany, vars{"l": value.Join(labels)})
}

// choose asks which of several records is meant, naming what tells them apart.
func (e *Expert) choose(step *task.Step) string {
	seg := e.now()
	s := seg.Slot(step.Slot)
	records := e.binder.Picked(seg.Steps, step.Step)
	var field string
	for _, c := range seg.Steps[step.Step].Pick {
		if c.Slot == step.Slot {
			field = c.Field
		}
	}
	var lines, inline []string
	for _, r := range records {
		v := e.words.value(value.Value{V: r[field], Type: s.Value.Type, Unit: s.Value.Unit})
		inline = append(inline, v)
		line := "- " + s.Label + ": " + v
		if id, ok := r["id"].(string); ok && field != "id" {
			line = "- " + id + " (" + s.Label + ": " + v + ")"
		}
		lines = append(lines, line)
	}
	plural := s.Entity + "s"
	if ent := e.task.Domain.Entity(strings.ReplaceAll(s.Entity, " ", "_")); ent != nil {
		plural = value.Words(ent.Plural)
	}
	return say(e.r, chooseWords, vars{"n": value.NumberWord(len(records)), "p": plural, "l": s.Label, "list": strings.Join(lines, "\n"), "inline": value.Join(inline)})
}

// consent asks whether the call that follows is wanted.
func (e *Expert) consent() string {
	return say(e.r, consentQuestions, vars{"inf": e.inf()})
}

// inf is the segment's request as something to do, with the values that are known.
func (e *Expert) inf() string {
	c := e.words.request(e.now())
	if c.np != "" {
		return pick(e.r, "look up ", "find out ", "tell you ") + c.np
	}
	return c.inf
}

// standFirm repeats a refusal to a user who insists.
func (e *Expert) standFirm() string {
	return say(e.r, firmWords, vars{"say": sentence(e.now().Rule.Say)})
}

// report tells how the segment went.
func (e *Expert) report() (string, error) {
	seg := e.now()
	facts, err := e.facts()
	if err != nil {
		return "", err
	}
	why := strings.TrimSuffix(strings.Join(unique(e.trouble.reasons), "; "), ".")
	v := vars{"why": why, "t": e.subject(), "facts": capital(sentence(facts)), "facts0": sentence(facts), "scope": uncapital(strings.TrimSuffix(e.task.Domain.About, ".")), "role": e.task.Domain.Assistant,
		"service": e.task.Domain.Service, "about": uncapital(e.task.Domain.About)}
	if seg.Intent.Entity != nil {
		v["e"] = value.Words(seg.Intent.Entity.Name)
	}
	v["T"] = capital(v["t"])
	if seg.Rule != nil {
		v["say"] = sentence(seg.Rule.Say)
	}
	text := e.outcomeText(v, facts)
	if e.task.Compact {
		return text, nil
	}
	return text + say(e.r, closers, nil), nil
}

// outcomeText is the report without what closes it.
func (e *Expert) outcomeText(v vars, facts string) string {
	seg := e.now()
	switch e.outcome {
	case task.Refused:
		v["inf"] = e.inf()
		return say(e.r, refusedWords, v)
	case task.Declined:
		return say(e.r, declinedWords, v)
	case task.Answered:
		if seg.Intent.Act == task.ActScope {
			return say(e.r, scopeWords, v)
		}
		return say(e.r, policyWords, v)
	case task.NoMeans:
		c := e.words.request(seg)
		v["inf"], v["np"] = c.inf, c.np
		if c.np != "" {
			return say(e.r, noMeansAsk, v)
		}
		return say(e.r, noMeansWords, v)
	case task.Blocked:
		return e.blocked(v, facts)
	case task.Failed:
		v["inf"] = e.inf()
		return say(e.r, failedWords, v)
	case task.Partly:
		v["done"], v["failed"] = strings.TrimSuffix(v["facts"], "."), e.failedItems()
		return say(e.r, partlyWords, v)
	}
	if seg.Intent.Act == task.ActMay {
		return e.verdict(v)
	}
	if changes(seg) {
		return say(e.r, doneWords, v)
	}
	return say(e.r, toldWords, v)
}

// blocked tells that a record is missing, in the wrong state, or refused by the service.
func (e *Expert) blocked(v vars, facts string) string {
	seg := e.now()
	v["inf"] = e.inf()
	switch seg.Why {
	case task.WhyMissing:
		for _, s := range seg.Slots {
			if s.Role == task.RoleTarget || s.Role == task.RoleOwner {
				v["v"], v["e"] = e.words.value(s.Value), s.Entity
				v["t"] = s.Entity + " " + v["v"]
				v["T"] = capital(v["t"])
			}
		}
		return say(e.r, missingWords, v)
	case task.WhyState:
		v["facts"], v["Facts"] = facts, capital(facts)
		var needs []string
		for _, n := range seg.Needs {
			needs = append(needs, value.Words(n))
		}
		v["needs"] = strings.Join(needs, " or ")
		return say(e.r, stateWords, v)
	}
	v["Facts"] = v["facts"]
	return strings.TrimSpace(say(e.r, errorWords, v))
}

// failedItems names the records whose calls failed.
func (e *Expert) failedItems() string {
	var ids []string
	for _, args := range e.trouble.failed {
		for _, k := range slices.Sorted(maps.Keys(args)) {
			if s, ok := args[k].(string); ok && e.task.Domain.EntityOfID(s) != nil {
				ids = append(ids, s)
				break
			}
		}
	}
	return value.Join(ids)
}

// subject names the record that a segment is about.
func (e *Expert) subject() string {
	if t := e.words.target(e.now()); t != "" {
		return t
	}
	return "everything"
}

// facts tells the facts of the segment from the results that were seen.
func (e *Expert) facts() (string, error) {
	seg := e.now()
	if e.outcome == task.Failed || e.outcome == task.Declined || e.outcome == task.Refused {
		return "", nil
	}
	type told struct {
		label, text string
		v           any
		ref         bool
	}
	var list []told
	for _, f := range seg.Facts {
		if f.From.Kind == "" {
			continue
		}
		v, err := e.binder.Resolve(seg.Steps, f.From, nil)
		if err != nil {
			return "", fmt.Errorf("actor: task %s, segment %d, fact %s: %w", e.task.ID(), e.segment, f.Label, err)
		}
		list = append(list, told{f.Label, e.words.value(value.Value{V: v, Type: f.Value.Type, Unit: f.Value.Unit}), v, f.Value.Type == domain.Ref && seg.Intent.Act != task.ActRead})
	}
	var parts []string
	state := seg.Intent.Act == task.ActTransition || seg.Intent.Act == task.ActEdit || seg.Intent.Act == task.ActCorrect
	for _, t := range list {
		tmpl := "{l}: {v}"
		_, isBool := t.v.(bool)
		_, isList := t.v.([]any)
		switch {
		case isBool || isClause(t.label) || isList || t.v == nil || t.ref || strings.HasSuffix(t.label, "s"):
		case e.outcome == task.Blocked:
			tmpl = "the {l} is {v}"
		case state:
			tmpl = pick(e.r, "the {l} is now {v}", "{l}: {v}", "the {l} now reads {v}")
		case len(list) < 4:
			tmpl = pick(e.r, "the {l} is {v}", "the {l} is {v}", "{l}: {v}")
		}
		parts = append(parts, expand(e.r, tmpl, vars{"l": t.label, "v": t.text}))
	}
	if len(parts) > 3 && e.r.IntN(2) == 0 {
		return "\n- " + strings.Join(parts, "\n- "), nil
	}
	return strings.Join(parts, "; "), nil
}

// changes reports whether a segment's request changes something.
func changes(seg *task.Segment) bool {
	for _, s := range seg.Steps {
		if s.Write {
			return true
		}
	}
	return false
}

// sentence ends a text with a period.
func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") {
		return s
	}
	return s + "."
}

func unique(list []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
