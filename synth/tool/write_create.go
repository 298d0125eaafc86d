package tool

import (
	"strings"

	"muonclip/synth/domain"
	"muonclip/synth/world"
)

// call is a call of a tool: the world before it and the arguments by their names in the program.
type call struct {
	w    *world.World
	args map[string]any
}

func (c *call) text(name string) string { s, _ := c.args[name].(string); return s }

func (c *call) texts(name string) []string {
	list, _ := c.args[name].([]any)
	var out []string
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// one is the touch of a tool that performs an operation on the record of its id.
func one(e *domain.Entity, verb string) func(c *call) []Touch {
	return func(c *call) []Touch { return []Touch{{e.Name + "." + verb, e.Name, c.text("id")}} }
}

// enforce is a line of a program that refuses what an enforced rule forbids; "" when no rule of the operation is
// enforced by the tool.
func (k *maker) enforce(e *domain.Entity, verb, id string) string {
	for _, r := range k.d.Rules {
		if r.Enforced && r.Entity() == e.Name && r.Verb() == verb {
			return sub("enforce(\"<e>\", <id>, \"<v>\")\n", "<e>", e.Name, "<id>", id, "<v>", verb)
		}
	}
	return ""
}

// fieldsOf are the parameters for the values of a new record: required ones first. The state is not among them.
func (k *maker) fieldsOf(e *domain.Entity) (params []Param, dict string) {
	var pairs []string
	for _, optional := range []bool{false, true} {
		for _, f := range e.Fields {
			if f.Name == e.State || f.Optional != optional {
				continue
			}
			p := k.fieldParam(e, f, RoleValue, !f.Optional)
			params = append(params, p)
			pairs = append(pairs, `"`+f.Name+`": `+p.Local)
		}
	}
	return params, "{" + strings.Join(pairs, ", ") + "}"
}

// creations are the tools that make records, and the dry run of making one.
func (k *maker) creations(e *domain.Entity) {
	n := spaced(e.Name)
	fill := func(purpose string, list ...string) string {
		return sub(k.choose(purpose+"/"+e.Name, list...), "<e>", n, "<es>", spaced(e.Plural), "<an>", article(n), "<a>", about(e), "<s>", k.d.Service)
	}
	params, dict := k.fieldsOf(e)
	params, groups := k.nest(params, k.choose("details", "details", e.Name, "data"), "The new "+n, true, false)
	start := ""
	if e.State != "" {
		start = "It begins as " + spaced(e.Initial)
	}
	var need []string
	for _, p := range params {
		if p.Required {
			need = append(need, spaced(p.Field))
		}
	}
	k.add(draft{kind: "create", verb: k.verb("create"), object: e.Name, e: e, op: e.Name + ".create", writes: true,
		lead:  fill("create", "Create <an>", "Add <an> to <s>: <a>", "Enter a new <e>", "Make a new <e> record", "Take down <an>: <a>"),
		notes: []string{start, "Needs " + andList(need)}, hint: fill("create/hint", "Ask for what is missing instead of inventing it", "Look for an existing <e> first"),
		params: params, groups: groups,
		body:    sub("new = insert(\"<e>\", <d>)\n<x>return get(\"<e>\", new)", "<e>", e.Name, "<d>", dict, "<x>", k.enforce(e, "create", "new")),
		returns: Returns{Shape: "record", Entity: e.Name}, touches: func(*call) []Touch { return []Touch{{e.Name + ".create", e.Name, ""}} }})
	if k.offers("check", 60) {
		k.check(e, fill)
	}
	k.duplicate(e, params, fill)
	if len(k.d.Referrers(e.Name)) == 0 && e.State == "" && k.offers("remove/"+e.Name, 50) {
		k.add(draft{kind: "remove", verb: k.verb("remove"), object: e.Name, e: e, op: e.Name + ".remove", writes: true, consent: true,
			lead:  fill("remove", "Delete <an> for good", "Remove one <e> from <s>", "Take <an> out of the records"),
			notes: []string{"This cannot be undone"}, params: []Param{k.idParam(e)},
			body:    sub("r = get(\"<e>\", id)\n<x>remove(\"<e>\", id)\nreturn r", "<e>", e.Name, "<x>", k.enforce(e, "remove", "id")),
			returns: Returns{Shape: "record", Entity: e.Name}, touches: one(e, "remove")})
	}
}

// check is a dry run of those details of a new record that can be wrong.
func (k *maker) check(e *domain.Entity, fill func(string, ...string) string) {
	all, _ := k.fieldsOf(e)
	var params []Param
	var what []string
	body := "problems = []\n"
	for _, p := range all {
		f := p.Spec
		test := ""
		switch {
		case f.Type == domain.Ref:
			test = "if <p> != None and not query(\"<t>\", equal={\"id\": <p>}):\n    problems.append(\"<f> %s does not exist\" % <p>)\n"
		case f.Type == domain.Date && f.From != nil && *f.From >= 0:
			test = "if <p> != None and days_between(today(), <p>) < 0:\n    problems.append(\"<f> lies in the past\")\n"
		case f.Name == e.Label && f.Type != domain.Text, f.Type == domain.Email, f.Type == domain.Code:
			test = "if <p> != None and query(\"<e>\", equal={\"<f>\": <p>}):\n    problems.append(\"the <fn> %s is already taken\" % <p>)\n"
		default:
			continue
		}
		p.Required = len(params) == 0
		params = append(params, p)
		what = append(what, spaced(f.Name))
		body += sub(test, "<p>", p.Local, "<t>", f.To, "<fn>", spaced(f.Name), "<f>", f.Name, "<e>", e.Name)
	}
	if len(params) == 0 {
		return
	}
	k.add(draft{kind: "check", verb: k.verb("check"), object: e.Name, rest: k.choose("check/rest", "", "details", "draft"), e: e,
		lead:  fill("check", "Check "+andList(what)+" before <an> is created", "Would <an> with this "+orList(what)+" be accepted?", "Find mistakes in "+andList(what)+" of a future <e>"),
		notes: []string{"Nothing is stored; problems are listed in words"}, params: params,
		body:    body + "return {\"valid\": not problems, \"problems\": problems}",
		returns: Returns{Shape: "verdict", Entity: e.Name, Field: "valid"}})
}

// duplicate makes a record like an old one with some values changed.
func (k *maker) duplicate(e *domain.Entity, all []Param, fill func(string, ...string) string) {
	var params []Param
	body := sub("r = get(\"<e>\", id)\nr.pop(\"id\")\n", "<e>", e.Name)
	if e.State != "" {
		body += sub("r[\"<s>\"] = \"<i>\"\n", "<s>", e.State, "<i>", e.Initial)
	}
	for _, p := range all {
		f := p.Spec
		if len(params) < 3 && (f.Type == domain.Date || f.Type == domain.Datetime || f.Type == domain.Ref || f.Name == e.Label) {
			p.Group, p.Required = "", f.Name == e.Label
			p.About = "Other " + spaced(f.Name) + " for the copy"
			params = append(params, p)
			body += sub("if <p> != None:\n    r[\"<f>\"] = <p>\n", "<p>", p.Local, "<f>", f.Name)
		}
	}
	if len(params) == 0 || !k.offers("duplicate", 60) {
		return
	}
	var what []string
	for _, p := range params {
		what = append(what, spaced(p.Field))
	}
	k.add(draft{kind: "duplicate", verb: k.verb("copy"), object: e.Name, e: e, op: e.Name + ".create", writes: true,
		lead:  fill("duplicate", "Make a new <e> like an existing one", "Repeat <an> with other "+orList(what), "Copy <an> into a fresh record"),
		notes: []string{"Everything but " + andList(what) + " is taken over"}, params: append([]Param{k.idParam(e)}, params...),
		body:    body + sub("new = insert(\"<e>\", r)\n<x>return get(\"<e>\", new)", "<e>", e.Name, "<x>", k.enforce(e, "create", "new")),
		returns: Returns{Shape: "record", Entity: e.Name}, touches: func(*call) []Touch { return []Touch{{e.Name + ".create", e.Name, ""}} }})
}
