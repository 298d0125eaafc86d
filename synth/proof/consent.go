package proof

import (
	"fmt"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/domain"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// consented checks for each call that needs consent that the assistant asked right before the user's last words and
// that these agree.
func (p *prover) consented() {
	for _, c := range p.calls {
		if c.tool == nil || !c.tool.Consent || c.failed && c.rec != nil && !c.rec.Applied && env.Invalid(c.problem.Code) {
			continue
		}
		u := p.before(c.message, chat.RoleUser)
		a := p.before(u, chat.RoleAssistant)
		switch {
		case u < 0 || a < 0 || !strings.Contains(p.texts[a].Raw, "?") || !task.AsksConsent(p.texts[a]):
			p.found(Consented, c.message, c.name+" is called without having asked the user")
		case !task.Agrees(p.texts[u]):
			p.found(Consented, c.message, fmt.Sprintf("%s is called although the user said %q", c.name, p.texts[u].Raw))
		}
	}
}

// before is the last message of a role before another; -1 when there is none.
func (p *prover) before(i int, role chat.Role) int {
	for i--; i >= 0; i-- {
		if p.tr.Dialogue.Messages[i].Role == role {
			return i
		}
	}
	return -1
}

// asked checks that a value that the user says only when asked was said, in answer to a question, before a call of the
// segment's tool used it or, where it tells one record from another, before the record was acted on.
func (p *prover) asked() {
	for _, seg := range p.tr.Task.Segments {
		if seg.Intent.Tool == nil {
			continue
		}
		for _, s := range seg.Slots {
			if s.Reveal != task.OnAsk {
				continue
			}
			i, used := p.lastUse(seg, s)
			if used && !p.answered(i, s.Value) {
				p.found(Asked, i, fmt.Sprintf("%s is called before the user was asked for the %s", seg.Intent.Tool.Name, s.Label))
			}
		}
	}
}

// lastUse finds the last call that needs a slot: of a segment's tool, or, for the name of a record, of any.
func (p *prover) lastUse(seg *task.Segment, s *task.Slot) (int, bool) {
	for i := len(p.calls) - 1; i >= 0; i-- {
		c := &p.calls[i]
		switch {
		case c.name != seg.Intent.Tool.Name && (s.Role != task.RoleTarget || !holds(c.args, s.Value.V)):
		case s.Role == task.RoleWhich || holds(c.args, s.Value.V):
			return c.message, true
		}
	}
	return 0, false
}

func holds(args map[string]any, v any) bool {
	for _, a := range args {
		if value.Equal(a, v) {
			return true
		}
		if m, ok := a.(map[string]any); ok && holds(m, v) {
			return true
		}
	}
	return false
}

// answered reports whether the user said a value in answer to a question before message i.
func (p *prover) answered(i int, v value.Value) bool {
	for u := p.before(i, chat.RoleUser); u >= 0; u = p.before(u, chat.RoleUser) {
		a := p.before(u, chat.RoleAssistant)
		if a >= 0 && a == u-1 && strings.Contains(p.texts[a].Raw, "?") && p.texts[u].Has(value.Value{V: v.V, Type: domain.Text}) {
			return true
		}
	}
	return false
}
