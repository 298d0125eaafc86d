package tool

import (
	"muonclip/synth/domain"
	"muonclip/synth/world"
)

// lookups are the tools that find single records: by id, by several ids, by what identifies them, by a part of their
// name.
func (k *maker) lookups(e *domain.Entity) {
	n, ns := spaced(e.Name), spaced(e.Plural)
	say := func(purpose string, list ...string) string {
		return sub(k.choose(purpose+"/"+e.Name, list...), "<e>", n, "<es>", ns, "<a>", about(e), "<an>", article(n), "<s>", k.d.Service)
	}
	k.add(draft{kind: "get", verb: k.verb("get"), object: e.Name, e: e,
		lead:   say("get", "Get one <e> by its id", "Full details of <an>: <a>", "Read a single <e> record", "Look up <an> when its id is known", "Everything that <s> holds about one <e>"),
		notes:  []string{k.record(e), k.states(e)},
		hint:   say("get/hint", "Use it before changing <an>", "Call it when the <e> id is known; otherwise search first", "Prefer it to listing when you have the id"),
		params: []Param{k.idParam(e)}, body: sub(`return get("<e>", id)`, "<e>", e.Name), returns: Returns{Shape: "record", Entity: e.Name}})
	if k.offers("batch", 60) {
		k.add(draft{kind: "batch", verb: k.verb("get"), object: e.Plural, rest: k.choose("batch", "by_ids", "batch", "many"), e: e,
			lead:   say("batch", "Get several <es> at once", "Read up to ten <es> in one call", "Resolve a list of <e> ids to their records"),
			notes:  []string{"Ids that lead nowhere are listed in missing", k.record(e)},
			params: []Param{k.idsParam(e, 1, 10, "Ids of the "+ns)},
			body: sub(`
out = []
lost = []
for id in ids:
    rows = query("<e>", equal={"id": id})
    if rows:
        out.append(rows[0])
    else:
        lost.append(id)
return {"<i>": out, "total": len(out), "missing": lost}`, "<e>", e.Name, "<i>", k.items(e)), returns: k.list(e)})
	}
	if e.Label != "id" {
		k.search(e, say)
	}
	for _, f := range e.Fields {
		if f.Type != domain.Email && f.Type != domain.Phone && f.Type != domain.Code {
			continue
		}
		p := k.fieldParam(e, f, RoleFilter, true)
		p.About = k.fieldAbout(f) + ", as stored"
		k.add(draft{kind: "lookup", verb: k.verb("search"), object: e.Name, rest: "by_" + f.Name, e: e,
			lead: sub(say("lookup", "Find the <e> with a given <f>", "Look an <e> up by <f>", "Which <e> has this <f>?", "Match <an> by <fa>"),
				"<f>", spaced(f.Name), "<fa>", lower(f.About)),
			notes:  []string{"Compares the " + spaced(f.Name) + " exactly and fails with not_found without a match", k.record(e)},
			hint:   "Use it when the id of the " + n + " is not known",
			params: []Param{p},
			body: sub(`
rows = query("<e>", equal={"<f>": <p>})
if not rows:
    fail("not_found", "no <n> has the <fn> %s" % <p>)
return rows[0]`, "<e>", e.Name, "<f>", f.Name, "<p>", p.Local, "<n>", n, "<fn>", spaced(f.Name)),
			returns: Returns{Shape: "record", Entity: e.Name}})
	}
	k.verify(e)
}

func (k *maker) search(e *domain.Entity, say func(string, ...string) string) {
	l := e.Field(e.Label)
	q := Param{Name: k.style.param(k.choose("query", "query", "q", "text", e.Label, "search_term")), Local: "text", Role: RoleQuery, Entity: e.Name,
		Field: e.Label, Type: domain.Text, About: k.choose("query/about/"+e.Name, "Part of the "+spaced(e.Label), "Text to look for in the "+spaced(e.Label), spaced(e.Label)+" or part of it"), Required: true, Spec: l}
	params := []Param{q}
	equal := "{}"
	if k.offers("search/filter", 50) {
		var more []Param
		more, equal = k.filters(e, 2)
		for i := range more {
			if more[i].Name == q.Name {
				more, equal = nil, "{}"
				break
			}
		}
		params = append(params, more...)
	}
	k.add(draft{kind: "search", verb: k.verb("search"), object: e.Plural, e: e,
		lead: sub(say("search", "Search <es> by <l>", "Find <es> whose <l> contains a text", "Full-text search over the <l> of <es>", "Find out which <es> match a name that someone mentions"),
			"<l>", spaced(e.Label)),
		notes:  []string{"Letter case is ignored; several may match", k.record(e)},
		hint:   sub(say("search/hint", "Start here when only the <l> of <an> is known", "If more than one <e> matches, ask which is meant"), "<l>", spaced(e.Label)),
		params: params,
		body: sub(`rows = query("<e>", contains={"<f>": text}, equal=<q>)`+"\n"+k.whole(e),
			"<e>", e.Name, "<f>", e.Label, "<q>", equal), returns: k.list(e)})
	k.add(draft{kind: "search", verb: k.verb("get"), object: e.Name, rest: "by_" + e.Label, e: e,
		lead:  sub(say("byname", "Get the one <e> of this exact <l>", "Read <an> by <l> instead of id", "Resolve <an> <l> to its record"), "<l>", spaced(e.Label)),
		notes: []string{"Fails with conflict when several " + spaced(e.Plural) + " share the " + spaced(e.Label)},
		params: []Param{{Name: k.style.param(e.Label), Local: "text", Role: RoleFilter, Entity: e.Name, Field: e.Label, Type: domain.Text,
			About: k.fieldAbout(l), Required: true, Spec: l}},
		body: sub(`
rows = [r for r in query("<e>", contains={"<f>": text}) if r["<f>"].lower() == text.lower()]
if not rows:
    fail("not_found", "no <n> is called %s" % text)
if len(rows) > 1:
    fail("conflict", "%d <ns> are called %s: %s" % (len(rows), text, ", ".join([r["id"] for r in rows])))
return rows[0]`, "<e>", e.Name, "<f>", e.Label, "<ns>", spaced(e.Plural), "<n>", spaced(e.Name)),
		returns: Returns{Shape: "record", Entity: e.Name}})
}

// verify compares what a caller says with what is stored, without telling it.
func (k *maker) verify(e *domain.Entity) {
	var fields []*domain.Field
	person := false
	for _, f := range e.Fields {
		switch f.Type {
		case domain.Person, domain.Company:
			person = true
			fields = append(fields, f)
		case domain.Email, domain.Phone, domain.Code, domain.City, domain.Country:
			fields = append(fields, f)
		}
	}
	if !person || len(fields) < 2 {
		return
	}
	if len(fields) > 4 {
		fields = fields[:4]
	}
	params := []Param{k.idParam(e)}
	body := sub("r = get(\"<e>\", id)\nwrong = []\n", "<e>", e.Name)
	for i, f := range fields {
		p := k.fieldParam(e, f, RoleFilter, i == 0)
		p.Type, p.About = domain.Text, spaced(f.Name)+" as the caller states it"
		params = append(params, p)
		body += sub("if <p> != None and (r[\"<f>\"] == None or r[\"<f>\"].lower() != <p>.lower()):\n    wrong.append(\"<f>\")\n", "<p>", p.Local, "<f>", f.Name)
	}
	var named []string
	for _, f := range fields {
		named = append(named, spaced(f.Name))
	}
	n := spaced(e.Name)
	k.add(draft{kind: "verify", verb: k.choose("verify", "verify", "authenticate", "confirm_identity_of", "match"), object: e.Name, e: e,
		lead: k.choose("verify/lead/"+e.Name, "Check that a caller is who they say", "Compare stated details with the "+n+" on file",
			"Verify "+article(n)+" by "+orList(named)),
		notes:  []string{"Tells which of " + andList(named) + " do not match, never what is stored"},
		params: params, body: body + `return {"id": id, "matches": not wrong, "mismatches": wrong}`,
		returns: Returns{Shape: "value", Entity: e.Name, Field: "matches"}, fits: func(*world.World, *world.Record) bool { return true }})
}
