package judge

import (
	"fmt"
	"strings"
	"time"

	"muonclip/data/chat"
	"muonclip/synth/domain"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// contradiction finds the message of the user that contradicts the task: they never say a value that they know and say
// another one of its kind instead, or they leave the question for it without an answer. at is -1 when there is none.
func contradiction(tr *env.Trajectory) (at int, why string) {
	unsaid := unsaidSlots(tr)
	if len(unsaid) == 0 {
		return -1, ""
	}
	if at, s := leaves(tr, unsaid); at >= 0 {
		return at, fmt.Sprintf("the user leaves instead of saying the %s, which they were asked for", s.Label)
	}
	k := explained(tr.Task)
	for i, m := range tr.Dialogue.Messages {
		if m.Role != chat.RoleUser {
			k.add(m.Content)
			for _, c := range m.ToolCalls {
				k.add(string(c.Arguments))
			}
			continue
		}
		for _, s := range unsaid {
			if other := instead(k, s, tr.Task, m.Content); other != "" {
				return i, fmt.Sprintf("the user says %s where their task says that the %s is %v", other, s.Label, s.Value.V)
			}
		}
	}
	return -1, ""
}

// unsaidSlots are the values that the user should say and never says.
func unsaidSlots(tr *env.Trajectory) []*task.Slot {
	var texts []*value.Text
	for _, m := range tr.Dialogue.Messages {
		if m.Role == chat.RoleUser {
			texts = append(texts, value.Read(m.Content, tr.Task.Today))
		}
	}
	var out []*task.Slot
	for _, seg := range tr.Task.Segments {
		for _, s := range seg.Slots {
			if s.Reveal == task.Known {
				continue
			}
			said := false
			for _, t := range texts {
				said = said || t.Has(s.Value)
			}
			if !said {
				out = append(out, s)
			}
		}
	}
	return out
}

// leaves finds the last message of the user where it follows a question, answers nothing and ends the dialogue.
func leaves(tr *env.Trajectory, unsaid []*task.Slot) (int, *task.Slot) {
	msgs := tr.Dialogue.Messages
	last := len(msgs) - 1
	if last > 0 && msgs[last].Role == chat.RoleAssistant && len(msgs[last].ToolCalls) == 0 {
		last-- // what the assistant says to it
	}
	if last < 1 || msgs[last].Role != chat.RoleUser || msgs[last-1].Role != chat.RoleAssistant || !strings.Contains(msgs[last-1].Content, "?") {
		return -1, nil
	}
	question := value.Read(msgs[last-1].Content, tr.Task.Today)
	for _, s := range unsaid {
		if s.Reveal == task.OnAsk && question.Contains(s.Label) {
			return last, s
		}
	}
	return -1, nil
}

// heard is what a user may rightly say: the values of their task and what others said before.
type heard struct {
	today time.Time
	atoms map[string]bool
	texts []*value.Text
}

// explained begins with everything that the task gives the user to say.
func explained(t *task.Task) *heard {
	k := &heard{today: t.Today, atoms: map[string]bool{}}
	for _, seg := range t.Segments {
		in := &seg.Intent
		for _, s := range append([]string{in.Noun, in.Phrase, in.Each, in.Tail}, in.Asks...) {
			k.add(s)
		}
		for _, s := range seg.Slots {
			k.value(s.Value.V)
			if s.First != nil {
				k.value(s.First.V)
			}
		}
	}
	k.add(t.Persona.Name)
	return k
}

func (k *heard) value(v any) {
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			k.value(e)
		}
	case map[string]any:
		for _, e := range x {
			k.value(e)
		}
	case nil:
	default:
		if f, ok := value.Number(x); ok {
			k.atoms[numberKey(f)] = true
			return
		}
		k.add(fmt.Sprint(x))
	}
}

func (k *heard) add(text string) {
	k.texts = append(k.texts, value.Read(text, k.today))
	for _, a := range value.Scan(text, k.today) {
		k.atoms[atomKey(a)] = true
	}
}

func atomKey(a value.Atom) string {
	if a.Kind == value.AtomNumber {
		return numberKey(a.Num)
	}
	return fmt.Sprint(a.Kind, a.Text)
}

func numberKey(f float64) string { return fmt.Sprintf("n%g", f) }

// instead finds what a text says in the place of a value: something of the same kind that nothing explains. It gives ""
// when there is nothing.
func instead(k *heard, s *task.Slot, t *task.Task, text string) string {
	kind, ok := atomOf(s.Value)
	if !ok {
		return otherChoice(k, s, t, text)
	}
	for _, a := range value.Scan(text, k.today) {
		if a.Kind == kind && !k.atoms[atomKey(a)] {
			if a.Kind == value.AtomNumber {
				return fmt.Sprintf("%g", a.Num)
			}
			return fmt.Sprintf("%q", a.Text)
		}
	}
	return ""
}

// atomOf is the kind of atom by which a value is said; ok is false for texts and choices.
func atomOf(v value.Value) (kind value.AtomKind, ok bool) {
	switch v.Type {
	case domain.Int, domain.Float, domain.Money, domain.Percent, domain.Minutes:
		return value.AtomNumber, true
	case domain.Date:
		return value.AtomDate, true
	case domain.Time:
		return value.AtomTime, true
	}
	if s, isText := v.V.(string); isText && strings.ContainsAny(s, "0123456789") && !strings.Contains(s, " ") {
		return value.AtomCode, true
	}
	return 0, false
}

// otherChoice finds another choice of an enum than the slot's. The choices stand in the schema of a tool or in the domain.
func otherChoice(k *heard, s *task.Slot, t *task.Task, text string) string {
	said := value.Read(text, k.today)
	for _, c := range choices(s, t) {
		v := value.Value{V: c, Type: domain.Enum}
		if value.Equal(c, s.Value.V) || !said.Has(v) {
			continue
		}
		known := false
		for _, x := range k.texts {
			known = known || x.Has(v)
		}
		if !known {
			return fmt.Sprintf("%q", c)
		}
	}
	return ""
}

// choices are the values of the first enum parameter of the slot's name that has its value.
func choices(s *task.Slot, t *task.Task) []string {
	for _, x := range t.Tools {
		for i := range x.Params {
			p := &x.Params[i]
			if p.Name != s.Param && p.Field != s.Param && p.Local != s.Param {
				continue
			}
			for _, c := range p.Values {
				if value.Equal(c, s.Value.V) {
					return p.Values
				}
			}
		}
	}
	return nil
}
