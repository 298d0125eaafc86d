package world

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"muonclip/internal/rng"
	"muonclip/synth/domain"
)

// maxRecords is the largest table; a program that fills a world without end is stopped here.
const maxRecords = 2000

// World is the state of one product: the records of all entities of a domain on one day. Reads and Clone may run at
// the same time; writes need the world alone.
type World struct {
	model  *Model
	seed   uint64
	today  string
	tables []*table // one for each entity; shared between clones, so never changed in place
}

// table holds the records of an entity in the order of insertion.
type table struct {
	records []*Record
	sum     xxh3.Uint128 // sum of the records' sums modulo 2^128
}

func (t *table) index(id string) int {
	for i, r := range t.records {
		if r.ID == id {
			return i
		}
	}
	return -1
}

func plus(a, b xxh3.Uint128) xxh3.Uint128 {
	lo := a.Lo + b.Lo
	hi := a.Hi + b.Hi
	if lo < a.Lo {
		hi++
	}
	return xxh3.Uint128{Hi: hi, Lo: lo}
}

func minus(a, b xxh3.Uint128) xxh3.Uint128 {
	hi := a.Hi - b.Hi
	if a.Lo < b.Lo {
		hi--
	}
	return xxh3.Uint128{Hi: hi, Lo: a.Lo - b.Lo}
}

// Model gives the model of the world's domain.
func (w *World) Model() *Model { return w.model }

// Seed gives the seed from which the world was made.
func (w *World) Seed() uint64 { return w.seed }

// Today gives the day on which the world stands, as YYYY-MM-DD.
func (w *World) Today() string { return w.today }

// Clone copies the world at the cost of one small slice.
func (w *World) Clone() *World {
	c := *w
	c.tables = slices.Clone(w.tables)
	return &c
}

// Hash gives 32 hexadecimal digits of the canonical state: the domain, the day and all records. Worlds that hold the
// same records have the same hash, in whatever order the records were written.
func (w *World) Hash() string {
	buf := append(make([]byte, 0, 256), w.model.d.Name...)
	buf = append(buf, 0)
	buf = append(buf, w.today...)
	for _, t := range w.tables {
		b := t.sum.Bytes()
		buf = append(buf, b[:]...)
	}
	sum := xxh3.Hash128(buf).Bytes()
	return hex.EncodeToString(sum[:])
}

// Get finds a record.
func (w *World) Get(entity, id string) (*Record, bool) {
	t := w.table(entity)
	if t == nil {
		return nil, false
	}
	if i := t.index(id); i >= 0 {
		return t.records[i], true
	}
	return nil, false
}

// Records lists the records of an entity in the order of insertion. The slice must not be changed.
func (w *World) Records(entity string) []*Record {
	if t := w.table(entity); t != nil {
		return t.records
	}
	return nil
}

// ByLabel lists the records that people call by this name, ignoring case.
func (w *World) ByLabel(entity, label string) []*Record {
	var out []*Record
	for _, r := range w.Records(entity) {
		if strings.EqualFold(r.Text(r.Entity.Label), label) {
			out = append(out, r)
		}
	}
	return out
}

// Label gives the name by which people call a record; the id itself when there is no such record.
func (w *World) Label(entity, id string) string {
	r, ok := w.Get(entity, id)
	if !ok {
		return id
	}
	return r.Text(r.Entity.Label)
}

func (w *World) table(entity string) *table {
	i, ok := w.model.entities[entity]
	if !ok {
		return nil
	}
	return w.tables[i]
}

// Insert adds a record and gives its id. A missing state becomes the initial one. The error is an *Error.
func (w *World) Insert(entity string, values map[string]any) (string, error) {
	r, err := w.draft(entity, values)
	if err != nil {
		return "", err
	}
	i := w.model.entities[entity]
	t := w.tables[i]
	if len(t.records) >= maxRecords {
		return "", failf(Limit, "there are already %d %s", len(t.records), r.Entity.Plural)
	}
	id, ok := w.freshID(r, t)
	if !ok {
		return "", failf(Limit, "no number is left for another %s", spaced(entity))
	}
	r = newRecord(r.Entity, id, r.values)
	if err := w.keeps(r); err != nil {
		return "", err
	}
	w.tables[i] = &table{records: append(slices.Clip(slices.Clone(t.records)), r), sum: plus(t.sum, r.sum)}
	return id, nil
}

// freshID draws an id that depends on the content of the record, so that the order of creations does not matter.
func (w *World) freshID(r *Record, t *table) (string, bool) {
	for attempt := range uint64(200) {
		g := rng.New(w.seed, "world/id/"+w.model.d.Name+"/"+r.Entity.Name, r.sum.Hi, r.sum.Lo, attempt)
		if id := r.Entity.NewID(g.IntN); t.index(id) < 0 {
			return id, true
		}
	}
	return "", false
}

// Update changes fields of a record. The error is an *Error.
func (w *World) Update(entity, id string, values map[string]any) error {
	i, ok := w.model.entities[entity]
	if !ok {
		return failf(InvalidArgument, "there is no entity %q", entity)
	}
	t := w.tables[i]
	k := t.index(id)
	if k < 0 {
		return missing(entity, id)
	}
	old := t.records[k]
	next := slices.Clone(old.values)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		j := old.Entity.Index(name)
		if j < 0 {
			if name == "id" && values[name] == id {
				continue // a dict from get written back whole
			}
			return failf(InvalidArgument, "%s has no field %q that can be changed", spaced(entity), name)
		}
		v, err := w.value(old.Entity.Fields[j], values[name])
		if err != nil {
			return err
		}
		next[j] = v
	}
	r := newRecord(old.Entity, id, next)
	if err := w.keeps(r); err != nil {
		return err
	}
	records := slices.Clone(t.records)
	records[k] = r
	w.tables[i] = &table{records: records, sum: plus(minus(t.sum, old.sum), r.sum)}
	return nil
}

// Remove deletes a record; it fails with Conflict while another record refers to it.
func (w *World) Remove(entity, id string) error {
	i, ok := w.model.entities[entity]
	if !ok {
		return failf(InvalidArgument, "there is no entity %q", entity)
	}
	t := w.tables[i]
	k := t.index(id)
	if k < 0 {
		return missing(entity, id)
	}
	for _, ref := range w.model.referrers[i] {
		for _, r := range w.Records(ref.Entity.Name) {
			if r.Entity == t.records[k].Entity && r.ID == id {
				continue // a record may refer to itself
			}
			v := r.Get(ref.Field.Name)
			list, _ := v.([]any)
			if v == id || slices.Contains(list, any(id)) {
				return failf(Conflict, "%s %s is still used by %s %s", spaced(entity), id, spaced(r.Entity.Name), r.ID)
			}
		}
	}
	old := t.records[k]
	w.tables[i] = &table{records: slices.Delete(slices.Clone(t.records), k, k+1), sum: minus(t.sum, old.sum)}
	return nil
}

// draft makes a record without an id.
func (w *World) draft(entity string, values map[string]any) (*Record, error) {
	i, ok := w.model.entities[entity]
	if !ok {
		return nil, failf(InvalidArgument, "there is no entity %q", entity)
	}
	e := w.model.d.Entities[i]
	out := make([]any, len(e.Fields))
	for j, f := range e.Fields {
		v := values[f.Name]
		if v == nil && f.Name == e.State {
			v = e.Initial
		}
		var err error
		if out[j], err = w.value(f, v); err != nil {
			return nil, err
		}
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if e.Index(k) < 0 {
			return nil, failf(InvalidArgument, "%s has no field %q", spaced(entity), k)
		}
	}
	return newRecord(e, "", out), nil
}

// value coerces a value and checks that what it refers to exists.
func (w *World) value(f *domain.Field, v any) (any, error) {
	out, err := coerce(f, v)
	if err != nil {
		return nil, failf(InvalidArgument, "%v", err)
	}
	switch f.Type {
	case domain.Ref:
		if out == nil {
			return nil, nil
		}
		if _, ok := w.Get(f.To, out.(string)); !ok {
			return nil, missing(f.To, out.(string))
		}
	case domain.Refs:
		list, _ := out.([]any)
		for _, id := range list {
			if _, ok := w.Get(f.To, id.(string)); !ok {
				return nil, missing(f.To, id.(string))
			}
		}
	}
	return out, nil
}

func missing(entity, id string) *Error {
	return failf(NotFound, "there is no %s with the id %s", spaced(entity), short(id))
}

// short cuts what callers passed before it goes into a message.
func short(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "..."
	}
	return s
}

// spaced writes a snake_case name as people do.
func spaced(name string) string { return strings.ReplaceAll(name, "_", " ") }
