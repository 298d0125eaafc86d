package tool

import "muonclip/synth/domain"

// relations are the tools that follow references: to the record that a field points at, back to those that point
// here, to those at which nothing points, to what is free on a day.
func (k *maker) relations(e *domain.Entity) {
	n, ns := spaced(e.Name), spaced(e.Plural)
	for _, f := range e.Fields {
		if f.Type != domain.Ref || !k.offers("related/"+e.Name+f.Name, 75) {
			continue
		}
		to := k.d.Entity(f.To)
		lead := []string{"The <t> that is the <f> of <an>", "Follow the <f> of <an> to its record", "Who or what is the <f> of this <e>?", "Get the <f> behind <an>"}
		if f.Name == to.Name {
			lead[0], lead[2] = "The <t> to which <an> belongs", "Which <t> is behind this <e>?"
		}
		k.add(draft{kind: "related", verb: k.verb("related"), object: f.Name, rest: "of_" + e.Name, e: e,
			lead: sub(k.choose("related/"+e.Name+f.Name, lead...),
				"<t>", spaced(to.Name), "<an>", article(n), "<e>", n, "<f>", spaced(f.Name)),
			notes:  []string{sentence(f.About), k.record(to)},
			params: []Param{k.idParam(e)},
			body: sub(`
r = get("<e>", id)
if r["<f>"] == None:
    fail("not_found", "%s has no <fn>" % id)
return get("<t>", r["<f>"])`, "<e>", e.Name, "<f>", f.Name, "<fn>", spaced(f.Name), "<t>", to.Name), returns: Returns{Shape: "record", Entity: to.Name}})
	}
	for _, ref := range k.d.Referrers(e.Name) {
		if ref.Entity == e {
			continue
		}
		o, f := ref.Entity, ref.Field
		on, ons := spaced(o.Name), spaced(o.Plural)
		each := `[r["<f>"]]` // the ids to which r refers
		if f.Type == domain.Refs {
			each = `(r["<f>"] or [])`
		}
		as := ""
		if f.Name != e.Name {
			as = "_as_" + f.Name
		}
		fill := func(purpose string, list ...string) string {
			return sub(k.choose(purpose+"/"+e.Name+o.Name+f.Name, list...), "<e>", n, "<es>", ns, "<o>", on, "<os>", ons, "<f>", spaced(f.Name), "<an>", article(n), "<ao>", article(on))
		}
		if k.offers("having/"+e.Name+o.Name, 55) {
			var params []Param
			equal := `{"<f>": r["id"]}`
			if o.State != "" {
				s := k.fieldParam(o, o.Field(o.State), RoleFilter, false)
				s.About = "Only count " + ons + " with this " + spaced(o.State)
				params, equal = []Param{s}, `{"<f>": r["id"], "`+o.State+`": `+s.Local+`}`
			}
			k.add(draft{kind: "list_of", verb: k.verb("list"), object: e.Plural, rest: "with_" + o.Plural + as, e: e,
				lead:  fill("having", "List <es> that have at least one <o>", "<es> to which <os> belong, with their number", "Which <es> have <os>?"),
				notes: []string{"Linked by the " + spaced(f.Name) + " of each " + on + ": " + lower(f.About)}, params: params,
				body: sub(`
out = []
for r in query("<e>"):
    n = len(query("<o>", equal=`+equal+`))
    if n > 0:
        out.append({"<e>": r["id"], "<l>": r["<l>"], "<os>": n})
return {"<i>": out, "total": len(out)}`, "<e>", e.Name, "<os>", o.Plural, "<o>", o.Name, "<f>", f.Name, "<l>", e.Label, "<i>", k.items(e)),
				returns: Returns{Shape: "groups", Entity: e.Name, Field: e.Name, Items: k.items(e)}})
		}
		if k.offers("unused/"+e.Name+o.Name, 50) {
			k.add(draft{kind: "without", verb: k.verb("list"), object: e.Plural, rest: "without_" + o.Plural + as, e: e,
				lead:  fill("unused", "List <es> without any <o>", "<es> that no <o> refers to", "Which <es> have no <os> yet?", "Idle <es>: nothing among the <os> points to them"),
				notes: []string{sentence(e.About), k.record(e)},
				body: sub(`
used = [i for r in query("<o>") for i in <each>]
rows = [r for r in query("<e>") if r["id"] not in used]
`, "<each>", sub(each, "<f>", f.Name), "<o>", o.Name, "<e>", e.Name) + k.whole(e), returns: k.list(e)})
		}
		if k.offers("per/"+e.Name+o.Name, 50) {
			k.add(draft{kind: "count", verb: k.verb("count"), object: o.Plural, rest: "per_" + f.Name, e: o,
				lead:  fill("per", "Number of <os> of each <e>", "How many <os> has every <e>?", "Count <os> by <f>, most first"),
				notes: []string{sentence(f.About)},
				body: sub(`
counts = {}
for r in query("<o>"):
    for i in <each>:
        if i != None:
            counts[i] = counts.get(i, 0) + 1
out = [{"<f>": i, "name": label("<e>", i), "count": counts[i]} for i in counts]
return {"groups": sorted(out, key=lambda g: (-g["count"], g["<f>"]))}`, "<each>", sub(each, "<f>", f.Name), "<o>", o.Name, "<f>", f.Name, "<e>", e.Name),
				returns: Returns{Shape: "groups", Entity: o.Name, Field: f.Name, Items: "groups"}})
		}
		k.free(e, o, f, as, fill)
	}
}

// free tells on which day a record is not taken by a dated record that refers to it.
func (k *maker) free(e, o *domain.Entity, f *domain.Field, as string, fill func(string, ...string) string) {
	day := firstOf(o, domain.Date, domain.Datetime)
	if day == nil || f.Type != domain.Ref || !k.offers("available", 70) {
		return
	}
	if day.Until == nil || *day.Until < 1 {
		return // the dates lie in the past: nothing is booked by them
	}
	p := Param{Name: k.style.param(k.choose("free/day", "date", "day", "on_date")), Local: "day", Role: RoleFilter, Entity: o.Name, Field: day.Name, Type: domain.Date,
		About: "Day in question", Required: true, Spec: day}
	test := sub(`query("<o>", least={"<d>": day}, most={"<d>": day})`, "<o>", o.Name, "<d>", day.Name)
	open := ""
	if list := openStates(o); len(list) > 0 {
		open = sub(` and r["<s>"] in [<l>]`, "<s>", o.State, "<l>", quoted(list))
	}
	k.add(draft{kind: "available", verb: k.verb("list"), object: k.choose("free", "available", "free", "unbooked", "open") + "_" + e.Plural, rest: "without_" + o.Plural + as + "_on_day", e: e,
		lead:  fill("free", "<es> that no <o> takes on a day", "Find <an> that is free of <os> on a date", "Availability of <es>: no <o> on that day"),
		notes: []string{"The day is compared with the " + spaced(day.Name) + " of each " + spaced(o.Name)}, params: []Param{p},
		body: sub(`
taken = [r["<f>"] for r in `+test+` if True`+open+`]
rows = [r for r in query("<e>") if r["id"] not in taken]
`, "<f>", f.Name, "<e>", e.Name) + k.whole(e), returns: k.list(e)})
	k.add(draft{kind: "available", verb: k.choose("is_free", "is_available", "check_availability_of", "is_free"), object: e.Name, rest: "for_" + o.Name + as, e: e,
		lead:  fill("is_free", "Tell whether <an> is free for <ao> on a day", "Is there already <ao> for this <e> on the day?", "Check one <e> for <os> on a date"),
		notes: []string{"Lists the " + spaced(o.Plural) + " that stand in the way; " + spaced(f.Name) + ": " + lower(f.About)}, params: []Param{k.idParam(e), p},
		body: sub(`
get("<e>", id)
taken = [r["id"] for r in `+test+` if r["<f>"] == id`+open+`]
return {"id": id, "day": day, "available": not taken, "<os>": taken}`, "<e>", e.Name, "<f>", f.Name, "<os>", o.Plural),
		returns: Returns{Shape: "value", Entity: e.Name, Field: "available"}})
}

// checks are the tools that tell beforehand whether an operation is possible.
func (k *maker) checks(e *domain.Entity) {
	n := spaced(e.Name)
	ask := func(verb, state string, about string, fails string) {
		v, object := verbName(verb, e.Name)
		test := ""
		if state != "" {
			test = sub("if r[\"<s>\"] not in [<from>]:\n    reasons = [\"<sn> is %s\" % r[\"<s>\"]] + reasons\n", "<s>", e.State, "<from>", state, "<sn>", spaced(e.State))
		}
		k.add(draft{kind: "can", asks: e.Name + "." + verb, verb: k.choose("can", "can", "may", "check_can", "eligible_to") + "_" + v, object: object, e: e,
			lead: sub(k.choose("can/"+e.Name+verb, "Check whether this is possible: <a>", "Tell whether the step '<v>' is open to <an>", "Would '<v>' be accepted for this <e>? <A>", "Eligibility of <an> for '<v>'"),
				"<a>", lower(about), "<A>", sentence(about), "<an>", article(n), "<e>", n, "<v>", spaced(verb)),
			notes: []string{"Looks at " + fails + " and changes nothing"}, hint: "Ask before you promise it to the " + k.d.User, params: []Param{k.idParam(e)},
			body: sub("r = get(\"<e>\", id)\nreasons = allowed(\"<e>\", id, \"<v>\")\n", "<e>", e.Name, "<v>", verb) + test +
				"return {\"id\": id, \"allowed\": not reasons, \"reasons\": reasons}",
			returns: Returns{Shape: "verdict", Entity: e.Name, Field: "allowed"}})
	}
	for _, t := range e.Transitions {
		if k.offers("can", 85) {
			ask(t.Verb, quoted(t.From), t.About, "the "+spaced(e.State)+" and the rules of the house")
		}
	}
	for _, f := range e.Fields {
		for _, r := range k.d.Rules {
			if f.Edit != "" && r.Entity() == e.Name && r.Verb() == f.Edit {
				ask(f.Edit, "", "change the "+lower(f.About), "the rules of the house")
				break
			}
		}
	}
}
