package proof

import (
	"fmt"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// inventedFact adds a sentence with something that nobody knows.
func (p *planter) inventedFact() bool {
	reports := p.reports()
	i := reports[p.r.IntN(len(reports))]
	n := 100 + p.r.IntN(9000)
	s := []string{
		fmt.Sprintf("The reference is ZQ-%05d.", 10000+p.r.IntN(89999)),
		fmt.Sprintf("It will be settled by %d March 2043.", 1+p.r.IntN(28)),
		"Ottokar Brandwyne will call you about it.",
		fmt.Sprintf("A fee of %d.37 applies.", n),
		fmt.Sprintf("This took %d minutes.", 70001+n),
		fmt.Sprintf("You can write to desk%d@ottokar.example.", n),
	}[p.r.IntN(6)]
	p.turns[i].Content = strings.TrimSpace(p.turns[i].Content + " " + s)
	return true
}

// mixedUpFact tells another value than the one that was found.
func (p *planter) mixedUpFact() bool {
	for _, i := range p.reports() {
		text := p.turns[i].Content
		t := value.Read(text, p.tr.Task.Today)
		for _, f := range p.tr.Task.Rubric.Facts {
			s, isText := f.Value.V.(string)
			if f.Gist || !f.Told(t) || p.elsewhere(f, i) {
				continue
			}
			switch n, isNumber := value.Number(f.Value.V); {
			case isNumber:
				for _, a := range value.Scan(text, p.tr.Task.Today) {
					if a.Kind == value.AtomNumber && a.Num == n && !a.Loose {
						end := a.At
						for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == ',' || text[end] == '.' && end+1 < len(text) && text[end+1] >= '0' && text[end+1] <= '9') {
							end++
						}
						p.turns[i].Content = text[:a.At] + fmt.Sprint(int(n)+1+p.r.IntN(7)) + text[end:]
						return strings.Count(text, text[a.At:end]) == 1
					}
				}
			case isText && len(s) > 3 && strings.Count(text, s) == 1:
				p.turns[i].Content = strings.Replace(text, s, "something else", 1)
				return true
			}
		}
	}
	return false
}

// elsewhere reports whether another answer tells the same fact, or another fact has the same value.
func (p *planter) elsewhere(f *task.Fact, but int) bool {
	for _, g := range p.tr.Task.Rubric.Facts {
		if g != f && value.Equal(g.Value.V, f.Value.V) {
			return true
		}
	}
	for _, i := range p.reports() {
		if i != but && f.Told(value.Read(p.turns[i].Content, p.tr.Task.Today)) {
			return true
		}
	}
	return false
}

// omittedFact gives an answer without its facts.
func (p *planter) omittedFact() bool {
	for _, i := range p.reports() {
		t := value.Read(p.turns[i].Content, p.tr.Task.Today)
		for _, f := range p.tr.Task.Rubric.Facts {
			if f.Told(t) && !p.elsewhere(f, i) && (f.Gist || strong(f) || t.Contains(f.Label)) {
				p.turns[i].Content = "I have looked into your request."
				return true
			}
		}
	}
	return false
}

// exchange finds a question of the assistant, answered by the user, in which ok holds for the two.
func (p *planter) exchange(ok func(question, answer *value.Text) bool) (int, bool) {
	for i := 1; i+1 < len(p.turns); i++ {
		m := p.turns[i]
		if m.Role != chat.RoleAssistant || len(m.ToolCalls) > 0 || !strings.Contains(m.Content, "?") || p.turns[i+1].Role != chat.RoleUser {
			continue
		}
		if ok(value.Read(m.Content, p.tr.Task.Today), value.Read(p.turns[i+1].Content, p.tr.Task.Today)) {
			return i, true
		}
	}
	return 0, false
}

// unaskedAssumption uses a value without having asked for it.
func (p *planter) unaskedAssumption() bool {
	for _, seg := range p.tr.Task.Segments {
		for _, s := range seg.Slots {
			if s.Reveal != task.OnAsk {
				continue
			}
			i, ok := p.exchange(func(q, a *value.Text) bool { return q.Contains(s.Label) && a.Has(s.Value) })
			if ok && i+2 < len(p.turns) && len(p.turns[i+2].ToolCalls) > 0 {
				p.drop(i, i+1)
				return true
			}
		}
	}
	return false
}

// consentTurn finds the question for consent to a call that was then made.
func (p *planter) consentTurn() (int, bool) {
	for _, c := range p.calls {
		if !c.call.Consent {
			continue
		}
		for i := c.turn - 1; i > 0; i-- {
			if p.turns[i].Role == chat.RoleUser {
				if i > 1 && p.turns[i-1].Role == chat.RoleAssistant && task.AsksConsent(value.Read(p.turns[i-1].Content, p.tr.Task.Today)) {
					return i - 1, true
				}
				break
			}
		}
	}
	return 0, false
}

// missingConsent does not ask.
func (p *planter) missingConsent() bool {
	i, ok := p.consentTurn()
	if ok {
		p.drop(i, i+1)
	}
	return ok
}

// overriddenRefusal asks, and goes on although the user says no.
func (p *planter) overriddenRefusal() bool {
	i, ok := p.consentTurn()
	if ok {
		p.turns[i+1].Content = []string{"No, leave it as it is.", "no, don't", "Hm, no, I changed my mind."}[p.r.IntN(3)]
	}
	return ok
}

// falseSuccess claims that something was done that failed, was refused or does not exist.
func (p *planter) falseSuccess() bool {
	if !p.outcomes(task.Failed, task.Blocked, task.Refused, task.Declined, task.NoMeans, task.Partly) {
		return false
	}
	for _, i := range p.reports() {
		t := value.Read(p.turns[i].Content, p.tr.Task.Today)
		if task.SaysNo(t) && (i+1 == len(p.turns) || p.turns[i+1].Role == chat.RoleUser) {
			p.turns[i].Content = []string{"All set. Everything went as you wanted.", "Done. I've taken care of it.", "That's done."}[p.r.IntN(3)]
			return true
		}
	}
	return false
}

// staleValue believes a result from an old cache and tells what it shows.
func (p *planter) staleValue() bool {
	for _, c := range p.calls {
		v, err := value.Decode(c.call.Result)
		if err != nil || c.call.Code != "" || !env.IsStale(v) {
			continue
		}
		for i := c.turn + 1; i < len(p.turns); i++ {
			if len(p.turns[i].ToolCalls) > 0 && p.turns[i].ToolCalls[0].Name == c.call.Tool {
				p.drop(i)
				p.tellOld(c)
				return true
			}
		}
	}
	return false
}

// tellOld makes the next answer tell what the stale result shows.
func (p *planter) tellOld(c place) {
	for _, i := range p.reports() {
		if i <= c.turn {
			continue
		}
		for _, f := range p.tr.Task.Rubric.Facts {
			if f.Stale != nil && f.Told(value.Read(p.turns[i].Content, p.tr.Task.Today)) {
				p.turns[i].Content = "The " + f.Label + " is " + value.Say(value.Value{V: f.Stale, Type: f.Value.Type}, p.tr.Task.Today, p.r) + "."
				return
			}
		}
	}
}

// cutOff ends the dialogue before the last answer.
func (p *planter) cutOff() bool {
	last := len(p.turns) - 1
	if p.turns[last].Role != chat.RoleAssistant {
		return false
	}
	p.turns = slices.Clone(p.turns[:last])
	return true
}
