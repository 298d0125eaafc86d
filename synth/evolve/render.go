package evolve

import (
	"bytes"
	"fmt"
	"strconv"

	"gopkg.in/yaml.v3"

	"muonclip/synth/domain"
)

// render writes a domain as a file in the usual layout, with each field on a line.
func render(d *domain.Domain) string {
	top := object(0)
	for _, x := range [][2]string{{"domain", d.Name}, {"category", d.Category}, {"title", d.Title}, {"service", d.Service},
		{"about", d.About}, {"user", d.User}, {"assistant", d.Assistant}} {
		top.put(x[0], text(x[1]))
	}
	entities, rules, actions := list(0), list(0), list(0)
	for _, e := range d.Entities {
		entities.add(entity(e))
	}
	for _, r := range d.Rules {
		o := object(yaml.FlowStyle)
		o.put("forbid", text(r.Forbid)).put("when", text(r.When)).put("say", text(r.Say)).flag("enforced", r.Enforced)
		rules.add(o)
	}
	for _, a := range d.Actions {
		o, params := object(0), list(0)
		o.put("action", text(a.Name)).put("about", text(a.About))
		for _, p := range a.Params {
			params.add(field("param", p))
		}
		o.some("params", params).flag("writes", a.Writes)
		program := text(a.Program)
		program.Style = yaml.LiteralStyle
		actions.add(o.put("program", program))
	}
	top.some("entities", entities).some("rules", rules).some("actions", actions)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(top.Node); err != nil {
		return fmt.Sprintf("# %v\n", err) // nodes made here are sound
	}
	return b.String()
}

func entity(e *domain.Entity) node {
	o := object(0)
	for _, x := range [][2]string{{"entity", e.Name}, {"plural", e.Plural}, {"about", e.About}, {"id", e.ID}, {"label", e.Label}} {
		o.put(x[0], text(x[1]))
	}
	o.put("records", plain("!!int", strconv.Itoa(e.Records)))
	fields, transitions := list(0), list(0)
	for _, f := range e.Fields {
		fields.add(field("field", f))
	}
	o.some("fields", fields)
	if e.State != "" {
		o.put("state", text(e.State)).put("initial", text(e.Initial))
	}
	for _, t := range e.Transitions {
		x := object(yaml.FlowStyle)
		x.put("verb", text(t.Verb)).some("from", texts(t.From)).put("to", text(t.To)).put("about", text(t.About))
		transitions.add(x.flag("consent", t.Consent).some("reasons", texts(t.Reasons)))
	}
	return o.some("transitions", transitions).some("invariants", texts(e.Invariants))
}

func field(key string, f *domain.Field) node {
	o := object(yaml.FlowStyle)
	o.put(key, text(f.Name)).put("type", text(string(f.Type))).flag("optional", f.Optional).some("values", texts(f.Values)).some("samples", texts(f.Samples))
	for _, x := range [][2]string{{"pattern", f.Pattern}, {"unit", f.Unit}, {"to", f.To}} {
		if x[1] != "" {
			o.put(x[0], text(x[1]))
		}
	}
	for i, v := range []*float64{f.Min, f.Max} {
		if v != nil {
			o.put([]string{"min", "max"}[i], plain("!!float", strconv.FormatFloat(*v, 'f', -1, 64)))
		}
	}
	for i, v := range []*int{f.From, f.Until} {
		if v != nil {
			o.put([]string{"from", "until"}[i], plain("!!int", strconv.Itoa(*v)))
		}
	}
	o.put("about", text(f.About))
	if f.Edit != "" {
		o.put("edit", text(f.Edit))
	}
	inner := list(yaml.FlowStyle)
	for _, x := range f.Fields {
		inner.add(field("field", x))
	}
	return o.some("fields", inner)
}

// node makes YAML in the order in which things are put.
type node struct{ *yaml.Node }

func object(style yaml.Style) node { return node{&yaml.Node{Kind: yaml.MappingNode, Style: style}} }
func list(style yaml.Style) node   { return node{&yaml.Node{Kind: yaml.SequenceNode, Style: style}} }

func plain(tag, value string) node {
	return node{&yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}}
}

func text(s string) node {
	n := &yaml.Node{}
	n.SetString(s)
	return node{n}
}

func texts(list []string) node {
	n := node{&yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}}
	for _, s := range list {
		n.add(text(s))
	}
	return n
}

func (n node) put(key string, v node) node {
	n.Content = append(n.Content, text(key).Node, v.Node)
	return n
}

func (n node) add(v node) { n.Content = append(n.Content, v.Node) }

// some puts a list unless it is empty.
func (n node) some(key string, v node) node {
	if len(v.Content) > 0 {
		n.put(key, v)
	}
	return n
}

func (n node) flag(key string, v bool) node {
	if v {
		n.put(key, plain("!!bool", "true"))
	}
	return n
}
