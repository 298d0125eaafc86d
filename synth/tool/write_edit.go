package tool

import (
	"slices"

	"muonclip/synth/domain"
	"muonclip/synth/world"
)

// edits are the tools that change fields: one for each verb of the domain file, some finer ones beside them, and one
// that changes several fields at once.
func (k *maker) edits(e *domain.Entity) {
	var editable []*domain.Field
	for _, f := range e.Fields {
		if f.Edit == "" {
			continue
		}
		editable = append(editable, f)
		k.edit(e, f)
		switch f.Type {
		case domain.Int, domain.Float, domain.Money, domain.Minutes:
			k.adjust(e, f)
		case domain.Date, domain.Datetime:
			k.shift(e, f)
		case domain.Text:
			k.appendText(e, f)
		case domain.List, domain.Refs:
			k.elements(e, f)
		case domain.Ref:
			k.moves(e, f)
		}
		if f.Optional && k.offers("clear/"+e.Name+f.Name, 70) {
			k.clear(e, f)
		}
	}
	k.patch(e, editable)
}

func (k *maker) editSay(e *domain.Entity, f *domain.Field) func(string, ...string) string {
	n := spaced(e.Name)
	return func(purpose string, list ...string) string {
		return sub(k.choose(purpose+"/"+e.Name+f.Name, list...), "<e>", n, "<es>", spaced(e.Plural), "<an>", article(n), "<f>", spaced(f.Name), "<fa>", lower(f.About), "<v>", spaced(f.Edit), "<u>", unit(f))
	}
}

// ruleNote says which rules bind an operation.
func (k *maker) ruleNote(e *domain.Entity, verb string) string {
	for _, r := range k.d.Rules {
		if r.Entity() == e.Name && r.Verb() == verb && k.offers("rule_note/"+r.Forbid, 50) {
			return "Policy: " + r.Say
		}
	}
	return ""
}

func (k *maker) edit(e *domain.Entity, f *domain.Field) {
	say := k.editSay(e, f)
	v, object := verbName(f.Edit, e.Name)
	p := k.fieldParam(e, f, RoleValue, true)
	if k.offers("edit/new", 40) {
		p.Name = k.style.param("new_" + f.Name)
	}
	old := ""
	if k.offers("edit/noop", 40) {
		old = sub("if r[\"<f>\"] == <p>:\n    fail(\"conflict\", \"the <fn> is already this\")\n", "<f>", f.Name, "<p>", p.Local, "<fn>", spaced(f.Name))
	}
	note := sentence(k.fieldAbout(f))
	if s := span(f); s != "" {
		note += " Accepts " + s
	}
	k.add(draft{kind: "edit", verb: v, object: object, e: e, op: e.Name + "." + f.Edit, writes: true,
		lead:  say("edit", "<v>: change the <f> of <an>", "Set the <f> of one <e>", "Give <an> a new value for <f>", "Replace <fa>", "Correct or change <fa> on <an>"),
		notes: []string{note, k.ruleNote(e, f.Edit)}, hint: say("edit/hint", "Read the value back to the "+k.d.User, "The old value is lost"),
		params:  []Param{k.idParam(e), p},
		body:    sub("r = get(\"<e>\", id)\n<o><x>return update(\"<e>\", id, {\"<f>\": <p>})", "<e>", e.Name, "<o>", old, "<x>", k.enforce(e, f.Edit, "id"), "<f>", f.Name, "<p>", p.Local),
		returns: Returns{Shape: "change", Entity: e.Name}, touches: one(e, f.Edit)})
	if k.offers("bulk_edit/"+e.Name+f.Name, 35) && f.Name != e.Label {
		q := k.fieldParam(e, f, RoleValue, true)
		k.add(draft{kind: "bulk", verb: k.verb("bulk") + "_" + v, object: object, e: e, op: e.Name + "." + f.Edit, writes: true,
			lead:  say("bulk_edit", "Write the same <f> into several <es>", "Change the <f> of many <es> in one call", "<v> for a list of <es>"),
			notes: []string{sentence(k.fieldAbout(f)) + " Ids that cannot be changed are listed in failed"}, params: []Param{k.idsParam(e, 1, 20, "The "+spaced(e.Plural)+" to change"), q},
			body: sub(`
done = []
failed = []
for i in ids:
    if not query("<e>", equal={"id": i}):
        failed.append({"id": i, "code": "not_found", "message": "there is no <n> with this id"})
        continue
    <x>update("<e>", i, {"<f>": <p>})
    done.append(i)
return {"done": done, "failed": failed}`, "<e>", e.Name, "<n>", spaced(e.Name), "<f>", f.Name, "<p>", q.Local, "<x>", indent(k.enforce(e, f.Edit, "i"))),
			returns: Returns{Shape: "change", Entity: e.Name, Items: "done"}, touches: many(e, f.Edit)})
	}
}

// indent puts what follows an enforcing line at its depth.
func indent(s string) string {
	if s == "" {
		return ""
	}
	return s + "    "
}

func many(e *domain.Entity, verb string) func(c *call) []Touch {
	return func(c *call) []Touch {
		var out []Touch
		for _, id := range c.texts("ids") {
			out = append(out, Touch{e.Name + "." + verb, e.Name, id})
		}
		return out
	}
}

// present lets only records be sampled in which the field has a value.
func present(f *domain.Field) func(*world.World, *world.Record) bool {
	return func(_ *world.World, r *world.Record) bool { return r.Get(f.Name) != nil }
}

func (k *maker) adjust(e *domain.Entity, f *domain.Field) {
	if !k.offers("adjust/"+e.Name+f.Name, 60) {
		return
	}
	say := k.editSay(e, f)
	step := Param{Name: k.style.param(k.choose("adjust/p", "delta", "change_by", "amount", "difference")), Local: "delta", Role: RoleExtra, Entity: e.Name, Field: f.Name, Type: f.Type,
		About: "What to add to the " + spaced(f.Name) + unit(f) + "; negative to take away", Required: true}
	lo, hi := *f.Min, *f.Max
	width := max(1, float64(int((hi-lo)/2)))
	step.Min, step.Max = num(-width), num(width)
	low := "0"
	if lo < 0 {
		low = trim(lo)
	}
	k.add(draft{kind: "adjust", verb: k.choose("adjust", "adjust", "change", "raise_or_lower", "shift"), object: e.Name, rest: f.Name + k.choose("adjust/by", "_by", ""), e: e, op: e.Name + "." + f.Edit, writes: true,
		lead:  say("adjust", "Raise or lower the <f> of <an> by an amount", "Add to or take from <fa>", "Change the <f><u> of <an> relative to what it is"),
		notes: []string{"The result must not fall below " + low, k.ruleNote(e, f.Edit)}, params: []Param{k.idParam(e), step},
		body: sub(`
r = get("<e>", id)
if r["<f>"] == None:
    fail("invalid_state", "the <fn> of %s is not known" % id)
<x>value = r["<f>"] + delta
if value < <low>:
    fail("limit", "the <fn> would fall to %s" % value)
return update("<e>", id, {"<f>": value})`, "<e>", e.Name, "<f>", f.Name, "<fn>", spaced(f.Name), "<low>", low, "<x>", k.enforce(e, f.Edit, "id")),
		returns: Returns{Shape: "change", Entity: e.Name}, touches: one(e, f.Edit), fits: present(f)})
}

func (k *maker) shift(e *domain.Entity, f *domain.Field) {
	if !k.offers("shift/"+e.Name+f.Name, 65) {
		return
	}
	say := k.editSay(e, f)
	days := Param{Name: k.style.param(k.choose("shift/p", "days", "by_days", "number_of_days")), Local: "days", Role: RoleExtra, Entity: e.Name, Field: f.Name, Type: domain.Int,
		About: "Days to move the " + spaced(f.Name) + "; negative for earlier", Min: num(-60), Max: num(60), Required: true}
	value := `add_days(r["<f>"], days)`
	if f.Type == domain.Datetime {
		value += ` + r["<f>"][10:]`
	}
	k.add(draft{kind: "shift", verb: k.choose("shift", "postpone", "shift", "move", "push_back"), object: e.Name, rest: f.Name + k.choose("shift/by", "_by_days", ""), e: e, op: e.Name + "." + f.Edit, writes: true,
		lead:  say("shift", "Move the <f> of <an> by some days", "Bring <fa> forward or put it off", "Reschedule <an> relative to its present <f>"),
		notes: []string{sentence(f.About), k.ruleNote(e, f.Edit)}, params: []Param{k.idParam(e), days},
		body: sub(sub(`
r = get("<e>", id)
if r["<f>"] == None:
    fail("invalid_state", "%s has no <fn>" % id)
<x>return update("<e>", id, {"<f>": `+value+`})`, "<x>", k.enforce(e, f.Edit, "id")), "<e>", e.Name, "<f>", f.Name, "<fn>", spaced(f.Name)),
		returns: Returns{Shape: "change", Entity: e.Name}, touches: one(e, f.Edit), fits: present(f)})
}

func (k *maker) appendText(e *domain.Entity, f *domain.Field) {
	if !k.offers("append/"+e.Name+f.Name, 50) {
		return
	}
	say := k.editSay(e, f)
	p := k.fieldParam(e, f, RoleValue, true)
	p.About = "Text to put behind what is there"
	k.add(draft{kind: "append", verb: k.choose("append", "append_to", "extend", "add_to"), object: e.Name, rest: f.Name, e: e, op: e.Name + "." + f.Edit, writes: true,
		lead:  say("append", "Add a sentence to the <f> of <an>", "Extend <fa> without losing what it says", "Put more text behind the <f> of <an>"),
		notes: []string{"For instance: " + sample(f)}, params: []Param{k.idParam(e), p},
		body: sub(`
r = get("<e>", id)
<x>text = <p> if r["<f>"] == None else r["<f>"] + "; " + <p>
if len(text) > 1000:
    fail("limit", "the <fn> would have more than 1000 characters")
return update("<e>", id, {"<f>": text})`, "<e>", e.Name, "<p>", p.Local, "<f>", f.Name, "<fn>", spaced(f.Name), "<x>", k.enforce(e, f.Edit, "id")),
		returns: Returns{Shape: "change", Entity: e.Name}, touches: one(e, f.Edit)})
}

// elements adds to and takes from lists.
func (k *maker) elements(e *domain.Entity, f *domain.Field) {
	say := k.editSay(e, f)
	item := Param{Name: k.style.param("item"), Local: "item", Role: RoleValue, Entity: e.Name, Field: f.Name, Type: domain.Text, About: "Element of the " + spaced(f.Name), Required: true}
	if f.Type == domain.Refs {
		item.Name, item.Role, item.Entity, item.Type = k.style.other(f.To), RoleID, f.To, domain.Ref
		item.About = "Id of the " + spaced(f.To)
	} else {
		item.Spec = &domain.Field{Name: f.Name, Type: domain.Text, Samples: f.Samples, About: f.About}
	}
	exists := ""
	if f.Type == domain.Refs {
		exists = sub("get(\"<t>\", item)\n", "<t>", f.To)
	}
	k.add(draft{kind: "add_item", verb: "add_to", object: e.Name, rest: f.Name, e: e, op: e.Name + "." + f.Edit, writes: true,
		lead: say("add_item", "Add one element to the <f> of <an>", "Put something on the list of <f>", "Extend <fa> by one"), notes: []string{"Fails with conflict when it is already there"},
		params: []Param{k.idParam(e), item},
		body: sub(`
r = get("<e>", id)
<x><t>list_ = r["<f>"] or []
if item in list_:
    fail("conflict", "%s is already there" % item)
return update("<e>", id, {"<f>": list_ + [item]})`, "<e>", e.Name, "<f>", f.Name, "<x>", k.enforce(e, f.Edit, "id"), "<t>", exists),
		returns: Returns{Shape: "change", Entity: e.Name}, touches: one(e, f.Edit)})
	k.add(draft{kind: "remove_item", verb: "remove_from", object: e.Name, rest: f.Name, e: e, op: e.Name + "." + f.Edit, writes: true,
		lead: say("remove_item", "Take one element off the <f> of <an>", "Strike something from the list of <f>", "Shorten <fa> by one"), notes: []string{"Fails with not_found when it is not there"},
		params: []Param{k.idParam(e), item},
		body: sub(`
r = get("<e>", id)
<x>list_ = r["<f>"] or []
if item not in list_:
    fail("not_found", "%s is not among the <fn>" % item)
return update("<e>", id, {"<f>": [i for i in list_ if i != item]})`, "<e>", e.Name, "<f>", f.Name, "<fn>", spaced(f.Name), "<x>", k.enforce(e, f.Edit, "id")),
		returns: Returns{Shape: "change", Entity: e.Name}, touches: one(e, f.Edit), fits: present(f)})
}

// moves are the tools for references that can be changed: move all records from one to another, swap two.
func (k *maker) moves(e *domain.Entity, f *domain.Field) {
	say := k.editSay(e, f)
	to := k.d.Entity(f.To)
	if k.offers("move_all/"+e.Name+f.Name, 60) {
		k.add(draft{kind: "move_all", verb: k.choose("move_all", "reassign", "transfer", "hand_over", "move_all"), object: e.Plural, rest: "between_" + f.Name + k.choose("move_all/s", "", "_records"), e: e, op: e.Name + "." + f.Edit, writes: true,
			lead:   say("move_all", "Move all <es> from one <f> to another", "Hand over the <es> of one <f>", "Transfer every <e> to a new <f>"),
			notes:  []string{"The list of moved " + spaced(e.Plural) + " comes back", k.ruleNote(e, f.Edit)},
			params: []Param{k.otherID(to, "from_"+f.Name, "source", "Where the "+spaced(e.Plural)+" are now"), k.otherID(to, "to_"+f.Name, "target", "Where they go")},
			body: sub(`
if source == target:
    fail("invalid_argument", "source and target are the same")
get("<t>", source)
get("<t>", target)
done = []
for r in query("<e>", equal={"<f>": source}):
    <x>update("<e>", r["id"], {"<f>": target})
    done.append(r["id"])
return {"done": done, "total": len(done)}`, "<e>", e.Name, "<t>", to.Name, "<f>", f.Name, "<x>", indent(k.enforce(e, f.Edit, `r["id"]`))),
			returns: Returns{Shape: "change", Entity: e.Name, Items: "done"},
			touches: func(c *call) []Touch {
				var out []Touch
				for _, r := range c.w.Records(e.Name) {
					if r.Get(f.Name) == c.text("source") {
						out = append(out, Touch{e.Name + "." + f.Edit, e.Name, r.ID})
					}
				}
				return out
			}})
	}
	if k.offers("swap/"+e.Name+f.Name, 45) {
		k.add(draft{kind: "swap", verb: k.choose("swap", "swap", "exchange", "switch"), object: f.Name, rest: "of_" + e.Plural, e: e, op: e.Name + "." + f.Edit, writes: true,
			lead:   say("swap", "Exchange the <f> of two <es>", "Let two <es> swap their <f>", "Cross over <fa> between two <es>"),
			notes:  []string{"Both keep everything else", k.ruleNote(e, f.Edit)},
			params: []Param{k.otherID(e, "first_"+e.Name, "first", "One "+spaced(e.Name)), k.otherID(e, "second_"+e.Name, "second", "The other "+spaced(e.Name))},
			body: sub(`
if first == second:
    fail("invalid_argument", "these are the same")
a = get("<e>", first)
b = get("<e>", second)
<x>update("<e>", first, {"<f>": b["<f>"]})
update("<e>", second, {"<f>": a["<f>"]})
return {"first": first, "second": second, "<f>": [b["<f>"], a["<f>"]]}`, "<e>", e.Name, "<f>", f.Name, "<x>", k.enforce(e, f.Edit, "first")+k.enforce(e, f.Edit, "second")),
			returns: Returns{Shape: "value", Entity: e.Name, Field: f.Name},
			touches: func(c *call) []Touch {
				return []Touch{{e.Name + "." + f.Edit, e.Name, c.text("first")}, {e.Name + "." + f.Edit, e.Name, c.text("second")}}
			}})
	}
}

func (k *maker) clear(e *domain.Entity, f *domain.Field) {
	say := k.editSay(e, f)
	k.add(draft{kind: "clear", verb: k.choose("clear", "clear", "unset", "erase", "reset"), object: e.Name, rest: f.Name, e: e, op: e.Name + "." + f.Edit, writes: true,
		lead:  say("clear", "Empty the <f> of <an>", "Take away the <f> of one <e>", "Forget <fa>"),
		notes: []string{"Fails with invalid_state when there is none", k.ruleNote(e, f.Edit)}, params: []Param{k.idParam(e)},
		body: sub(`
r = get("<e>", id)
if r["<f>"] == None:
    fail("invalid_state", "%s has no <fn>" % id)
<x>return update("<e>", id, {"<f>": None})`, "<e>", e.Name, "<f>", f.Name, "<fn>", spaced(f.Name), "<x>", k.enforce(e, f.Edit, "id")),
		returns: Returns{Shape: "change", Entity: e.Name}, touches: one(e, f.Edit), fits: present(f)})
}

// patch changes several fields in one call.
func (k *maker) patch(e *domain.Entity, fields []*domain.Field) {
	if len(fields) < 2 {
		return
	}
	n := spaced(e.Name)
	var inner []Param
	body := sub("r = get(\"<e>\", id)\nchanges = {}\n", "<e>", e.Name)
	var what []string
	for _, f := range fields {
		p := k.fieldParam(e, f, RoleValue, false)
		inner = append(inner, p)
		what = append(what, spaced(f.Name))
		body += sub("if <p> != None:\n", "<p>", p.Local)
		if x := k.enforce(e, f.Edit, "id"); x != "" {
			body += "    " + x
		}
		body += sub("    changes[\"<f>\"] = <p>\n", "<p>", p.Local, "<f>", f.Name)
	}
	inner, groups := k.nest(inner, k.choose("changes", "changes", "fields", "patch", "updates"), "Only what changes", true, true)
	k.add(draft{kind: "update", verb: k.verb("update"), object: e.Name, e: e, op: e.Name + ".update", writes: true,
		lead:  sub(k.choose("update/"+e.Name, "Change several fields of <an> at once", "Update <an>; fields that are left out stay", "Edit <an> in one go"), "<an>", article(n)),
		notes: []string{"Can change " + andList(what)}, params: append([]Param{k.idParam(e)}, inner...), groups: groups,
		body:    body + sub("if not changes:\n    fail(\"invalid_argument\", \"nothing to change\")\n<x>return update(\"<e>\", id, changes)", "<e>", e.Name, "<x>", k.enforce(e, "update", "id")),
		returns: Returns{Shape: "change", Entity: e.Name},
		touches: func(c *call) []Touch {
			out := []Touch{{e.Name + ".update", e.Name, c.text("id")}}
			for _, f := range slices.Clone(fields) {
				if c.args[local(f.Name)] != nil {
					out = append(out, Touch{e.Name + "." + f.Edit, e.Name, c.text("id")})
				}
			}
			return out
		}})
}
