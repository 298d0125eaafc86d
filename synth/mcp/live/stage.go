package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/synth/dataset"
	"muonclip/synth/mcp"
	"muonclip/synth/tool"
)

// stage is where a program plays: what it sets up, what must come of it, and the dialogue so far.
type stage struct {
	r           *rand.Rand
	seed, index uint64
	backend     *backend
	program     *program
	tools       []*tool.Tool
	persona     string
	begin, goal state    // before and after
	facts       []string // what the user must be told

	ctx      context.Context
	episode  *mcp.Episode // nil while only the beginnings are wanted
	dialogue chat.Dialogue
	now      state
	calls    []dataset.CallRecord
	count    int
}

// unfit says that a program does not come to its end, as when a server answers what it did not expect.
type unfit struct{ reason string }

func (u *unfit) Error() string { return u.reason }

// errBegun ends a program of which only the beginnings are wanted.
var errBegun = errors.New("live: begun")

// halt leaves a program from inside. Programs are sequences of turns, which an error handled after each would hide.
type halt struct{ error }

func (st *stage) play() (err error) {
	defer func() {
		if x := recover(); x != nil {
			h, ok := x.(halt)
			if !ok {
				panic(x)
			}
			err = h.error
		}
	}()
	st.program.run(st)
	return nil
}

// setUp runs a program until its beginnings are known.
func (st *stage) setUp() error {
	if err := st.play(); !errors.Is(err, errBegun) {
		return fmt.Errorf("live: the program %s does not begin: %w", st.program.name, err)
	}
	return nil
}

// fit stops the program unless ok.
func (st *stage) fit(ok bool, format string, args ...any) {
	if !ok {
		panic(halt{&unfit{fmt.Sprintf(format, args...)}})
	}
}

// offer draws the tools of the dialogue: what the program uses, some more of the server, and some of others.
func (st *stage) offer(others []*tool.Tool) {
	names := map[string]bool{}
	add := func(t *tool.Tool) {
		if !names[t.Name] {
			names[t.Name] = true
			st.tools = append(st.tools, t)
		}
	}
	for _, name := range st.program.uses {
		if t := st.backend.listing.Tool(name); t != nil {
			add(t)
		}
	}
	for _, t := range st.backend.listing.Tools {
		if st.r.IntN(3) > 0 {
			add(t)
		}
	}
	if len(others) > 0 {
		for range st.r.IntN(4) {
			add(others[st.r.IntN(len(others))])
		}
	}
	st.r.Shuffle(len(st.tools), func(i, j int) { st.tools[i], st.tools[j] = st.tools[j], st.tools[i] })
}

// start puts the beginnings into the scratch folder; the talk follows. Beginnings, goal and facts must be known here.
func (st *stage) start() {
	system := say(st.r, st.backend.family.system, nil)
	st.persona = draw(st.r, personas)
	if st.episode == nil {
		panic(halt{errBegun})
	}
	if err := st.lay(st.episode); err != nil {
		panic(halt{err})
	}
	st.now = st.begin
	st.dialogue = chat.Dialogue{Tools: chatTools(st.tools), Messages: []chat.Message{{Role: chat.RoleSystem, Content: system}}}
}

// lay writes the beginnings into the folder of an episode.
func (st *stage) lay(e *mcp.Episode) error {
	f := st.backend.family
	if f.write == nil {
		return nil
	}
	root, err := e.Root()
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // a folder keeps nothing that closing could lose
	if err := f.write(root, st.begin); err != nil {
		return fmt.Errorf("live: scratch folder: %w", err)
	}
	return nil
}

// look reads the state of an episode.
func (st *stage) look(e *mcp.Episode) (state, error) {
	f := st.backend.family
	if f.read == nil {
		return state{}, nil
	}
	root, err := e.Root()
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // a folder keeps nothing that closing could lose
	s, err := f.read(root)
	if err != nil {
		return nil, fmt.Errorf("live: scratch folder: %w", err)
	}
	return s, nil
}

// user says one of several sentences.
func (st *stage) user(v vars, templates ...string) {
	text := questioned(say(st.r, templates, v))
	if len(st.dialogue.Messages) == 1 {
		text = styled(st.r, st.persona, text)
	}
	st.dialogue.Messages = append(st.dialogue.Messages, chat.Message{Role: chat.RoleUser, Content: text})
}

// assistant says one of several sentences.
func (st *stage) assistant(v vars, templates ...string) {
	st.dialogue.Messages = append(st.dialogue.Messages, chat.Message{Role: chat.RoleAssistant, Content: say(st.r, templates, v)})
}

// args are the arguments of a call: names and values one after another, so that their order is kept.
type args []any

func (a args) json() json.RawMessage {
	var b strings.Builder
	b.WriteByte('{')
	for i := 0; i < len(a); i += 2 {
		if i > 0 {
			b.WriteString(", ")
		}
		name, _ := json.Marshal(a[i])
		value := encode(a[i+1])
		fmt.Fprintf(&b, "%s: %s", name, value)
	}
	b.WriteByte('}')
	return json.RawMessage(b.String())
}

// encode writes a value as JSON without escapes for HTML; args inside keep their order.
func encode(v any) string {
	switch v := v.(type) {
	case args:
		return string(v.json())
	case []args:
		var parts []string
		for _, a := range v {
			parts = append(parts, string(a.json()))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // texts, numbers and lists of them cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

// ask is a call to be made.
type ask struct {
	tool string
	args args
}

// call makes one call and returns what the assistant reads of its result. The call must succeed.
func (st *stage) call(name string, a args) string {
	text := st.all("", ask{name, a})
	return text[0]
}

// refused makes a call that the server must refuse.
func (st *stage) refused(name string, a args) string {
	text, failed := st.make("", []ask{{name, a}})
	st.fit(failed[0], "%s is not refused: %.200s", name, text[0])
	return text[0]
}

// all makes calls in one turn, after words that may be empty. All must succeed.
func (st *stage) all(words string, asks ...ask) []string {
	text, failed := st.make(words, asks)
	for i := range asks {
		st.fit(!failed[i], "%s fails: %.200s", asks[i].tool, text[i])
	}
	return text
}

func (st *stage) make(words string, asks []ask) (text []string, failed []bool) {
	m := chat.Message{Role: chat.RoleAssistant, Content: words}
	for _, a := range asks {
		m.ToolCalls = append(m.ToolCalls, chat.ToolCall{ID: chat.CallID(a.tool, st.count), Name: a.tool, Arguments: a.args.json()})
		st.count++
	}
	st.dialogue.Messages = append(st.dialogue.Messages, m)
	for _, c := range m.ToolCalls {
		r, err := st.episode.Call(st.ctx, c.Name, c.Arguments)
		if err != nil {
			panic(halt{err})
		}
		after, err := st.look(st.episode)
		if err != nil {
			panic(halt{&unfit{err.Error()}})
		}
		note := dataset.CallRecord{ID: c.ID, Changes: changes(st.backend.family.entity, st.now, after)}
		if st.now = after; r.IsError {
			note.Error = "tool_error"
		}
		if note.Error != "" || len(note.Changes) > 0 {
			st.calls = append(st.calls, note)
		}
		st.dialogue.Messages = append(st.dialogue.Messages, chat.Message{Role: chat.RoleTool, Name: c.Name, ToolCallID: c.ID, Content: r.Text()})
		text, failed = append(text, r.Text()), append(failed, r.IsError)
	}
	return text, failed
}

// fact adds something that the user must be told, and returns it.
func (st *stage) fact(text string) string {
	if !slices.Contains(st.facts, text) {
		st.facts = append(st.facts, text)
	}
	return text
}

// judgeEnd compares the state with the goal that the program computed.
func (st *stage) judgeEnd() error {
	if d := st.goal.difference(st.now); d != "" {
		return &unfit{"the goal is not reached: " + d}
	}
	return nil
}
