package tool

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"muonclip/synth/domain"
)

// writer writes JSON Schema with keys in a chosen order.
type writer struct{ b []byte }

func (w *writer) raw(s string) { w.b = append(w.b, s...) }

func (w *writer) str(s string) {
	q, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always marshal
	}
	// json.Marshal escapes <, > and & for HTML; a schema is no page.
	for _, p := range [][2]string{{`\u003c`, "<"}, {`\u003e`, ">"}, {`\u0026`, "&"}} {
		q = []byte(strings.ReplaceAll(string(q), p[0], p[1]))
	}
	w.b = append(w.b, q...)
}

// key begins a member of an object; a comma is set where one is needed.
func (w *writer) key(k string) {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' {
		w.b = append(w.b, ',')
	}
	w.str(k)
	w.b = append(w.b, ':')
}

func (w *writer) text(k, v string) {
	if v != "" {
		w.key(k)
		w.str(v)
	}
}

func (w *writer) num(k string, v *float64) {
	if v != nil {
		w.key(k)
		w.raw(strconv.FormatFloat(*v, 'f', -1, 64))
	}
}

func (w *writer) texts(k string, list []string) {
	w.key(k)
	w.raw("[")
	for i, s := range list {
		if i > 0 {
			w.raw(",")
		}
		w.str(s)
	}
	w.raw("]")
}

// schemaOf writes the schema of all parameters of a tool.
func (k *maker) schemaOf(t *Tool) json.RawMessage {
	w := &writer{}
	w.raw(`{"type":"object","properties":{`)
	var required []string
	done := map[string]bool{}
	for i := range t.Params {
		p := &t.Params[i]
		if p.Group == "" {
			w.key(p.Name)
			k.property(w, p)
			if p.Required {
				required = append(required, p.Name)
			}
			continue
		}
		if done[p.Group] {
			continue
		}
		done[p.Group] = true
		g := t.group(p.Group)
		w.key(g.name)
		w.raw("{")
		w.text("type", "object")
		w.text("description", g.about)
		w.key("properties")
		w.raw("{")
		var inner []string
		for j := range t.Params {
			q := &t.Params[j]
			if q.Group == g.name {
				w.key(q.Name)
				k.property(w, q)
				if q.Required {
					inner = append(inner, q.Name)
				}
			}
		}
		w.raw("}")
		if len(inner) > 0 {
			w.texts("required", inner)
		} else if t.Kind == "update" {
			w.raw(`,"minProperties":1`)
		}
		if k.style.Strict {
			w.raw(`,"additionalProperties":false`)
		}
		w.raw("}")
		if g.required {
			required = append(required, g.name)
		}
	}
	w.raw("}")
	if len(required) > 0 {
		w.texts("required", required)
	}
	if k.style.Strict {
		w.raw(`,"additionalProperties":false`)
	}
	w.raw("}")
	return w.b
}

func (t *Tool) group(name string) group {
	for _, g := range t.groups {
		if g.name == name {
			return g
		}
	}
	return group{name: name}
}

func (k *maker) property(w *writer, p *Param) {
	p.About = strings.TrimSuffix(sentence(p.About), ".")
	w.raw("{")
	switch p.Role {
	case RoleIDs:
		w.text("type", "array")
		w.text("description", p.About)
		w.key("items")
		w.raw("{")
		w.text("type", "string")
		k.idPattern(w, p.Entity)
		w.raw("}")
		w.num("minItems", p.Min)
		w.num("maxItems", p.Max)
		w.raw(`,"uniqueItems":true`)
	default:
		f := domain.Field{Type: p.Type, Values: p.Values, Min: p.Min, Max: p.Max, To: p.Entity}
		if p.Spec != nil {
			f.Samples, f.Fields = p.Spec.Samples, p.Spec.Fields
			if p.Type == domain.Code && p.Role == RoleValue {
				f = *p.Spec
			}
			if p.Type == domain.Ref || p.Type == domain.Refs {
				f.To = p.Spec.To
			}
		}
		if p.Role == RoleID {
			f.To = p.Entity
		}
		k.shape(w, &f, p.About, p.Role == RoleQuery)
	}
	if p.Default != nil {
		w.key("default")
		b, err := json.Marshal(p.Default)
		if err != nil {
			panic(fmt.Sprintf("tool: default of %s: %v", p.Name, err))
		}
		w.b = append(w.b, b...)
	}
	w.raw("}")
}

// shape writes what a value of a type looks like.
func (k *maker) shape(w *writer, f *domain.Field, about string, plain bool) {
	switch f.Type {
	case domain.Bool:
		w.text("type", "boolean")
		w.text("description", about)
	case domain.Int, domain.Minutes:
		w.text("type", "integer")
		w.text("description", about)
		w.num("minimum", f.Min)
		w.num("maximum", f.Max)
	case domain.Float, domain.Money, domain.Percent:
		w.text("type", "number")
		w.text("description", about)
		w.num("minimum", f.Min)
		w.num("maximum", f.Max)
	case domain.Enum:
		w.text("type", "string")
		w.text("description", about)
		w.texts("enum", f.Values)
	case domain.List:
		w.text("type", "array")
		w.text("description", about)
		w.raw(`,"items":{"type":"string","minLength":1},"maxItems":20`)
	case domain.Refs:
		w.text("type", "array")
		w.text("description", about)
		w.key("items")
		w.raw("{")
		w.text("type", "string")
		k.idPattern(w, f.To)
		w.raw(`},"maxItems":20`)
	case domain.Object:
		w.text("type", "object")
		w.text("description", about)
		w.key("properties")
		w.raw("{")
		var required []string
		for _, s := range f.Fields {
			w.key(k.style.param(s.Name))
			w.raw("{")
			k.shape(w, s, k.fieldAbout(s), false)
			w.raw("}")
			if !s.Optional {
				required = append(required, k.style.param(s.Name))
			}
		}
		w.raw("}")
		if len(required) > 0 {
			w.texts("required", required)
		}
		if k.style.Strict {
			w.raw(`,"additionalProperties":false`)
		}
	default:
		k.textShape(w, f, about, plain)
	}
}

// textShape writes what a text of a type looks like; plain texts, such as a search, have no format.
func (k *maker) textShape(w *writer, f *domain.Field, about string, plain bool) {
	w.text("type", "string")
	w.text("description", about)
	if plain {
		w.raw(`,"minLength":1`)
		return
	}
	switch f.Type {
	case domain.Date:
		w.text("format", "date")
	case domain.Datetime:
		w.text("format", "date-time")
	case domain.Time:
		w.text("pattern", "^([01][0-9]|2[0-3]):[0-5][0-9]$")
	case domain.Email:
		w.text("format", "email")
	case domain.URL:
		w.text("format", "uri")
	case domain.Ref:
		k.idPattern(w, f.To)
	case domain.Code:
		if re := f.CodeRegexp(); re != "^$" && k.style.Patterns {
			w.text("pattern", re)
		} else {
			w.raw(`,"minLength":1`)
		}
	default:
		w.raw(`,"minLength":1`)
		if f.Type == domain.Text {
			w.raw(`,"maxLength":500`)
		}
		if k.style.Examples && len(f.Samples) > 1 {
			w.texts("examples", f.Samples[:2])
		}
	}
}

func (k *maker) idPattern(w *writer, entity string) {
	e := k.d.Entity(entity)
	if e == nil {
		return
	}
	if k.style.Patterns {
		w.text("pattern", e.IDRegexp())
	}
}
