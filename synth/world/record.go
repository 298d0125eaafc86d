package world

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/zeebo/xxh3"
	"go.starlark.net/starlark"

	"muonclip/synth/domain"
)

// Record is one record. It is immutable: a change makes another one.
type Record struct {
	Entity *domain.Entity
	ID     string

	values []any                         // in the order of Entity.Fields
	sum    xxh3.Uint128                  // of entity, id and values
	frozen atomic.Pointer[starlark.Dict] // made on first use
}

func newRecord(e *domain.Entity, id string, values []any) *Record {
	r := &Record{Entity: e, ID: id, values: values}
	buf := make([]byte, 0, 256)
	buf = append(buf, e.Name...)
	buf = append(buf, 0)
	buf = append(buf, id...)
	for _, v := range values {
		buf = canonical(buf, v)
	}
	r.sum = xxh3.Hash128(buf)
	return r
}

// canonical appends a form of a value that differs for different values.
func canonical(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 'n')
	case bool:
		if v {
			return append(b, 't')
		}
		return append(b, 'f')
	case int64:
		return binary.LittleEndian.AppendUint64(append(b, 'i'), uint64(v))
	case float64:
		if v == 0 {
			v = 0 // the zero with a minus sign is the same number
		}
		return binary.LittleEndian.AppendUint64(append(b, 'd'), math.Float64bits(v))
	case string:
		b = binary.LittleEndian.AppendUint32(append(b, 's'), uint32(len(v)))
		return append(b, v...)
	case []any:
		b = binary.LittleEndian.AppendUint32(append(b, 'l'), uint32(len(v)))
		for _, x := range v {
			b = canonical(b, x)
		}
		return b
	case map[string]any:
		b = binary.LittleEndian.AppendUint32(append(b, 'o'), uint32(len(v)))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			b = canonical(canonical(b, k), v[k])
		}
		return b
	}
	panic("world: a stored value has no canonical form")
}

// Get gives the value of a field, or the id for "id"; nil when the value is missing or there is no such field. Lists
// and objects must not be changed.
func (r *Record) Get(field string) any {
	if field == "id" {
		return r.ID
	}
	if i := r.Entity.Index(field); i >= 0 {
		return r.values[i]
	}
	return nil
}

// Text gives the value of a field as people read it; "" when it is missing.
func (r *Record) Text(field string) string { return text(r.Get(field)) }

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = text(x)
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, k+": "+text(v[k]))
		}
		return strings.Join(parts, ", ")
	}
	return ""
}

// Map copies the record into a map with "id" and all fields, nil for missing values.
func (r *Record) Map() map[string]any {
	m := make(map[string]any, len(r.values)+1)
	m["id"] = r.ID
	for i, f := range r.Entity.Fields {
		m[f.Name] = clone(r.values[i])
	}
	return m
}

// dict gives the record as a dict that the program may change.
func (r *Record) dict() *starlark.Dict {
	d := starlark.NewDict(len(r.values) + 1)
	_ = d.SetKey(starlark.String("id"), starlark.String(r.ID))
	for i, f := range r.Entity.Fields {
		_ = d.SetKey(starlark.String(f.Name), toStarlark(r.values[i]))
	}
	return d
}

// shared gives the record as a frozen dict, made once.
func (r *Record) shared() *starlark.Dict {
	if d := r.frozen.Load(); d != nil {
		return d
	}
	d := r.dict()
	d.Freeze()
	r.frozen.Store(d)
	return d
}
