package proof

import (
	"fmt"
	"strings"
	"time"

	"muonclip/data/chat"
	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
)

// known is what was said and shown up to a message: by the user, by tools, by the instructions.
type known struct {
	today   time.Time
	numbers map[float64]bool
	dates   map[string]bool
	times   map[string]bool
	codes   map[string]bool
	words   map[string]bool
	keys    map[string]bool
	leaves  map[string]bool // texts in results, in lower case
	texts   []*value.Text   // what users and instructions said
	bools   bool
}

func newKnown(today time.Time) *known {
	return &known{today: today, numbers: map[float64]bool{}, dates: map[string]bool{}, times: map[string]bool{}, codes: map[string]bool{}, words: map[string]bool{}, keys: map[string]bool{}, leaves: map[string]bool{}}
}

// hear adds a text.
func (k *known) hear(text string, t *value.Text) {
	k.texts = append(k.texts, t)
	k.scan(text)
}

func (k *known) scan(text string) {
	for _, a := range value.Scan(text, k.today) {
		switch a.Kind {
		case value.AtomNumber:
			k.numbers[a.Num] = true
		case value.AtomDate:
			k.dates[a.Text] = true
		case value.AtomTime:
			k.times[a.Text] = true
		case value.AtomCode:
			k.codes[a.Text] = true
		case value.AtomWord:
			k.words[a.Text] = true
		}
	}
}

// see adds a result with everything in it; the lengths of lists count as numbers that it shows.
func (k *known) see(v any) {
	switch x := v.(type) {
	case string:
		low := strings.ToLower(x)
		if !k.leaves[low] {
			k.leaves[low] = true
			k.scan(value.Words(x))
			k.scan(x)
		}
	case bool:
		k.bools = true
	case int64:
		k.numbers[float64(x)] = true
	case float64:
		k.numbers[x] = true
	case []any:
		k.numbers[float64(len(x))] = true
		for _, e := range x {
			k.see(e)
		}
	case map[string]any:
		for key, e := range x {
			if !k.keys[key] {
				k.keys[key] = true
				k.scan(value.Words(key))
			}
			k.see(e)
		}
	}
}

// has reports whether a value was said or shown.
func (k *known) has(v any) bool {
	switch x := v.(type) {
	case string:
		if k.leaves[strings.ToLower(x)] {
			return true
		}
	case int64, float64:
		f, _ := value.Number(x)
		if k.numbers[f] {
			return true
		}
	case []any:
		for _, e := range x {
			if !k.has(e) {
				return false
			}
		}
		return true
	case map[string]any:
		for _, e := range x {
			if !k.has(e) {
				return false
			}
		}
		return true
	case bool:
		if k.bools {
			return true
		}
	case nil:
		return true
	}
	for i := len(k.texts) - 1; i >= 0; i-- {
		if k.texts[i].Has(value.Value{V: v, Type: domain.Text}) {
			return true
		}
	}
	return false
}

// sources walks over the dialogue and looks for the source of every argument and of every claim.
func (p *prover) sources() {
	k := newKnown(p.tr.Task.Today)
	for i, m := range p.tr.Dialogue.Messages {
		switch m.Role {
		case chat.RoleSystem, chat.RoleUser:
			k.hear(m.Content, p.texts[i])
		case chat.RoleTool:
			k.see(p.results[i])
		case chat.RoleAssistant:
			p.grounded(k, i, m.Content)
			for _, c := range p.byMsg[i] {
				p.sourced(k, i, &p.calls[c])
			}
		}
	}
}

func (p *prover) sourced(k *known, i int, c *call) {
	for name, v := range c.args {
		p.report.Args++
		if !k.has(v) {
			p.found(Sourced, i, fmt.Sprintf("%s of %s is %v, which nobody said and no result showed", name, c.name, v))
		}
	}
}

// grounded checks the numbers, dates, codes and names in what the assistant says.
func (p *prover) grounded(k *known, i int, text string) {
	for _, a := range value.Scan(text, p.tr.Task.Today) {
		if a.Loose {
			continue
		}
		ok := true
		switch a.Kind {
		case value.AtomNumber:
			ok = k.numbers[a.Num] || a.Num >= 0 && a.Num <= 1
		case value.AtomDate:
			ok = k.dates[a.Text]
		case value.AtomTime:
			ok = k.times[a.Text]
		case value.AtomCode:
			ok = k.codes[a.Text] || len(a.Text) < 6 && !strings.Contains(a.Text, "-") && p.declared(a.Text) // a unit or a name such as m3 and co2
		case value.AtomWord:
			if !a.Name {
				continue
			}
			ok = k.words[a.Text] || common[a.Text] || p.declared(a.Text)
		}
		p.report.Atoms++
		if !ok {
			p.found(Grounded, i, fmt.Sprintf("%q is said, but nobody said it before and no result shows it", a.Text))
		}
	}
}

// common are words with a capital that need no source.
var common = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields("i'm i'll i've i'd ok okay usd eur gbp chf") {
		m[w] = true
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		m[strings.ToLower(d.String())] = true
	}
	for mo := time.January; mo <= time.December; mo++ {
		m[strings.ToLower(mo.String())] = true
	}
	return m
}()

// declared reports whether a word stands in the declaration of an offered tool.
func (p *prover) declared(word string) bool {
	for _, t := range p.tr.Task.Tools {
		if p.checker.wordsOf(t, p.tr.Task.Today)[word] {
			return true
		}
	}
	return false
}

func (c *Checker) wordsOf(t *tool.Tool, today time.Time) map[string]bool {
	if m, ok := c.words.Load(t); ok {
		return m.(map[string]bool)
	}
	m := map[string]bool{}
	for _, a := range value.Scan(t.Description+" "+string(t.Parameters), today) {
		if a.Kind == value.AtomWord || a.Kind == value.AtomCode {
			for _, w := range strings.FieldsFunc(a.Text, func(r rune) bool { return r == '"' || r == ',' || r == ':' || r == '_' }) {
				m[strings.Trim(w, ".;")] = true
			}
		}
	}
	c.words.Store(t, m)
	return m
}
