package world

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"go.starlark.net/starlark"
)

// MarshalJSON writes the world as {"domain","seed","today","records":{entity:[record,...]}} with entities and fields
// in the order of the file and records in the order of insertion.
func (w *World) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 8192), `{"domain":`...)
	b = appendString(b, w.model.d.Name)
	b = fmt.Appendf(b, `,"seed":%d,"today":`, w.seed)
	b = append(appendString(b, w.today), `,"records":{`...)
	for i, e := range w.model.d.Entities {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, e.Name), ":["...)
		for k, r := range w.tables[i].records {
			if k > 0 {
				b = append(b, ',')
			}
			enc := encoder{out: b, limit: 1 << 30}
			if err := enc.value(starlark.Value(r.shared()), 0); err != nil {
				return nil, err
			}
			b = enc.out
		}
		b = append(b, ']')
	}
	return append(b, "}}"...), nil
}

// Parse reads a world in the form of MarshalJSON. It checks types, references and invariants.
func (m *Model) Parse(data []byte) (*World, error) {
	var in struct {
		Domain  string                      `json:"domain"`
		Seed    uint64                      `json:"seed"`
		Today   string                      `json:"today"`
		Records map[string][]map[string]any `json:"records"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("world: read a world of %s: %w", m.d.Name, err)
	}
	if in.Domain != m.d.Name {
		return nil, fmt.Errorf("world: this is a world of %q, not of %s", in.Domain, m.d.Name)
	}
	if _, err := parseDay(in.Today); err != nil || len(in.Today) != len(dateForm) {
		return nil, fmt.Errorf("world: read a world of %s: today: %q is not a date", m.d.Name, in.Today)
	}
	for name := range in.Records {
		if _, ok := m.entities[name]; !ok {
			return nil, fmt.Errorf("world: read a world of %s: there is no entity %q", m.d.Name, name)
		}
	}
	w := &World{model: m, seed: in.Seed, today: in.Today, tables: make([]*table, len(m.d.Entities))}
	for i, e := range m.d.Entities {
		t := &table{}
		if len(in.Records[e.Name]) > maxRecords {
			return nil, fmt.Errorf("world: read a world of %s: more than %d %s", m.d.Name, maxRecords, e.Plural)
		}
		for k, values := range in.Records[e.Name] {
			id, _ := values["id"].(string)
			if id == "" || t.index(id) >= 0 {
				return nil, fmt.Errorf("world: read a world of %s: %s %d has no id of its own", m.d.Name, e.Name, k)
			}
			delete(values, "id")
			row := make([]any, len(e.Fields))
			for j, f := range e.Fields {
				v, err := coerce(f, plainNumbers(values[f.Name]))
				if err != nil {
					return nil, fmt.Errorf("world: read a world of %s: %s %s: %w", m.d.Name, e.Name, id, err)
				}
				row[j] = v
				delete(values, f.Name)
			}
			for k := range values {
				return nil, fmt.Errorf("world: read a world of %s: %s %s: there is no field %q", m.d.Name, e.Name, id, k)
			}
			r := newRecord(e, id, row)
			t.records = append(t.records, r)
			t.sum = plus(t.sum, r.sum)
		}
		w.tables[i] = t
	}
	return w, w.check()
}

// check verifies references and invariants of all records.
func (w *World) check() error {
	for i, e := range w.model.d.Entities {
		for _, r := range w.tables[i].records {
			for j, f := range e.Fields {
				if _, err := w.value(f, r.values[j]); err != nil {
					return fmt.Errorf("world: %s %s: %s: %w", e.Name, r.ID, f.Name, err)
				}
			}
			if err := w.keeps(r); err != nil {
				return fmt.Errorf("world: %s %s: %w", e.Name, r.ID, err)
			}
		}
	}
	return nil
}

// plainNumbers turns numbers of the decoder into int64 where they are whole as written, else float64.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil && !strings.ContainsAny(v.String(), ".eE") {
			return i
		}
		f, err := v.Float64()
		if err != nil {
			return nil
		}
		return f
	case []any:
		for i, x := range v {
			v[i] = plainNumbers(x)
		}
	case map[string]any:
		for k, x := range v {
			v[k] = plainNumbers(x)
		}
	}
	return v
}

// Check verifies that all references lead to records and all invariants hold.
func (w *World) Check() error { return w.check() }
