package tool

import (
	"slices"
	"strings"

	"muonclip/synth/domain"
)

// values are the tools that read one thing of a record.
func (k *maker) values(e *domain.Entity) {
	n := spaced(e.Name)
	if e.State != "" {
		k.add(draft{kind: "status", verb: k.verb("get"), object: e.Name, rest: e.State, e: e,
			lead: sub(k.choose("status/"+e.Name, "Tell the <s> of <an>", "Where does this <e> stand?", "Current <s> of one <e>", "Read only the <s> of <an>"),
				"<s>", spaced(e.State), "<an>", article(n), "<e>", n),
			notes: []string{k.states(e)}, params: []Param{k.idParam(e)},
			body:    sub("r = get(\"<e>\", id)\nreturn {\"id\": id, \"<s>\": r[\"<s>\"]}", "<e>", e.Name, "<s>", e.State),
			returns: Returns{Shape: "value", Entity: e.Name, Field: e.State}})
		k.options(e)
	}
	for _, f := range e.Fields {
		if f.Name == e.State || f.Name == e.Label {
			continue
		}
		percent := 0
		switch f.Type {
		case domain.Object, domain.Text, domain.List:
			percent = 65
		case domain.Money:
			percent = 60
		case domain.Email, domain.Phone, domain.Address, domain.URL, domain.Person:
			percent = 35
		case domain.Date, domain.Datetime, domain.Float, domain.Int:
			percent = 18
		}
		if !k.offers("value/"+e.Name+f.Name, percent) {
			continue
		}
		k.add(draft{kind: "value", verb: k.verb("get"), object: e.Name, rest: f.Name, e: e,
			lead: sub(k.choose("value/"+e.Name+f.Name, "Read the <f> of <an>", "<F> of one <e>: <fa>", "Only the <f> of <an>, without the rest", "What is the <f> of this <e>?"),
				"<f>", spaced(f.Name), "<F>", spaced(f.Name), "<an>", article(n), "<e>", n, "<fa>", lower(f.About)),
			notes:  []string{sentence(k.fieldAbout(f)) + optionalNote(f)},
			params: []Param{k.idParam(e)},
			body: sub(`
r = get("<e>", id)
return {"id": id, "<f>": r["<f>"]}`, "<e>", e.Name, "<f>", f.Name), returns: Returns{Shape: "value", Entity: e.Name, Field: f.Name}})
	}
}

func optionalNote(f *domain.Field) string {
	if f.Optional {
		return " Null when none is known"
	}
	return ""
}

// options lists what can be done with a record in its present state.
func (k *maker) options(e *domain.Entity) {
	if !k.offers("options", 70) {
		return
	}
	n := spaced(e.Name)
	var b strings.Builder
	for _, t := range e.Transitions {
		b.WriteString(sub("if r[\"<s>\"] in [<from>]:\n    out.append({\"operation\": \"<v>\", \"leads_to\": \"<to>\", \"forbidden_by\": allowed(\"<e>\", id, \"<v>\")})\n",
			"<s>", e.State, "<from>", quoted(t.From), "<v>", t.Verb, "<to>", t.To, "<e>", e.Name))
	}
	var verbs []string
	for _, t := range e.Transitions {
		verbs = append(verbs, spaced(t.Verb))
	}
	k.add(draft{kind: "options", verb: k.verb("list"), object: e.Name, rest: k.choose("options", "options", "next_steps", "allowed_operations", "transitions"), e: e,
		lead: sub(k.choose("options/"+e.Name, "What can be done with <an> now", "Next steps that are open to <an>", "Which operations does the <s> of <an> permit?"),
			"<an>", article(n), "<s>", spaced(e.State)),
		notes: []string{"Looks at " + orList(verbs) + ", with the rules of the house that stand against each"}, params: []Param{k.idParam(e)},
		body:    sub("r = get(\"<e>\", id)\nout = []\n", "<e>", e.Name) + b.String() + sub("return {\"id\": id, \"<s>\": r[\"<s>\"], \"options\": out}", "<s>", e.State),
		returns: Returns{Shape: "value", Entity: e.Name, Field: "options", Items: "options"}})
}

// reports are counts, sums and other figures over all records, and whole-record reports.
func (k *maker) reports(e *domain.Entity) {
	n, ns := spaced(e.Name), spaced(e.Plural)
	fill := func(purpose string, list ...string) string {
		return sub(k.choose(purpose+"/"+e.Name, list...), "<es>", ns, "<e>", n, "<an>", article(n), "<a>", about(e))
	}
	filters, equal := k.filters(e, 3)
	k.add(draft{kind: "count", verb: k.verb("count"), object: e.Plural, e: e,
		lead:  fill("count", "Count <es> that meet the conditions", "How many <es> are there?", "Number of <es>, optionally of one sort", "Size of the stock of <es>"),
		notes: []string{sentence(e.About)}, params: filters,
		body: sub(`return {"count": len(query("<e>", equal=<q>))}`, "<e>", e.Name, "<q>", equal), returns: Returns{Shape: "value", Entity: e.Name, Field: "count"}})
	for _, f := range e.Fields {
		switch {
		case f.Type == domain.Enum && k.offers("groups/"+e.Name+f.Name, 70):
			k.groups(e, f)
		case f.Type.Numeric() && (f.Type == domain.Money || k.offers("sums/"+e.Name+f.Name, 45)):
			k.sums(e, f)
		}
	}
	if k.offers("compare", 80) {
		var names []string
		for _, f := range e.Fields {
			names = append(names, f.Name)
		}
		k.add(draft{kind: "compare", verb: k.verb("compare"), object: e.Plural, e: e,
			lead:   fill("compare", "Put two to four <es> side by side", "Compare <es> field by field", "Show in what <es> differ"),
			notes:  []string{"Only fields with different values are listed, such as " + orList(spacedAll(names[:min(3, len(names))]))},
			params: []Param{k.idsParam(e, 2, 4, "The "+ns+" to compare")},
			body: sub(`
rows = [get("<e>", i) for i in ids]
out = []
for f in [<f>]:
    values = [r[f] for r in rows]
    if len([v for v in values if v != values[0]]) > 0:
        out.append({"field": f, "values": values})
return {"ids": ids, "differences": out}`, "<e>", e.Name, "<f>", quoted(names)), returns: Returns{Shape: "value", Entity: e.Name, Field: "differences"}})
	}
	if k.offers("export", 65) {
		k.export(e, fill)
	}
	k.summary(e, fill)
}

func (k *maker) groups(e *domain.Entity, f *domain.Field) {
	ns := spaced(e.Plural)
	k.add(draft{kind: "breakdown", verb: k.verb("groups"), object: e.Plural, rest: "by_" + f.Name, e: e,
		lead:  sub(k.choose("groups/"+e.Name+f.Name, "Count <es> for each <f>", "How are <es> spread over <f>?", "Breakdown of <es> by <f>", "Share of each <f> among <es>"), "<es>", ns, "<f>", spaced(f.Name)),
		notes: []string{sentence(f.About) + " Values: " + strings.Join(spacedAll(f.Values), ", ")},
		body: sub(`
counts = {}
for r in query("<e>"):
    counts[r["<f>"]] = counts.get(r["<f>"], 0) + 1
return {"groups": [{"<f>": v, "count": counts[v]} for v in [<v>] if v in counts], "total": sum([counts[v] for v in counts])}`,
			"<e>", e.Name, "<f>", f.Name, "<v>", quoted(f.Values)), returns: Returns{Shape: "groups", Entity: e.Name, Field: f.Name, Items: "groups"}})
}

// sums are figures over a numeric field.
func (k *maker) sums(e *domain.Entity, f *domain.Field) {
	ns := spaced(e.Plural)
	fill := func(purpose string, list ...string) string {
		return sub(k.choose(purpose+"/"+e.Name+f.Name, list...), "<es>", ns, "<f>", spaced(f.Name), "<u>", unit(f), "<fa>", lower(f.About))
	}
	filters, equal := k.filters(e, 2)
	digits := "2"
	if f.Type.Whole() {
		digits = "0"
	}
	additive := f.Type == domain.Money || f.Type == domain.Minutes || f.Type == domain.Int
	if additive {
		k.add(draft{kind: "total", verb: k.verb("total"), object: f.Name, rest: "of_" + e.Plural, e: e,
			lead:  fill("total", "Add up the <f><u> of <es>", "Total <f> over <es>", "Sum of <fa>"),
			notes: []string{"Without conditions all " + ns + " count", sentence(f.About)}, params: filters,
			body: sub(`
rows = [r["<f>"] for r in query("<e>", equal=<q>) if r["<f>"] != None]
return {"total_<f>": round(sum(rows), <d>), "count": len(rows)}`, "<e>", e.Name, "<f>", f.Name, "<q>", equal, "<d>", digits),
			returns: Returns{Shape: "value", Entity: e.Name, Field: "total_" + f.Name}})
	}
	if by := groupField(e); by != nil && additive && k.offers("total_by", 60) {
		k.add(draft{kind: "total", verb: k.verb("total"), object: f.Name, rest: "by_" + by.Name + "_of_" + e.Plural, e: e,
			lead:  fill("total_by", "Total <f> of <es> for each "+spaced(by.Name), "Which "+spaced(by.Name)+" accounts for how much <f>?", "<f><u> of <es> per "+spaced(by.Name)),
			notes: []string{"Largest first; " + lower(f.About)},
			body: sub(`
totals = {}
for r in query("<e>"):
    if r["<b>"] != None and r["<f>"] != None:
        totals[r["<b>"]] = totals.get(r["<b>"], 0) + r["<f>"]
out = [{"<b>": b, "total_<f>": round(totals[b], <d>)} for b in totals]
return {"groups": sorted(out, key=lambda g: -g["total_<f>"])}`, "<e>", e.Name, "<f>", f.Name, "<b>", by.Name, "<d>", digits),
			returns: Returns{Shape: "groups", Entity: e.Name, Field: by.Name, Items: "groups"}})
	}
	if k.offers("stats/"+e.Name+f.Name, 50) {
		more, eq := k.filters(e, 1)
		k.add(draft{kind: "total", verb: k.verb("stats"), object: f.Name, rest: "for_" + e.Plural, e: e,
			lead:  fill("stats", "Smallest, largest and mean <f><u> of <es>", "Statistics of <fa>", "How does the <f> of <es> vary?"),
			notes: []string{"Usual values run from " + span(f)}, params: more,
			body: sub(`
values = [r["<f>"] for r in query("<e>", equal=<q>) if r["<f>"] != None]
if not values:
    return {"count": 0, "mean": None, "minimum": None, "maximum": None}
return {"count": len(values), "mean": round(sum(values) / len(values), 2), "minimum": min(values), "maximum": max(values)}`,
				"<e>", e.Name, "<f>", f.Name, "<q>", eq), returns: Returns{Shape: "value", Entity: e.Name, Field: "mean"}})
	}
}

// groupField is the field by which figures of an entity are grouped.
func groupField(e *domain.Entity) *domain.Field {
	if f := firstOf(e, domain.Ref); f != nil {
		return f
	}
	for _, f := range e.Fields {
		if f.Type == domain.Enum && f.Name != e.State {
			return f
		}
	}
	return nil
}

func (k *maker) export(e *domain.Entity, fill func(string, ...string) string) {
	formats := [][]string{{"csv", "tsv"}, {"csv", "markdown"}, {"csv", "tsv", "markdown"}, {"markdown", "text"}}[index(k.choose("formats", "0", "1", "2", "3"))]
	var names []string
	for _, f := range e.Fields {
		if f.Type != domain.Object && f.Type != domain.List && f.Type != domain.Refs {
			names = append(names, f.Name)
		}
	}
	more, equal := k.filters(e, 2)
	format := Param{Name: "format", Local: "format", Role: RoleExtra, Type: domain.Enum, Values: formats, About: "Form of the table", Default: formats[0]}
	k.add(draft{kind: "export", verb: k.verb("export"), object: e.Plural, e: e,
		lead:   fill("export", "Write <es> as a table", "Export <es> to "+orList(formats), "Table of <es> for other programs"),
		notes:  []string{"Columns: " + strings.Join(append([]string{"id"}, names...), ", ")},
		params: append([]Param{format}, more...),
		body: sub(`
rows = query("<e>", equal=<q>)
names = ["id", <f>]
mark = {"csv": ",", "tsv": "\t", "markdown": " | ", "text": "  "}[format]
lines = [mark.join(names)]
for r in rows:
    cells = ["" if r[n] == None else str(r[n]) for n in names]
    if format == "csv":
        cells = ["\"" + c + "\"" if "," in c else c for c in cells]
    lines.append(mark.join(cells))
return {"format": format, "rows": len(rows), "content": "\n".join(lines)}`, "<e>", e.Name, "<q>", equal, "<f>", quoted(names)),
		returns: Returns{Shape: "text", Entity: e.Name, Field: "content"}})
}

// summary gives a record with what refers to it.
func (k *maker) summary(e *domain.Entity, fill func(string, ...string) string) {
	refs := k.d.Referrers(e.Name)
	if len(refs) == 0 || !k.offers("summary", 85) {
		return
	}
	body := sub("r = get(\"<e>\", id)\nout = {\"<e>\": r}\n", "<e>", e.Name)
	var what []string
	for _, ref := range refs {
		key := ref.Entity.Plural
		if slices.Contains(what, spaced(key)) {
			key += "_as_" + ref.Field.Name
		}
		what = append(what, spaced(key))
		body += sub("out[\"<k>\"] = len(query(\"<o>\", equal={\"<f>\": id}))\n", "<k>", key+"_count", "<o>", ref.Entity.Name, "<f>", ref.Field.Name)
	}
	k.add(draft{kind: "summary", verb: k.verb("summary"), object: e.Name, e: e,
		lead:  fill("summary", "One page on <an>: the record and how much hangs on it", "Overview of <an> with its connections", "<an> at a glance"),
		notes: []string{"Counts " + andList(what)}, params: []Param{k.idParam(e)}, body: body + "return out",
		returns: Returns{Shape: "value", Entity: e.Name, Field: e.Name}})
	var dated []domain.Referrer
	for _, ref := range refs {
		if firstOf(ref.Entity, domain.Date, domain.Datetime) != nil {
			dated = append(dated, ref)
		}
	}
	if len(dated) == 0 || !k.offers("timeline", 70) {
		return
	}
	body = sub("get(\"<e>\", id)\nout = []\n", "<e>", e.Name)
	var kinds []string
	for _, ref := range dated {
		f := firstOf(ref.Entity, domain.Date, domain.Datetime)
		kinds = append(kinds, spaced(f.Name)+" of "+spaced(ref.Entity.Plural))
		body += sub("for r in query(\"<o>\", equal={\"<r>\": id}):\n    if r[\"<f>\"] != None:\n        out.append({\"on\": r[\"<f>\"], \"event\": \"<f>\", \"<k>\": r[\"id\"]})\n",
			"<o>", ref.Entity.Name, "<r>", ref.Field.Name, "<f>", f.Name, "<k>", ref.Entity.Name)
	}
	k.add(draft{kind: "summary", verb: k.verb("get"), object: e.Name, rest: k.choose("timeline", "timeline", "history", "chronology", "agenda"), e: e,
		lead:  fill("timeline", "Dates around <an> in order", "Timeline of <an>", "What happened and will happen with <an>"),
		notes: []string{"Collects " + andList(kinds)}, params: []Param{k.idParam(e)},
		body:    body + "return {\"id\": id, \"events\": sorted(out, key=lambda x: x[\"on\"])}",
		returns: Returns{Shape: "value", Entity: e.Name, Field: "events", Items: "events"}})
}
