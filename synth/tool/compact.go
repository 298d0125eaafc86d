package tool

import (
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"muonclip/synth/domain"
	"muonclip/synth/world"
)

// compactKinds are the families whose calls and results stay short.
var compactKinds = []Kind{"get", "search", "lookup", "list_by", "list_of", "status", "value", "related", "count", "can", "edit", "transition",
	"create", "adjust", "shift", "clear", "append", "action"}

const (
	compactParams = 3  // most parameters of a compact tool
	compactAbout  = 36 // longest description of a parameter that is kept
	briefFields   = 3  // fields of a record that are shown beside its name and state
)

// Compact returns the same product with a small surface, for models whose context is short: descriptions of one
// sentence, no optional parameters, and results that show of a record only what matters. Families with long results are left out.
// Names and effects stay.
func (s *Set) Compact() *Set {
	out := &Set{Domain: s.Domain, Model: s.Model, Style: s.Style, byName: map[string]*Tool{}}
	out.Style.Strict, out.Style.Patterns, out.Style.Examples = false, false, false
	k := &maker{m: s.Model, d: s.Domain, style: out.Style, set: out}
	for _, t := range s.Tools {
		if c := k.compact(t); c != nil {
			out.Tools = append(out.Tools, c)
			out.byName[c.Name] = c
		}
	}
	return out
}

// compact makes the small form of a tool; nil when it has none.
func (k *maker) compact(t *Tool) *Tool {
	if t.Program == nil || !slices.Contains(compactKinds, t.Kind) {
		return nil
	}
	c := *t
	c.Params, c.groups, c.schema = nil, nil, &schemaCache{}
	locals := make([]string, len(t.Params))
	for i, p := range t.Params {
		locals[i] = p.Local
		if !p.Required {
			c.hidden = append(c.hidden, p)
			continue
		}
		p.Group = ""
		if p.Role == RoleID || p.Role == RoleReason || p.Type == domain.Enum || len(p.About) > compactAbout {
			p.About = ""
		}
		if p.Role == RoleIDs || p.Type == domain.Object || c.Param(p.Name) != nil {
			return nil
		}
		c.Params = append(c.Params, p)
	}
	if len(c.Params) > compactParams {
		return nil
	}
	if !k.shorten(&c) {
		return nil
	}
	c.Description, _, _ = strings.Cut(t.Description, ". ")
	c.Description = sentence(c.Description)
	if c.Consent {
		c.Description += " Needs consent."
	}
	c.Parameters = k.schemaOf(&c)
	c.Program = world.Deferred(world.Spec{Name: c.Name, Source: c.Source, Params: locals, Writes: c.Writes})
	return &c
}

// shorten lets a program's result show less of a record; false when it cannot.
func (k *maker) shorten(t *Tool) bool {
	e := k.d.Entity(t.Returns.Entity)
	list := false
	switch t.Returns.Shape {
	case "groups":
		return false
	case "record":
		t.Shown = k.brief(e, briefFields)
		if t.Kind == "create" {
			t.Shown = k.brief(e, 0)
		}
	case "records", "page":
		t.Shown, list = k.brief(e, 0), true
	case "change":
		if t.Returns.Items != "" {
			return false
		}
		_, verb, _ := strings.Cut(t.Operation, ".")
		t.Shown = []string{e.State}
		if f := e.Edit(verb); f != nil {
			t.Shown = []string{f.Name}
		}
	default:
		return true // values, verdicts and what actions say are short
	}
	at := strings.LastIndex("\n"+t.Source, "\nreturn ")
	if at < 0 || slices.Contains(t.Shown, "") {
		return false
	}
	head, expr := t.Source[:at], strings.TrimSpace(t.Source[at+len("return "):])
	keys := append([]string{"id"}, t.Shown...)
	body := sub("whole_ = <x>\nreturn {k: whole_[k] for k in [<k>]}\n", "<x>", expr, "<k>", quoted(keys))
	if list {
		body = sub("whole_ = <x>\n"+
			"return {\"<i>\": [{k: r[k] for k in [<k>]} for r in whole_[\"<i>\"]], \"total\": whole_[\"total\"]}\n", "<x>", expr, "<k>", quoted(keys), "<i>", t.Returns.Items)
	}
	t.Source = head + body
	return true
}

// brief lists the fields by which a record is known: its name, its state and n others with short values, the same
// ones wherever records of the entity are shown.
func (k *maker) brief(e *domain.Entity, n int) []string {
	var rest []string
	keep := map[string]bool{e.Label: true, e.State: true}
	for _, f := range e.Fields {
		switch f.Type {
		case domain.Enum, domain.Bool, domain.Int, domain.Float, domain.Money, domain.Percent, domain.Minutes, domain.Date, domain.Time,
			domain.Code, domain.Ref, domain.City, domain.Phone:
			if !keep[f.Name] {
				rest = append(rest, f.Name)
			}
		}
	}
	rank := func(f string) uint64 { return xxh3.HashString(k.d.Name + "/" + e.Name + "/" + f) }
	slices.SortFunc(rest, func(a, b string) int {
		if rank(a) < rank(b) {
			return -1
		}
		return 1
	})
	for _, f := range rest[:min(n, len(rest))] {
		keep[f] = true
	}
	var out []string
	for _, f := range e.Fields {
		if keep[f.Name] {
			out = append(out, f.Name)
		}
	}
	return out
}

// Shows reports whether the records in a tool's results have a field.
func (t *Tool) Shows(field string) bool {
	return t.Shown == nil || field == "id" || slices.Contains(t.Shown, field)
}

// Chars is how many characters the declaration of a tool has in a dialogue, give or take what a format adds.
func (t *Tool) Chars() int {
	const frame = len(`{"function":{"description":"","name":"","parameters":},"type":"function"},`)
	return frame + len(t.Name) + len(t.Description) + len(t.Parameters)
}

// HeldOut reports whether a domain is kept out of training, so that its tools are new to a model: about 15 % of all
// names, chosen by their hash, so that a domain added later moves no other.
func HeldOut(domainName string) bool { return xxh3.HashString("held out domain/"+domainName)%100 < 15 }

// Split divides sets into those to train on and those held out.
func Split(sets []*Set) (train, heldOut []*Set) {
	for _, s := range sets {
		if HeldOut(s.Domain.Name) {
			heldOut = append(heldOut, s)
		} else {
			train = append(train, s)
		}
	}
	return train, heldOut
}
