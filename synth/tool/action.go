package tool

import (
	"muonclip/synth/domain"
)

// action makes the tool of an action of the domain file. Its program is that of the file.
func (k *maker) action(a *domain.Action) {
	var params []Param
	for _, f := range a.Params {
		p := Param{Name: k.style.param(f.Name), Local: f.Name, Role: RoleValue, Field: f.Name, Type: f.Type, About: k.fieldAbout(f),
			Values: f.Values, Min: f.Min, Max: f.Max, Required: !f.Optional, Spec: f}
		switch f.Type {
		case domain.Ref:
			p.Name, p.Role, p.Entity, p.Field = k.style.other(f.Name), RoleID, f.To, ""
		case domain.Refs:
			p.Role, p.Entity, p.Field, p.Max = RoleIDs, f.To, "", num(20)
		}
		params = append(params, p)
	}
	d := draft{kind: "action", verb: a.Name, lead: a.About, params: params, body: a.Program, op: "action." + a.Name, writes: a.Writes,
		returns: Returns{Shape: "action"}}
	for _, f := range a.Params {
		if f.Type == domain.Ref {
			d.e = k.d.Entity(f.To)
			break
		}
	}
	if k.style.Case == "dotted" && d.e != nil {
		d.object = d.e.Name
	}
	if k.offers("action/note/"+a.Name, 60) {
		for _, f := range a.Params {
			if s := span(f); s != "" {
				d.notes = append(d.notes, spaced(f.Name)+" may be "+s)
				break
			}
		}
	}
	op := d.op
	d.touches = func(*call) []Touch { return []Touch{{Operation: op}} }
	k.add(d)
}
