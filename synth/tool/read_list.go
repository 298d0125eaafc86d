package tool

import (
	"strings"

	"muonclip/synth/domain"
)

// lists are the tools that give several records: all with filters, by one choice, by the record that they belong to,
// by a text or a flag in them, by what they lack.
func (k *maker) lists(e *domain.Entity) {
	n, ns := spaced(e.Name), spaced(e.Plural)
	say := func(purpose string, list ...string) string {
		return sub(k.choose(purpose+"/"+e.Name, list...), "<e>", n, "<es>", ns, "<a>", about(e), "<an>", article(n), "<s>", k.d.Service)
	}
	filters, equal := k.filters(e, 4)
	filters, groups := k.nest(filters, "filter", "Conditions that the "+ns+" must meet", false, false)
	sorts, by := k.sorting(e)
	pages, tail := k.paging(e)
	var least, most string
	if f := firstOf(e, domain.Date, domain.Datetime); f != nil && k.offers("list/dates", 50) {
		from, until := k.bounds(e, f)
		if len(groups) > 0 {
			from.Group, until.Group = groups[0].name, groups[0].name
		}
		filters = append(filters, from, until)
		least, most = sub(`, least={"<f>": <a>}`, "<f>", f.Name, "<a>", from.Local), sub(`, most={"<f>": <a>}`, "<f>", f.Name, "<a>", until.Local)
	}
	params := append(append(filters, sorts...), pages...)
	k.add(draft{kind: "list", verb: k.verb("list"), object: e.Plural, e: e,
		lead:  say("list", "List <es>, filtered and sorted", "Page through all <es>", "Browse the <es> of <s>", "All <es> that meet the given conditions", "Query <es>; every filter is optional"),
		notes: []string{k.record(e), k.states(e)},
		hint:  say("list/hint", "Narrow the list with filters instead of reading every page", "total tells how many <es> match in all"), params: params, groups: groups,
		body:    sub(`rows = query("<e>", equal=<q><l><m><s>)`, "<e>", e.Name, "<q>", equal, "<l>", least, "<m>", most, "<s>", by) + "\n" + tail,
		returns: Returns{Shape: "page", Entity: e.Name, Items: k.items(e)}})
	for _, f := range e.Fields {
		switch f.Type {
		case domain.Enum:
			k.listBy(e, f, say)
			k.choices(e, f)
		case domain.Ref:
			k.listOf(e, f, say)
		case domain.Text:
			k.searchText(e, f)
		case domain.Bool:
			k.flagged(e, f)
		case domain.List, domain.Refs:
			k.holding(e, f)
		case domain.City, domain.Country, domain.Company, domain.Person:
			if f.Name != e.Label {
				k.listBy(e, f, say)
			}
		}
	}
	k.incomplete(e)
}

func firstOf(e *domain.Entity, types ...domain.Type) *domain.Field {
	for _, f := range e.Fields {
		for _, t := range types {
			if f.Type == t {
				return f
			}
		}
	}
	return nil
}

func (k *maker) listBy(e *domain.Entity, f *domain.Field, say func(string, ...string) string) {
	p := k.fieldParam(e, f, RoleFilter, true)
	p.About = k.fieldAbout(f)
	params := []Param{p}
	equal := sub(`{"<f>": <p>}`, "<f>", f.Name, "<p>", p.Local)
	test := "contains="
	if f.Type == domain.Enum {
		test = "equal="
		more, eq := k.filters(e, 1, f.Name)
		if len(more) > 0 && k.offers("list_by/"+f.Name, 60) {
			params = append(params, more...)
			equal = eq[:len(eq)-1] + ", " + equal[1:]
		}
	}
	k.add(draft{kind: "list_by", verb: k.verb("list"), object: e.Plural, rest: "by_" + f.Name, e: e,
		lead: sub(say("list_by/"+f.Name, "List <es> by <f>", "The <es> whose <f> is the one asked for", "All <es> of a given <f>", "Which <es> have this <f>?", "Select <es> on <fa>"),
			"<f>", spaced(f.Name), "<fa>", lower(f.About)),
		notes:  []string{sub(k.choose("list_by/note/"+e.Name+f.Name, "<F> means: <fa>", "<fa> decides", "By <fa>"), "<F>", spaced(f.Name), "<fa>", lower(f.About)), k.record(e)},
		params: params,
		body:   sub(`rows = query("<e>", <t><q>)`, "<e>", e.Name, "<t>", test, "<q>", equal) + "\n" + k.whole(e), returns: k.list(e)})
}

// choices lists the values of a choice with the number of records that have each.
func (k *maker) choices(e *domain.Entity, f *domain.Field) {
	if !k.offers("values", 55) {
		return
	}
	var quoted string
	for i, v := range f.Values {
		if i > 0 {
			quoted += ", "
		}
		quoted += starText(v)
	}
	k.add(draft{kind: "values", verb: k.verb("list"), object: e.Name, rest: f.Name + "_" + k.choose("values/word", "values", "options", "choices"), e: e,
		lead: sub(k.choose("values/"+e.Name+f.Name, "Possible values of <f> for <es>", "Which <f> can <an> have?", "The choices for the <f> of <an>", "Catalogue of <f> used for <es>"),
			"<f>", spaced(f.Name), "<es>", spaced(e.Plural), "<an>", article(spaced(e.Name))),
		notes: []string{sentence(f.About) + " With the number of " + spaced(e.Plural) + " that have each value"},
		body: sub(`
out = []
for v in [<v>]:
    out.append({"<f>": v, "count": len(query("<e>", equal={"<f>": v}))})
return {"groups": out}`, "<v>", quoted, "<f>", f.Name, "<e>", e.Name), returns: Returns{Shape: "groups", Entity: e.Name, Field: f.Name, Items: "groups"}})
}

func (k *maker) listOf(e *domain.Entity, f *domain.Field, say func(string, ...string) string) {
	to := k.d.Entity(f.To)
	p := k.fieldParam(e, f, RoleID, true)
	p.Entity, p.About = to.Name, k.choose("list_of/p/"+e.Name+f.Name, "Id of the "+spaced(to.Name), "The "+spaced(f.Name), "Whose "+spaced(e.Plural)+" are wanted")
	params := []Param{p}
	equal := sub(`{"<f>": <p>}`, "<f>", f.Name, "<p>", p.Local)
	if e.State != "" {
		s := k.fieldParam(e, e.Field(e.State), RoleFilter, false)
		params = append(params, s)
		equal = sub(`{"<f>": <p>, "<s>": <v>}`, "<f>", f.Name, "<p>", p.Local, "<s>", e.State, "<v>", s.Local)
	}
	rest := "of_" + f.Name
	if k.offers("list_of/for", 40) {
		rest = "for_" + f.Name
	}
	k.add(draft{kind: "list_of", verb: k.verb("list"), object: e.Plural, rest: rest, e: e,
		lead: sub(say("list_of/"+f.Name, "List the <es> of one <t>", "All <es> that belong to <at>", "<es> where the <f> is a given <t>", "What <es> does this <t> have?"),
			"<t>", spaced(to.Name), "<at>", article(spaced(to.Name)), "<f>", spaced(f.Name)),
		notes:  []string{sub("The link is the <f>: <fa>", "<f>", spaced(f.Name), "<fa>", lower(f.About)), k.record(e)},
		hint:   "Fails with not_found when there is no such " + spaced(to.Name),
		params: params,
		body: sub("get(\"<t>\", <p>)\nrows = query(\"<e>\", equal=<q>)\n", "<t>", to.Name, "<p>", p.Local, "<e>", e.Name, "<q>", equal) +
			k.whole(e), returns: k.list(e)})
	if to.Label != "id" && to != e && k.offers("by_name", 55) {
		l := to.Field(to.Label)
		k.add(draft{kind: "list_of", verb: k.verb("search"), object: e.Plural, rest: "by_" + f.Name + "_" + to.Label, e: e,
			lead: sub(say("by_name/"+f.Name, "Find <es> by the <l> of the <f>", "<es> whose <f> is called so", "Search <es> through the <l> of their <f>"),
				"<l>", spaced(to.Label), "<f>", spaced(f.Name)),
			notes: []string{"Part of the " + spaced(to.Label) + " is enough; the matching " + spaced(to.Plural) + " are listed too"},
			params: []Param{{Name: k.style.param(f.Name + "_" + to.Label), Local: "text", Role: RoleQuery, Entity: to.Name, Field: to.Label, Type: domain.Text,
				About: ofWhat(l.About, spaced(f.Name)), Required: true, Spec: l}},
			body: sub(`
owners = query("<t>", contains={"<l>": text})
rows = []
for o in owners:
    rows += query("<e>", equal={"<f>": o["id"]})
return {"<i>": rows, "total": len(rows), "matched": [{"id": o["id"], "<l>": o["<l>"]} for o in owners]}`,
				"<t>", to.Name, "<l>", to.Label, "<e>", e.Name, "<f>", f.Name, "<i>", k.items(e)), returns: k.list(e)})
	}
}

// ofWhat says of what a field is, unless its description does.
func ofWhat(about, what string) string {
	about = strings.TrimSuffix(sentence(about), ".")
	if strings.Contains(strings.ToLower(about), what) {
		return about + " or a part of it"
	}
	return about + " of the " + what
}

func (k *maker) searchText(e *domain.Entity, f *domain.Field) {
	if f.Name == e.Label || !k.offers("search_text", 80) {
		return
	}
	k.add(draft{kind: "search", verb: k.verb("search"), object: e.Plural, rest: "by_" + f.Name, e: e,
		lead: sub(k.choose("text/"+e.Name+f.Name, "Search the <f> of <es>", "Find <es> whose <f> mentions a word", "Look for a phrase in <fa>", "<es> with certain words in their <f>"),
			"<f>", spaced(f.Name), "<es>", spaced(e.Plural), "<fa>", lower(f.About)),
		notes: []string{"Typical text: " + sample(f), k.record(e)},
		params: []Param{{Name: k.choose("words", "query", "words", "phrase", "keyword"), Local: "text", Role: RoleQuery, Entity: e.Name, Field: f.Name, Type: domain.Text,
			About: "Word or phrase in " + lower(f.About), Required: true, Spec: f}},
		body: sub(`rows = query("<e>", contains={"<f>": text})`, "<e>", e.Name, "<f>", f.Name) + "\n" + k.whole(e), returns: k.list(e)})
}

func sample(f *domain.Field) string {
	if len(f.Samples) == 0 {
		return lower(f.About)
	}
	return f.Samples[len(f.Name)%len(f.Samples)]
}

func (k *maker) flagged(e *domain.Entity, f *domain.Field) {
	p := k.fieldParam(e, f, RoleFilter, false)
	p.Default, p.About = true, lower(f.About)+"; false for the others"
	k.add(draft{kind: "list_by", verb: k.verb("list"), object: e.Plural, rest: k.choose("flag/word", "by_", "with_", "where_") + f.Name, e: e,
		lead: sub(k.choose("flag/"+e.Name+f.Name, "List <es> by whether they are <f>", "The <es> for which this holds: <fa>", "<es>, split on <f>"),
			"<f>", spaced(f.Name), "<es>", spaced(e.Plural), "<fa>", lower(f.About)),
		notes: []string{k.record(e)}, params: []Param{p},
		body: sub(`rows = query("<e>", equal={"<f>": <p>})`, "<e>", e.Name, "<f>", f.Name, "<p>", p.Local) + "\n" + k.whole(e), returns: k.list(e)})
}

// holding lists the records whose list has an element.
func (k *maker) holding(e *domain.Entity, f *domain.Field) {
	p := k.fieldParam(e, f, RoleFilter, true)
	p.Name, p.Type, p.About, p.Default = k.style.param("containing"), domain.Text, "Element that the "+spaced(f.Name)+" must contain", nil
	if f.Type == domain.Refs {
		p.Role, p.Entity, p.Type, p.Name = RoleID, f.To, domain.Ref, k.style.other(f.To)
		p.Spec = nil
		p.About = "Id of the " + spaced(f.To) + " to look for"
	}
	k.add(draft{kind: "list_by", verb: k.verb("list"), object: e.Plural, rest: "with_" + f.Name, e: e,
		lead: sub(k.choose("holding/"+e.Name+f.Name, "List <es> whose <f> include something", "Which <es> have this among their <f>?", "<es> by an element of <fa>"),
			"<f>", spaced(f.Name), "<es>", spaced(e.Plural), "<fa>", lower(f.About)),
		notes: []string{sentence(f.About), k.record(e)}, params: []Param{p},
		body: sub(`rows = query("<e>", equal={"<f>": <p>})`, "<e>", e.Name, "<f>", f.Name, "<p>", p.Local) + "\n" + k.whole(e), returns: k.list(e)})
}

// incomplete lists the records that lack an optional field.
func (k *maker) incomplete(e *domain.Entity) {
	var optional []string
	for _, f := range e.Fields {
		if f.Optional {
			optional = append(optional, f.Name)
		}
	}
	if len(optional) == 0 || !k.offers("without", 75) {
		return
	}
	if len(optional) == 1 {
		f := e.Field(optional[0])
		k.add(draft{kind: "without", verb: k.verb("list"), object: e.Plural, rest: "without_" + f.Name, e: e,
			lead:  "List " + spaced(e.Plural) + " that have no " + spaced(f.Name),
			notes: []string{spaced(f.Name) + ": " + lower(f.About), k.record(e)},
			body:  sub(`rows = [r for r in query("<e>") if r["<f>"] == None]`, "<e>", e.Name, "<f>", f.Name) + "\n" + k.whole(e), returns: k.list(e)})
		return
	}
	k.add(draft{kind: "without", verb: k.verb("list"), object: k.choose("incomplete", "incomplete", "unfinished", "partial") + "_" + e.Plural, e: e,
		lead:  sub(k.choose("incomplete/"+e.Name, "<es> in which something is still missing", "Find <es> with an empty field", "List <es> that lack a piece of data"), "<es>", spaced(e.Plural)),
		notes: []string{"May be empty: " + orList(spacedAll(optional))},
		params: []Param{{Name: k.style.param("missing"), Local: "field", Role: RoleExtra, Entity: e.Name, Type: domain.Enum, Values: optional,
			About: "Field that must be empty", Required: true}},
		body: sub(`rows = [r for r in query("<e>") if r[field] == None]`, "<e>", e.Name) + "\n" + k.whole(e), returns: k.list(e)})
}
