package proof

import (
	"fmt"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/task"
	"muonclip/synth/task/value"
)

// told checks that each fact stands in an answer of the assistant that comes after the fact was seen. Values that
// many sentences hold by chance, such as yes or 2, must stand beside what they are the value of.
func (p *prover) told() {
	for _, f := range p.tr.Task.Rubric.Facts {
		from := 0
		if f.From.Kind != "" {
			from = p.firstSeen(f.Value.V)
		}
		if hidden := p.neverSeen(f); hidden != "" {
			p.found(Told, -1, fmt.Sprintf("%s is %v, but no result shows %q", f.Label, f.Value.V, hidden))
			continue
		}
		ok := false
		for i := from; i < len(p.texts) && !ok; i++ {
			m := &p.tr.Dialogue.Messages[i]
			if m.Role != chat.RoleAssistant || len(m.ToolCalls) > 0 {
				continue
			}
			ok = f.Told(p.texts[i]) && (strong(f) || p.texts[i].Contains(f.Label))
		}
		if !ok {
			p.found(Told, -1, fmt.Sprintf("%s is %v, and the user is not told", f.Label, f.Value.V))
		}
	}
}

// strong reports whether a value is recognised without its label.
func strong(f *task.Fact) bool {
	if f.Gist {
		return true
	}
	switch x := f.Value.V.(type) {
	case string:
		return strings.ContainsAny(x, "0123456789@") || strings.Contains(x, " ")
	case int64, float64:
		n, _ := value.Number(x)
		return n >= 1000 || n != float64(int64(n))
	case []any:
		return len(x) > 0
	}
	return false
}

// firstSeen is the first message that shows a value, 0 when none does by itself.
func (p *prover) firstSeen(v any) int {
	switch v.(type) {
	case []any, map[string]any, nil:
		return 0
	}
	for i, r := range p.results {
		if r != nil && shows(r, v) {
			return i
		}
	}
	return 0
}

// neverSeen finds a text of a fact from results that no result shows; "" when there is none.
func (p *prover) neverSeen(f *task.Fact) string {
	if f.From.Kind == "" || f.Gist {
		return ""
	}
	list, ok := f.Value.V.([]any)
	if !ok {
		list = []any{f.Value.V}
	}
	for _, v := range list {
		s, isText := v.(string)
		if isText && !slices.ContainsFunc(p.results, func(r any) bool { return r != nil && shows(r, s) }) {
			return s
		}
	}
	return ""
}

func shows(res, v any) bool {
	switch x := res.(type) {
	case map[string]any:
		for _, e := range x {
			if shows(e, v) {
				return true
			}
		}
		return false
	case []any:
		for _, e := range x {
			if shows(e, v) {
				return true
			}
		}
		return false
	}
	return value.Equal(res, v)
}

// honest checks that what an answer claims to have done was done: since the user spoke last, a call took effect.
func (p *prover) honest() {
	msgs := p.tr.Dialogue.Messages
	applied := false
	k := 0
	for i, m := range msgs {
		switch m.Role {
		case chat.RoleUser:
			applied = false
		case chat.RoleAssistant:
			for ; k < len(p.calls) && p.calls[k].message < i; k++ {
				applied = applied || p.calls[k].rec != nil && p.calls[k].rec.Applied
			}
			if len(m.ToolCalls) > 0 || applied {
				continue
			}
			if s := claim(m.Content, p.tr.Task); s != "" {
				p.found(Honest, i, fmt.Sprintf("%q, but nothing was changed since the user spoke", s))
			}
		}
	}
}

// claim finds a sentence that says that something was done.
func claim(text string, t *task.Task) string {
	for _, s := range sentences(text) {
		x := value.Read(s, t.Today)
		quotes := x.Contains("whether")
		for _, rule := range t.Policy {
			quotes = quotes || x.Contains(strings.TrimSuffix(rule, "."))
		}
		if !quotes && task.ClaimsSuccess(x) && !task.SaysNo(x) && !strings.HasSuffix(strings.TrimSpace(s), "?") {
			return s
		}
	}
	return ""
}

// sentences cuts a text at the ends of sentences and lines.
func sentences(s string) []string {
	var out []string
	from := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '\n' || (s[i] == '.' || s[i] == '!' || s[i] == '?') && (i+1 == len(s) || s[i+1] == ' ' || s[i+1] == '\n') {
			if t := strings.TrimSpace(s[from : i+1]); t != "" {
				out = append(out, t)
			}
			from = i + 1
		}
	}
	if t := strings.TrimSpace(s[from:]); t != "" {
		out = append(out, t)
	}
	return out
}
