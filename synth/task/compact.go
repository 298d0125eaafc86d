package task

import (
	"encoding/json"
	"fmt"
	"slices"

	"muonclip/synth/domain"
)

// CompactWeights are the kinds of compact tasks and how often they come.
func CompactWeights() map[Kind]int {
	return map[Kind]int{Single: 10, Dependent: 4, Missing: 3, NoTool: 1, Irrelevant: 2}
}

// defaultMaxChars is Config.MaxChars where it is 0.
const defaultMaxChars = 900

// mostCompact is the largest number of tools that a compact task offers.
const mostCompact = 3

// compactConfig checks the configuration and fills in what is 0.
func (p *Pool) compactConfig() error {
	c := &p.cfg
	if !c.Compact {
		if c.MaxChars != 0 {
			return fmt.Errorf("task: MaxChars is %d, but tasks are not compact: it bounds these alone", c.MaxChars)
		}
		return nil
	}
	if c.MaxChars == 0 {
		c.MaxChars = defaultMaxChars
	}
	allowed := CompactWeights()
	for _, k := range Kinds() {
		if c.Weights[k] > 0 && allowed[k] == 0 {
			return fmt.Errorf("task: there are no compact tasks of the kind %s", k)
		}
	}
	return nil
}

// staffCompact gives a compact task its agent: a short prompt, and beside the tools of the plan as many others as
// there is room for, up to a number that is drawn.
func (b *builder) staffCompact(t *Task) error {
	t.Compact = true
	for t.Persona.Style == Chatty || t.Persona.Style == Formal {
		t.Persona.Style = choose(b.r, Styles())
	}
	t.Persona.Thanks = false
	for _, s := range b.segs {
		if s.Rule != nil {
			t.Policy = append(t.Policy, s.Rule.Say)
		}
	}
	t.System = b.compactSystem(b.d, t.Policy)
	left, err := b.room(t)
	if err != nil {
		return err
	}
	for _, x := range b.list {
		left -= x.Chars()
	}
	if left < 0 || len(b.list) > mostCompact {
		return refuse(Bulky, "%d characters too many with %d tools", -left, len(b.list))
	}
	want := choose(b.r, []int{1, 2, 2, 3, 3, 3})
	for tries := 0; len(b.list) < want && tries < 40; tries++ {
		x := choose(b.r, b.p.set.Tools)
		if tries < 20 && len(b.list) > 0 && x.Entity != b.list[0].Entity { // look first for what is easily mistaken
			continue
		}
		if c := x.Chars(); b.tools[x.Name] == nil && c <= left {
			b.offer(x)
			left -= c
		}
	}
	if len(b.list) == 0 {
		return refuse(Bulky, "there is no room for any tool")
	}
	t.Tools = shuffled(b.r, b.list)
	b.units(t)
	t.Agent = agentName(t)
	return nil
}

// room is how many characters the tools may take.
func (b *builder) room(t *Task) (int, error) {
	left := b.pool.cfg.MaxChars - len(t.System)
	for _, c := range b.gold.calls {
		for _, v := range []any{c.Args, c.Result} {
			raw, err := json.Marshal(v)
			if err != nil {
				return 0, fmt.Errorf("task: call of %s: %w", c.Tool, err)
			}
			left -= len(raw)
		}
	}
	return left, nil
}

// compactSystem writes the system prompt of a compact task.
func (b *builder) compactSystem(d *domain.Domain, policy []string) string {
	frame := choose(b.r, []string{"You are the %[1]s of %[2]s. %[3]s", "You work as %[1]s for %[2]s: %[3]s", "%[2]s – %[3]s You are its %[1]s."})
	s := fmt.Sprintf(frame, d.Assistant, d.Service, d.About)
	s += fmt.Sprintf(choose(b.r, []string{" Today is %s.", " Date: %s."}), b.today.Format("2006-01-02"))
	for _, rule := range slices.Compact(policy) {
		s += " Rule: " + rule
	}
	return s
}
