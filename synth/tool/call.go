package tool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"muonclip/synth/domain"
	"muonclip/synth/world"
)

// Call decodes arguments and runs the tool's program. It does not check them against the schema; what the program
// cannot take is answered with invalid_argument. The error is a *world.Error.
func (t *Tool) Call(w *world.World, args json.RawMessage) (world.Result, error) {
	m, err := decodeArgs(args)
	if err != nil {
		return world.Result{}, &world.Error{Code: world.InvalidArgument, Message: err.Error()}
	}
	return t.CallValues(w, m)
}

// CallValues is Call for decoded arguments: strings, bools, int64, int, float64, []any, map[string]any and nil.
func (t *Tool) CallValues(w *world.World, args map[string]any) (world.Result, error) {
	if t.Program == nil {
		return world.Result{}, &world.Error{Code: world.Internal, Message: t.Name + " was imported from " + t.Origin + " and has no program"}
	}
	locals, err := t.locals(args)
	if err != nil {
		return world.Result{}, err
	}
	if t.camel {
		return t.Program.CallRenamed(w, locals, camel)
	}
	return t.Program.Call(w, locals)
}

// locals names the arguments as the program does, fills in defaults and checks what the program relies on: that what
// is required is there and that values have the types of their parameters.
func (t *Tool) locals(args map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(t.Params))
	for i := range t.Params {
		p := &t.Params[i]
		v := t.At(args, p)
		if v == nil {
			v = p.Default
		}
		if v == nil {
			if p.Required {
				return nil, invalid("%s is missing", p.Name)
			}
			continue
		}
		v, err := convert(p, v, t.camel)
		if err != nil {
			return nil, err
		}
		out[p.Local] = v
	}
	for i := range t.hidden {
		if p := &t.hidden[i]; p.Default != nil {
			v, err := convert(p, p.Default, t.camel)
			if err != nil {
				return nil, err
			}
			out[p.Local] = v
		}
	}
	return out, nil
}

func invalid(format string, args ...any) error {
	return &world.Error{Code: world.InvalidArgument, Message: fmt.Sprintf(format, args...)}
}

// convert brings a value into the type that the program expects.
func convert(p *Param, v any, isCamel bool) (any, error) {
	if p.Role == RoleIDs || p.Type == domain.List || p.Type == domain.Refs {
		list, ok := v.([]any)
		if !ok {
			return nil, invalid("%s must be a list", p.Name)
		}
		for _, x := range list {
			if _, ok := x.(string); !ok {
				return nil, invalid("%s must be a list of texts", p.Name)
			}
		}
		return list, nil
	}
	switch p.Type {
	case domain.Bool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, invalid("%s must be true or false", p.Name)
	case domain.Int, domain.Minutes, domain.Float, domain.Money, domain.Percent:
		return convertNumber(p, v)
	case domain.Object:
		m, ok := v.(map[string]any)
		if !ok {
			return nil, invalid("%s must be an object", p.Name)
		}
		if isCamel && p.Spec != nil {
			out := make(map[string]any, len(m))
			for _, k := range keys(m) {
				name := k
				for _, f := range p.Spec.Fields {
					if camel(f.Name) == k {
						name = f.Name
					}
				}
				out[name] = m[k]
			}
			m = out
		}
		return m, nil
	}
	s, ok := v.(string)
	if !ok {
		return nil, invalid("%s must be a text", p.Name)
	}
	if p.Type == domain.Date && !isDate(s) {
		return nil, invalid("%s must be a date of the form YYYY-MM-DD, not %q", p.Name, cut(s))
	}
	if p.Type == domain.Enum && !slices.Contains(p.Values, s) {
		return nil, invalid("%s must be one of %s, not %q", p.Name, strings.Join(p.Values, ", "), cut(s))
	}
	return s, nil
}

func convertNumber(p *Param, v any) (any, error) {
	whole := p.Type.Whole()
	switch v := v.(type) {
	case int:
		if whole {
			return int64(v), nil
		}
		return float64(v), nil
	case int64:
		if whole {
			return v, nil
		}
		return float64(v), nil
	case float64:
		if !whole {
			return v, nil
		}
		if i := int64(v); float64(i) == v {
			return i, nil
		}
	}
	if whole {
		return nil, invalid("%s must be a whole number", p.Name)
	}
	return nil, invalid("%s must be a number", p.Name)
}

func cut(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "..."
	}
	return s
}

// decodeArgs reads a JSON object; numbers without a point or an exponent become int64.
func decodeArgs(data json.RawMessage) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("the arguments are not JSON: %w", err)
	}
	if d.More() {
		return nil, fmt.Errorf("the arguments are followed by more text")
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the arguments must be an object")
	}
	for k, x := range m {
		m[k] = plain(x)
	}
	return m, nil
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE") {
			if i, err := v.Int64(); err == nil {
				return i
			}
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i, x := range v {
			v[i] = plain(x)
		}
	case map[string]any:
		for k, x := range v {
			v[k] = plain(x)
		}
	}
	return v
}

// Encode writes arguments as JSON with the keys in the order of Params; keys that are no parameter follow sorted.
func (t *Tool) Encode(args map[string]any) json.RawMessage {
	var order []string
	inner := map[string][]string{}
	for i := range t.Params {
		p := &t.Params[i]
		if p.Group == "" {
			order = append(order, p.Name)
			continue
		}
		if !slices.Contains(order, p.Group) {
			order = append(order, p.Group)
		}
		inner[p.Group] = append(inner[p.Group], p.Name)
	}
	return encodeObject(nil, args, order, inner)
}

func encodeObject(b []byte, m map[string]any, order []string, inner map[string][]string) []byte {
	b = append(b, '{')
	first := true
	write := func(k string) {
		v, ok := m[k]
		if !ok {
			return
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		key, _ := json.Marshal(k)
		b = append(append(b, key...), ':')
		if sub, ok := v.(map[string]any); ok && inner[k] != nil {
			b = encodeObject(b, sub, inner[k], nil)
			return
		}
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			panic(fmt.Sprintf("tool: an argument of %T cannot be written as JSON", v))
		}
		b = append(b, bytes.TrimRight(buf.Bytes(), "\n")...)
	}
	for _, k := range order {
		write(k)
	}
	for _, k := range keys(m) {
		if !slices.Contains(order, k) {
			write(k)
		}
	}
	return append(b, '}')
}

// Touches lists the operations that a call would perform on the world as it is before the call, including those that
// rules forbid. It is empty for reads and for arguments that the tool would refuse.
func (t *Tool) Touches(w *world.World, args map[string]any) []Touch {
	if t.touches == nil {
		return nil
	}
	locals, err := t.locals(args)
	if err != nil {
		return nil
	}
	return t.touches(&call{w, locals})
}

// Violations lists the rules of the domain that a call would break, judged on the world before the call.
func (t *Tool) Violations(w *world.World, args map[string]any) ([]*domain.Rule, error) {
	var out []*domain.Rule
	for _, touch := range t.Touches(w, args) {
		if touch.Entity == "" {
			continue
		}
		var r *world.Record
		if touch.ID != "" {
			var ok bool
			if r, ok = w.Get(touch.Entity, touch.ID); !ok {
				continue
			}
		} else if r = t.drafted(w, touch.Entity, args); r == nil {
			continue
		}
		rules, err := w.Model().Violations(w, touch.Operation, r)
		if err != nil {
			return nil, err
		}
		for _, rule := range rules {
			if !slices.Contains(out, rule) {
				out = append(out, rule)
			}
		}
	}
	return out, nil
}

// drafted is the record that a creating call would make; nil when it would make none.
func (t *Tool) drafted(w *world.World, entity string, args map[string]any) *world.Record {
	after := w.Clone()
	if _, err := t.CallValues(after, args); err != nil {
		if world.CodeOf(err) != world.Forbidden {
			return nil
		}
		locals, lerr := t.locals(args)
		if lerr != nil {
			return nil
		}
		values := map[string]any{}
		for _, p := range t.Params {
			if p.Role == RoleValue {
				values[p.Field] = locals[p.Local]
			}
		}
		r, derr := w.Model().Draft(w, entity, values)
		if derr != nil {
			return nil
		}
		return r
	}
	for _, r := range after.Records(entity) {
		if _, ok := w.Get(entity, r.ID); !ok {
			return r
		}
	}
	return nil
}
