package tool

import (
	"math/rand/v2"
	"slices"
	"strings"

	"muonclip/synth/domain"
	"muonclip/synth/world"
)

// Sample draws valid arguments that should succeed where the world permits it: records in a state from which the tool
// works, filters and words that occur in the records, new values that differ from the old ones. ok is false when the
// world has no fitting record.
func (t *Tool) Sample(w *world.World, r *rand.Rand) (args map[string]any, ok bool) {
	s := sampler{t: t, w: w, r: r, args: map[string]any{}}
	for i := range t.Params {
		if !s.param(&t.Params[i]) {
			return nil, false
		}
	}
	if t.Kind == "update" && !s.changed { // at least one change
		i := 1 + r.IntN(len(t.Params)-1)
		v, ok := s.value(&t.Params[i])
		if !ok {
			return nil, false
		}
		t.Put(s.args, &t.Params[i], v)
	}
	for _, g := range t.groups {
		if g.required && s.args[g.name] == nil {
			s.args[g.name] = map[string]any{}
		}
	}
	return s.args, true
}

type sampler struct {
	t       *Tool
	w       *world.World
	r       *rand.Rand
	args    map[string]any
	main    *world.Record // the record of the id, once chosen
	low     any           // the lower end of a range, once chosen
	used    []string      // ids already chosen
	changed bool
}

// param chooses whether and how to set a parameter; false when no value exists for one that must be set.
func (s *sampler) param(p *Param) bool {
	chance := 35
	switch p.Role {
	case RoleSort, RoleOrder, RoleLimit, RoleOffset:
		chance = 20
	case RoleFrom, RoleUntil, RoleMin, RoleMax:
		chance = 60
	}
	if !p.Required && s.r.IntN(100) >= chance {
		return true
	}
	v, ok := s.value(p)
	if !ok {
		return !p.Required
	}
	s.changed = s.changed || p.Role == RoleValue
	s.t.Put(s.args, p, v)
	return true
}

func (s *sampler) value(p *Param) (any, bool) {
	if s.t.Kind == "remove_item" && s.main != nil && p.Local == "item" {
		list, _ := s.main.Get(p.Field).([]any)
		if len(list) == 0 {
			return nil, false
		}
		return list[s.r.IntN(len(list))], true
	}
	switch p.Role {
	case RoleID:
		return s.id(p)
	case RoleIDs:
		return s.ids(p)
	case RoleValue:
		return s.fresh(p)
	case RoleReason, RoleSort, RoleOrder:
		if p.Type == domain.Bool {
			return s.r.IntN(2) == 0, true
		}
		return p.Values[s.r.IntN(len(p.Values))], true
	case RoleLimit:
		return int64(1 + s.r.IntN(5)), true
	case RoleOffset:
		return int64(*p.Min), true
	case RoleFilter:
		return s.stored(p)
	case RoleQuery:
		return s.word(p)
	case RoleFrom, RoleUntil, RoleMin, RoleMax:
		return s.bound(p)
	}
	return s.extra(p)
}

// records lists the records from which an id is chosen.
func (s *sampler) records(p *Param, main bool) []*world.Record {
	var out []*world.Record
	for _, r := range s.w.Records(p.Entity) {
		if main && len(s.t.Needs) > 0 && !slices.Contains(s.t.Needs, r.Text(r.Entity.State)) {
			continue
		}
		if main && s.t.fits != nil && !s.t.fits(s.w, r) {
			continue
		}
		if slices.Contains(s.used, r.ID) {
			continue
		}
		out = append(out, r)
	}
	return out
}

func (s *sampler) id(p *Param) (any, bool) {
	main := p.Local == "id"
	list := s.records(p, main)
	if p.Field != "" && s.r.IntN(4) > 0 { // an id to which something refers
		if v, ok := s.stored(&Param{Entity: s.t.Entity, Field: p.Field}); ok {
			if id, ok := v.(string); ok {
				return id, true
			}
		}
	}
	if len(list) == 0 {
		return nil, false
	}
	r := list[s.r.IntN(len(list))]
	if main {
		s.main = r
	}
	s.used = append(s.used, r.ID)
	return r.ID, true
}

func (s *sampler) ids(p *Param) (any, bool) {
	list := s.records(p, true)
	least, most := 1, 4
	if p.Min != nil {
		least = int(*p.Min)
	}
	if p.Max != nil {
		most = min(most, int(*p.Max))
	}
	if len(list) < least {
		return nil, false
	}
	n := min(least+s.r.IntN(most-least+1), len(list))
	var out []any
	for _, i := range s.r.Perm(len(list))[:n] {
		out = append(out, list[i].ID)
	}
	return out, true
}

// fresh draws a new value that differs from the present one.
func (s *sampler) fresh(p *Param) (any, bool) {
	for range 8 {
		var v any
		switch p.Type {
		case domain.Ref, domain.Refs:
			to := p.Entity
			if p.Spec != nil {
				to = p.Spec.To
			}
			list := s.w.Records(to)
			if len(list) == 0 {
				return nil, false
			}
			v = list[s.r.IntN(len(list))].ID
			if p.Type == domain.Refs {
				v = []any{v}
			}
		default:
			f := p.Spec
			if f == nil {
				f = &domain.Field{Name: p.Local, Type: p.Type, Values: p.Values, Min: p.Min, Max: p.Max, About: p.About}
			}
			v = s.w.Draw(s.r, f)
			if p.Type == domain.Object && s.t.camel {
				v = camelKeys(v)
			}
		}
		if s.main != nil && p.Entity == s.main.Entity.Name && s.main.Text(p.Field) == textOf(v) {
			continue
		}
		if v == nil {
			return nil, false
		}
		return v, true
	}
	return nil, false
}

func camelKeys(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(m))
	for k, x := range m {
		out[camel(k)] = x
	}
	return out
}

func textOf(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return ""
}

// stored takes a value that a record has.
func (s *sampler) stored(p *Param) (any, bool) {
	list := s.w.Records(p.Entity)
	if p.Entity == "" {
		list = nil
	}
	for range 12 {
		if len(list) == 0 {
			break
		}
		r := list[s.r.IntN(len(list))]
		if s.main != nil && s.main.Entity.Name == p.Entity && s.r.IntN(4) > 0 {
			r = s.main // details of the record in question
		}
		v := r.Get(p.Field)
		if l, ok := v.([]any); ok && len(l) > 0 {
			v = l[s.r.IntN(len(l))]
		}
		if p.Type == domain.Date {
			v = dayOf(v)
		}
		if v != nil {
			return v, true
		}
	}
	switch {
	case len(p.Values) > 0:
		return p.Values[s.r.IntN(len(p.Values))], true
	case p.Type == domain.Bool:
		return s.r.IntN(2) == 0, true
	case p.Spec != nil && p.Type != domain.Ref:
		if v := s.w.Draw(s.r, p.Spec); v != nil {
			return v, true
		}
	}
	return nil, false
}

// dayOf cuts a datetime down to its day.
func dayOf(v any) any {
	if s, ok := v.(string); ok && len(s) > 10 {
		return s[:10]
	}
	return v
}

func (s *sampler) word(p *Param) (any, bool) {
	v, ok := s.stored(p)
	if !ok {
		return nil, false
	}
	text := textOf(v)
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil, false
	}
	if s.r.IntN(3) == 0 {
		return text, true
	}
	return words[s.r.IntN(len(words))], true
}

func (s *sampler) bound(p *Param) (any, bool) {
	v, ok := s.stored(p)
	if !ok {
		return nil, false
	}
	if p.Role == RoleFrom || p.Role == RoleMin {
		s.low = v
		return v, true
	}
	switch low := s.low.(type) { // the upper end is not below the lower one
	case string:
		v = max(low, textOf(v))
	case int64:
		if x, ok := v.(int64); ok {
			v = max(low, x)
		}
	case float64:
		if x, ok := v.(float64); ok {
			v = max(low, x)
		}
	}
	return v, true
}

// extra draws what is neither of a record nor a new value: steps, days, formats.
func (s *sampler) extra(p *Param) (any, bool) {
	if len(p.Values) > 0 {
		return p.Values[s.r.IntN(len(p.Values))], true
	}
	if p.Min == nil || p.Max == nil {
		return s.stored(p)
	}
	lo, hi := *p.Min, *p.Max
	if lo < 0 { // a step in either direction: small ones are usual
		lo, hi = max(lo, -10), min(hi, 10)
	} else {
		hi = min(hi, lo+10)
	}
	if p.Type.Whole() {
		n := int64(lo) + s.r.Int64N(int64(hi-lo)+1)
		if n == 0 && hi >= 1 && p.Role == RoleExtra && lo < 0 {
			n = 1
		}
		return n, true
	}
	x := float64(int64(lo*2)+s.r.Int64N(int64((hi-lo)*2)+1)) / 2
	return min(max(x, *p.Min), *p.Max), true
}
