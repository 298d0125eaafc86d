package tool

import (
	"slices"
	"strings"

	"muonclip/synth/domain"
)

func num(x float64) *float64 { return &x }

// idParam is the parameter that names the record; its local name is id.
func (k *maker) idParam(e *domain.Entity) Param {
	about := k.choose("id/"+e.Name, "Identifier of the <e>", "Id of the <e>", "The <e> in question", "Number of the <e>, such as "+example(e),
		"Unique <e> id", "<e> id as given by "+k.d.Service, "Which <e>", "<e> number, for example "+example(e))
	return Param{Name: k.style.id(e.Name), Local: "id", Role: RoleID, Entity: e.Name, Type: domain.Ref,
		About: strings.TrimSuffix(sentence(sub(about, "<e>", spaced(e.Name))), "."), Required: true}
}

// example is an id of the form that the entity's ids have.
func example(e *domain.Entity) string {
	i := len(e.Name)
	return e.NewID(func(n int) int { i += 7; return i % n })
}

// otherID is a second parameter for the id of a record.
func (k *maker) otherID(e *domain.Entity, name, loc, about string) Param {
	return Param{Name: k.style.param(name), Local: loc, Role: RoleID, Entity: e.Name, Type: domain.Ref, About: about, Required: true}
}

// idsParam takes several ids; its local name is ids.
func (k *maker) idsParam(e *domain.Entity, least, most float64, about string) Param {
	name := k.choose("ids", e.Name+"_ids", "ids", e.Plural)
	return Param{Name: k.style.param(name), Local: "ids", Role: RoleIDs, Entity: e.Name, Type: domain.Refs, About: about,
		Min: num(least), Max: num(most), Required: true}
}

// fieldParam makes a parameter from a field.
func (k *maker) fieldParam(e *domain.Entity, f *domain.Field, role Role, required bool) Param {
	name := k.style.param(f.Name)
	if f.Type == domain.Ref {
		name = k.style.other(f.Name)
	}
	p := Param{Name: name, Local: local(f.Name), Role: role, Entity: e.Name, Field: f.Name, Type: f.Type, About: k.fieldAbout(f),
		Values: f.Values, Required: required, Spec: f}
	if role == RoleValue {
		p.Min, p.Max = f.Min, f.Max
	}
	if role == RoleFilter {
		p.About = k.filterAbout(e, f)
	}
	return p
}

func (k *maker) filterAbout(e *domain.Entity, f *domain.Field) string {
	pairs := []string{"<es>", spaced(e.Plural), "<f>", spaced(f.Name), "<fa>", lower(f.About)}
	switch f.Type {
	case domain.Ref:
		return sub(k.choose("filter/ref", "Only <es> of this <f>", "Restrict to one <f>", "<fa>; leave out for all", "Limit to the <f> with this id"), pairs...)
	case domain.Bool:
		return sub(k.choose("filter/bool", "Only where this holds: <fa>", "If given, must match: <fa>", "Filter on <f>", "<fa>, yes or no"), pairs...)
	}
	return sub(k.choose("filter/enum", "Only <es> with this <f>", "Filter by <fa>", "Restrict to one <f>: <fa>", "Keep those where <f> equals the value"), pairs...)
}

// filters makes optional parameters for the fields by which lists are filtered: choices, references and flags. equal
// is the dict that query wants.
func (k *maker) filters(e *domain.Entity, most int, skip ...string) (params []Param, equal string) {
	var pairs []string
	for _, t := range []domain.Type{domain.Enum, domain.Ref, domain.Bool} {
		for _, f := range e.Fields {
			if f.Type != t || len(params) >= most || slices.Contains(skip, f.Name) {
				continue
			}
			p := k.fieldParam(e, f, RoleFilter, false)
			params = append(params, p)
			pairs = append(pairs, `"`+f.Name+`": `+p.Local)
		}
	}
	return params, "{" + strings.Join(pairs, ", ") + "}"
}

// nest puts parameters into an object parameter in products that do so.
func (k *maker) nest(params []Param, name, about string, required, always bool) ([]Param, []group) {
	if len(params) == 0 || (!k.style.Nested && !always) {
		return params, nil
	}
	g := group{name: k.style.param(name), about: about, required: required}
	for i := range params {
		params[i].Group = g.name
	}
	return params, []group{g}
}

// sorting makes the parameters of a sorted list and the argument of query.
func (k *maker) sorting(e *domain.Entity) (params []Param, arg string) {
	fields := sortable(e)
	if len(fields) < 2 {
		return nil, ""
	}
	first := fields[0]
	by := Param{Local: "sort_by", Role: RoleSort, Entity: e.Name, Type: domain.Enum, Values: fields, Default: first}
	dir := Param{Local: "order", Role: RoleOrder, Entity: e.Name, Type: domain.Enum, Values: []string{"asc", "desc"}, Default: "asc"}
	switch k.style.Sorting {
	case "sort_order":
		by.Name, by.About = k.style.param("sort_by"), "Field by which the list is sorted"
		dir.Name, dir.About = k.style.param("sort_order"), "Direction of sorting"
		return []Param{by, dir}, `, sort=sort_by, descending=order == "desc"`
	case "sort_desc":
		by.Name, by.About = "sort", "Sort key"
		dir.Name, dir.About, dir.Type, dir.Values, dir.Default = "descending", "Largest or latest first", domain.Bool, nil, false
		dir.Local = "descending"
		return []Param{by, dir}, `, sort=sort_by, descending=descending`
	}
	by.Name, by.About = k.style.param("order_by"), "Order of the "+spaced(e.Plural)
	return []Param{by}, `, sort=sort_by`
}

// sortable lists the fields by which people sort.
func sortable(e *domain.Entity) []string {
	var out []string
	for _, f := range e.Fields {
		switch {
		case f.Type == domain.Date, f.Type == domain.Datetime, f.Type.Numeric(), f.Name == e.Label:
			out = append(out, f.Name)
		}
	}
	if len(out) > 5 {
		out = out[:5]
	}
	return out
}

// paging makes the parameters of paging and the end of the program, which has its records in rows.
func (k *maker) paging(e *domain.Entity) (params []Param, body string) {
	size := []float64{5, 10, 20, 25, 50}[len(k.d.Name)%5]
	items := k.items(e)
	switch k.style.Paging {
	case "page":
		return []Param{
			{Name: "page", Local: "page", Role: RoleOffset, Type: domain.Int, About: "Number of the page, from 1", Min: num(1), Max: num(100), Default: 1},
			{Name: k.style.param("page_size"), Local: "page_size", Role: RoleLimit, Type: domain.Int, About: "Records on a page", Min: num(1), Max: num(50), Default: int(size)},
		}, sub("start = (page - 1) * page_size\nreturn {\"<i>\": rows[start:start + page_size], \"total\": len(rows), \"page\": page}", "<i>", items)
	case "limit":
		return []Param{{Name: "limit", Local: "limit", Role: RoleLimit, Type: domain.Int, About: "Most " + spaced(e.Plural) + " to return", Min: num(1), Max: num(100), Default: int(size)}},
			sub("return {\"<i>\": rows[:limit], \"total\": len(rows)}", "<i>", items)
	case "top":
		return []Param{{Name: k.style.param("max_results"), Local: "limit", Role: RoleLimit, Type: domain.Int, About: "Largest number of results", Min: num(1), Max: num(50), Default: int(size)}},
			sub("return {\"<i>\": rows[:limit], \"total\": len(rows)}", "<i>", items)
	}
	return []Param{
		{Name: "limit", Local: "limit", Role: RoleLimit, Type: domain.Int, About: "How many to return at most", Min: num(1), Max: num(100), Default: int(size)},
		{Name: "offset", Local: "offset", Role: RoleOffset, Type: domain.Int, About: "How many to skip", Min: num(0), Max: num(1000), Default: 0},
	}, sub("return {\"<i>\": rows[offset:offset + limit], \"total\": len(rows), \"offset\": offset}", "<i>", items)
}

// whole returns all records of rows.
func (k *maker) whole(e *domain.Entity) string {
	return sub("return {\"<i>\": rows, \"total\": len(rows)}", "<i>", k.items(e))
}

// list describes a result that holds records.
func (k *maker) list(e *domain.Entity) Returns {
	return Returns{Shape: "records", Entity: e.Name, Items: k.items(e)}
}

// limitParam asks for the number of records.
func (k *maker) limitParam(about string, def int) Param {
	name := k.choose("limit", "limit", "count", "n", "top", "max_results")
	return Param{Name: k.style.param(name), Local: "limit", Role: RoleLimit, Type: domain.Int, About: about, Min: num(1), Max: num(20), Default: def}
}
