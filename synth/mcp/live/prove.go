package live

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"muonclip/data/chat"
	"muonclip/synth/dataset"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
)

// The checks that a dialogue passes.
const (
	checkFormat   = "format"           // a well-formed dialogue
	checkSchema   = "arguments_valid"  // arguments fit the schemas of offered tools
	checkReplayed = "replayed"         // the calls give the same results in a fresh scratch folder
	checkState    = "goal_state"       // and end in the state that the program computed
	checkTold     = "facts_told"       // the assistant tells the facts
	checkSourced  = "arguments_source" // every argument comes from the instructions, the user or a result
	checkNeeded   = "not_vacuous"      // silence would not have been enough
)

// problem is what a check found.
type problem struct{ check, detail string }

func (p problem) String() string { return p.check + ": " + p.detail }

// prove runs all checks on a dialogue for this stage, which need not be the one that it holds. The error is about the server.
func (st *stage) prove(ctx context.Context, d chat.Dialogue) ([]dataset.Check, []problem, error) {
	var problems []problem
	add := func(check, format string, args ...any) {
		problems = append(problems, problem{check, fmt.Sprintf(format, args...)})
	}
	if err := chat.Validate(d, nil); err != nil {
		add(checkFormat, "%v", err)
	}
	offered := map[string]*tool.Tool{}
	for _, t := range st.tools {
		offered[t.Name] = t
	}
	arguments := st.checkCalls(d, offered, add)
	st.checkTalk(d, add)
	calls, err := st.replay(ctx, d, add)
	if err != nil {
		return nil, nil, err
	}
	details := map[string]string{
		checkSchema: strconv.Itoa(calls), checkReplayed: strconv.Itoa(calls), checkTold: strconv.Itoa(len(st.facts)), checkSourced: strconv.Itoa(arguments),
	}
	var checks []dataset.Check
	for _, name := range []string{checkFormat, checkSchema, checkReplayed, checkState, checkTold, checkSourced, checkNeeded} {
		checks = append(checks, dataset.Check{Name: name, Pass: true, Detail: details[name]})
	}
	return checks, problems, nil
}

// replay executes the calls of a dialogue on the beginnings in a fresh episode.
func (st *stage) replay(ctx context.Context, d chat.Dialogue, add func(check, format string, args ...any)) (calls int, err error) {
	e, err := st.backend.pool.Episode(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = e.Close() }() // what it reports is a folder that is left, which the next start of the server shows again
	if err := st.lay(e); err != nil {
		return 0, err
	}
	results := map[string]string{}
	for _, m := range d.Messages {
		for _, c := range m.ToolCalls {
			r, err := e.Call(ctx, c.Name, c.Arguments)
			if err != nil {
				return 0, err
			}
			results[c.ID] = r.Text()
			calls++
		}
		if again, ok := results[m.ToolCallID]; m.Role == chat.RoleTool && (!ok || again != m.Content) {
			add(checkReplayed, "%s gave %.200q, now %.200q", m.ToolCallID, m.Content, again)
		}
	}
	end, err := st.look(e)
	if err != nil {
		add(checkState, "%v", err)
	} else if diff := st.goal.difference(end); diff != "" {
		add(checkState, "%s", diff)
	}
	return calls, nil
}

// checkCalls checks the arguments of all calls and counts their values.
func (st *stage) checkCalls(d chat.Dialogue, offered map[string]*tool.Tool, add func(check, format string, args ...any)) int {
	var sources strings.Builder
	values := 0
	for i, m := range d.Messages {
		if m.Role != chat.RoleAssistant {
			sources.WriteString(plain(m.Content) + "\n")
		}
		for _, c := range m.ToolCalls {
			t := offered[c.Name]
			if t == nil {
				add(checkSchema, "message %d calls %s, which is not offered", i, c.Name)
				continue
			}
			for _, p := range t.Validate(c.Arguments) {
				add(checkSchema, "message %d: %s %s %s", i, c.Name, p.Path, p.Message)
			}
			v, err := value.Decode(c.Arguments)
			if err != nil {
				add(checkSchema, "message %d: %s: %v", i, c.Name, err)
				continue
			}
			values += leaves(v, func(leaf string) {
				if strings.Contains(string(t.Parameters), strconv.Quote(leaf)) { // a choice that the schema offers
					return
				}
				for piece := range strings.FieldsFuncSeq(leaf, func(r rune) bool { return r == '/' || unicode.IsSpace(r) }) {
					if piece = strings.Trim(plain(piece), "*?"); piece != "" && !says(sources.String(), piece) {
						add(checkSourced, "message %d: %s: %q comes from nowhere", i, c.Name, piece)
					}
				}
			})
		}
	}
	return values
}

// leaves visits the texts and numbers in a value.
func leaves(v any, visit func(string)) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			n += leaves(x, visit)
		}
	case []any:
		for _, x := range v {
			n += leaves(x, visit)
		}
	case string:
		visit(v)
		n++
	case int64:
		visit(strconv.FormatInt(v, 10))
		n++
	case float64:
		visit(strconv.FormatFloat(v, 'f', -1, 64))
		n++
	}
	return n
}

// checkTalk checks that the facts are told by the assistant, and that the task was not done before anybody spoke.
func (st *stage) checkTalk(d chat.Dialogue, add func(check, format string, args ...any)) {
	var told, known strings.Builder
	for _, m := range d.Messages {
		switch m.Role {
		case chat.RoleAssistant:
			told.WriteString(plain(m.Content) + "\n")
		case chat.RoleUser, chat.RoleSystem:
			known.WriteString(plain(m.Content) + "\n")
		}
	}
	news := st.begin.hash() != st.goal.hash()
	for _, f := range st.facts {
		if !says(told.String(), plain(f)) {
			add(checkTold, "the user is not told %q", f)
		}
		news = news || !says(known.String(), plain(f))
	}
	if !news {
		add(checkNeeded, "nothing changes and nothing is told that was not known")
	}
}

// says reports whether part stands in text, not as a part of a longer word or number.
func says(text, part string) bool {
	inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	first, _ := utf8.DecodeRuneInString(part)
	last, _ := utf8.DecodeLastRuneInString(part)
	for from := 0; ; {
		i := strings.Index(text[from:], part)
		if i < 0 {
			return false
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[i+len(part):])
		if !(inWord(first) && inWord(before)) && !(inWord(last) && inWord(after)) {
			return true
		}
		from = i + max(1, len(part))
	}
}

// plain writes a text in lower case, with underscores as spaces and without emphasis.
func plain(s string) string {
	s = strings.NewReplacer("_", " ", "**", "", "`", "").Replace(s)
	return strings.Join(strings.Fields(strings.ToLower(s)), " ")
}

// decodeText reads JSON that a tool gave as text.
func decodeText(st *stage, text string, into any) {
	err := json.Unmarshal([]byte(text), into)
	st.fit(err == nil, "the result is not the JSON expected: %v", err)
}
