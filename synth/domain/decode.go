package domain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxFile bounds a file; the largest that people write is a tenth of it.
const maxFile = 256 << 10

// Parse decodes and checks one file. The domain is nil when it could not be decoded as a whole; otherwise it holds
// what was understood, and the problems say what was not.
func Parse(file string, data []byte) (*Domain, Problems) {
	d := &decoder{file: file}
	if len(data) > maxFile {
		d.report(0, "", "the file has %d bytes, more than %d: split the domain", len(data), maxFile)
		return nil, d.problems
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		line, msg := yamlError(err)
		d.report(line, "", "%s: fix the YAML", msg)
		return nil, d.problems
	}
	if len(doc.Content) != 1 {
		d.report(0, "", "the file is empty: begin with domain:")
		return nil, d.problems
	}
	out := d.domain(doc.Content[0])
	if out == nil {
		return nil, d.problems
	}
	out.File = file
	c := checker{decoder: d, d: out}
	c.check()
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line })
	return out, d.problems
}

// yamlError takes the line out of an error of the YAML library.
func yamlError(err error) (int, string) {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		if n, text, ok := strings.Cut(rest, ": "); ok {
			if line, err := strconv.Atoi(n); err == nil {
				return line, text
			}
		}
	}
	return 0, msg
}

// decoder reads nodes and collects problems.
type decoder struct {
	file     string
	problems Problems
}

func (d *decoder) report(line int, where, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: d.file, Line: line, Where: where, Message: fmt.Sprintf(format, args...)})
}

// object is a mapping whose keys are read one by one.
type object struct {
	d     *decoder
	node  *yaml.Node
	where string
	keys  map[string]*yaml.Node
}

// object opens a mapping and reports keys that are unknown or written twice; nil when the node is no mapping.
func (d *decoder) object(n *yaml.Node, where string, known ...string) *object {
	if n.Kind != yaml.MappingNode {
		d.report(n.Line, where, "must be a mapping of keys to values")
		return nil
	}
	o := &object{d: d, node: n, where: where, keys: map[string]*yaml.Node{}}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode || !slices.Contains(known, k.Value) {
			d.report(k.Line, where, "unknown key %q%s", k.Value, didYouMean(k.Value, known))
			continue
		}
		if o.keys[k.Value] != nil {
			d.report(k.Line, where, "the key %s is written twice: keep one", k.Value)
			continue
		}
		if v.Kind == yaml.AliasNode {
			d.report(v.Line, where, "%s is an alias: write the value out", k.Value)
			continue
		}
		o.keys[k.Value] = v
	}
	return o
}

func (o *object) report(n *yaml.Node, key, format string, args ...any) {
	o.d.report(n.Line, o.where, "%s: %s", key, fmt.Sprintf(format, args...))
}

// text reads a scalar as it is written.
func (o *object) text(key string) string {
	n := o.keys[key]
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		o.report(n, key, "must be a text")
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// need reads a scalar that must be there.
func (o *object) need(key string) string {
	if o.keys[key] == nil {
		o.d.report(o.node.Line, o.where, "the key %s is missing: add it", key)
		return ""
	}
	return o.text(key)
}

func (o *object) flag(key string) bool {
	n := o.keys[key]
	if n == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		o.report(n, key, "must be true or false")
		return false
	}
	return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
}

func (o *object) number(key string) *float64 {
	n := o.keys[key]
	if n == nil {
		return nil
	}
	f, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || (n.Tag != "!!int" && n.Tag != "!!float") || err != nil || f != f || f > 1e15 || f < -1e15 {
		o.report(n, key, "must be a number")
		return nil
	}
	return &f
}

func (o *object) whole(key string) *int {
	f := o.number(key)
	if f == nil {
		return nil
	}
	i := int(*f)
	if float64(i) != *f {
		o.report(o.keys[key], key, "must be a whole number")
		return nil
	}
	return &i
}

// texts reads a list of scalars.
func (o *object) texts(key string) []string {
	n := o.keys[key]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		o.report(n, key, "must be a list in brackets")
		return nil
	}
	var out []string
	for _, c := range n.Content {
		if c.Kind != yaml.ScalarNode || c.Tag == "!!null" {
			o.report(c, key, "elements must be texts: quote those with a colon, a comma or a brace")
			continue
		}
		out = append(out, strings.TrimSpace(c.Value))
	}
	return out
}

// list visits the elements of a list.
func (o *object) list(key string, visit func(n *yaml.Node)) {
	n := o.keys[key]
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		o.report(n, key, "must be a list")
		return
	}
	for _, c := range n.Content {
		visit(c)
	}
}

func (d *decoder) domain(n *yaml.Node) *Domain {
	o := d.object(n, "", "domain", "category", "title", "service", "about", "user", "assistant", "entities", "rules", "actions")
	if o == nil {
		return nil
	}
	out := &Domain{
		Name: o.need("domain"), Category: o.need("category"), Title: o.need("title"), Service: o.need("service"),
		About: o.need("about"), User: o.need("user"), Assistant: o.need("assistant"),
	}
	o.list("entities", func(n *yaml.Node) {
		if e := d.entity(n); e != nil {
			out.Entities = append(out.Entities, e)
		}
	})
	o.list("rules", func(n *yaml.Node) {
		r := d.object(n, "rules", "forbid", "when", "say", "enforced")
		if r != nil {
			out.Rules = append(out.Rules, &Rule{Forbid: r.need("forbid"), When: r.need("when"), Say: r.need("say"),
				Enforced: r.flag("enforced"), Line: n.Line})
		}
	})
	o.list("actions", func(n *yaml.Node) {
		if a := d.action(n); a != nil {
			out.Actions = append(out.Actions, a)
		}
	})
	return out
}

func (d *decoder) entity(n *yaml.Node) *Entity {
	where := "entity"
	if name := peek(n, "entity"); name != "" {
		where = name
	}
	o := d.object(n, where, "entity", "plural", "about", "id", "label", "records", "fields", "state", "initial", "transitions", "invariants")
	if o == nil {
		return nil
	}
	e := &Entity{Name: o.need("entity"), Plural: o.need("plural"), About: o.need("about"), ID: o.need("id"),
		Label: o.need("label"), State: o.text("state"), Initial: o.text("initial"), Invariants: o.texts("invariants"), Line: n.Line}
	o.need("records")
	if r := o.whole("records"); r != nil {
		e.Records = *r
	}
	o.list("fields", func(n *yaml.Node) {
		if f := d.field(n, where, "field"); f != nil {
			e.Fields = append(e.Fields, f)
		}
	})
	o.list("transitions", func(n *yaml.Node) {
		t := d.object(n, where+".transitions", "verb", "from", "to", "about", "consent", "reasons")
		if t != nil {
			e.Transitions = append(e.Transitions, &Transition{Verb: t.need("verb"), From: t.texts("from"), To: t.need("to"),
				About: t.need("about"), Consent: t.flag("consent"), Reasons: t.texts("reasons"), Line: n.Line})
		}
	})
	return e
}

// field reads a field, or a parameter when the key of the name is param.
func (d *decoder) field(n *yaml.Node, where, nameKey string) *Field {
	if name := peek(n, nameKey); name != "" {
		where += "." + name
	}
	o := d.object(n, where, nameKey, "type", "about", "optional", "values", "samples", "pattern", "min", "max", "from",
		"until", "unit", "to", "edit", "fields")
	if o == nil {
		return nil
	}
	f := &Field{Name: o.need(nameKey), Type: Type(o.need("type")), About: o.need("about"), Optional: o.flag("optional"),
		Values: o.texts("values"), Samples: o.texts("samples"), Pattern: o.text("pattern"), Min: o.number("min"),
		Max: o.number("max"), From: o.whole("from"), Until: o.whole("until"), Unit: o.text("unit"), To: o.text("to"),
		Edit: o.text("edit"), Line: n.Line}
	o.list("fields", func(n *yaml.Node) {
		if s := d.field(n, where, nameKey); s != nil {
			f.Fields = append(f.Fields, s)
		}
	})
	return f
}

func (d *decoder) action(n *yaml.Node) *Action {
	where := "actions"
	if name := peek(n, "action"); name != "" {
		where += "." + name
	}
	o := d.object(n, where, "action", "about", "params", "writes", "program")
	if o == nil {
		return nil
	}
	a := &Action{Name: o.need("action"), About: o.need("about"), Writes: o.flag("writes"), Line: n.Line}
	if o.need("program") != "" {
		p := o.keys["program"]
		a.Program, a.ProgramLine = p.Value, p.Line
		if p.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			a.ProgramLine++ // the text begins below the bar
		}
	}
	o.list("params", func(n *yaml.Node) {
		key := "param"
		if peek(n, "param") == "" && peek(n, "field") != "" { // nested fields of an object may use either word
			key = "field"
		}
		if f := d.field(n, where, key); f != nil {
			a.Params = append(a.Params, f)
		}
	})
	return a
}

// peek reads a key of a mapping before it is opened, for messages.
func peek(n *yaml.Node, key string) string {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1].Value
		}
	}
	return ""
}
