package world

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"muonclip/internal/rng"
	"muonclip/synth/domain"
)

// repairs is how often fields are drawn anew until the invariants hold.
const repairs = 400

// World makes the world of a seed: the same model and seed give the same world, record by record. It fails when no
// records can be drawn that keep the invariants.
func (m *Model) World(seed uint64) (*World, error) {
	day := rng.New(seed, "world/today/"+m.d.Name)
	start := time.Date(2025, time.January, 6, 0, 0, 0, 0, time.UTC)
	w := &World{model: m, seed: seed, today: start.AddDate(0, 0, day.IntN(700)).Format(dateForm), tables: make([]*table, len(m.d.Entities))}
	b := builder{w: w, ids: make([][]string, len(m.d.Entities))}
	for i, e := range m.d.Entities {
		r := rng.New(seed, "world/ids/"+m.d.Name, uint64(i))
		for len(b.ids[i]) < e.Records {
			if id := e.NewID(r.IntN); !slices.Contains(b.ids[i], id) {
				b.ids[i] = append(b.ids[i], id)
			}
		}
	}
	for i, e := range m.d.Entities {
		t := &table{}
		b.begin(i, e)
		for k, id := range b.ids[i] {
			r, err := b.record(i, k, id)
			if err != nil {
				return nil, err
			}
			t.records = append(t.records, r)
			t.sum = plus(t.sum, r.sum)
		}
		w.tables[i] = t
	}
	return w, nil
}

// builder draws the records of a fresh world.
type builder struct {
	w   *World
	ids [][]string // ids of all records before any is made, so that refs may point anywhere

	seen   map[string]bool  // values that must differ within the entity
	orders map[string][]int // an order of samples or states for each field
}

func (b *builder) begin(i int, e *domain.Entity) {
	b.seen = map[string]bool{}
	b.orders = map[string][]int{}
	for j, f := range e.Fields {
		n := len(f.Samples)
		if f.Name == e.State {
			n = len(f.Values)
		}
		if n > 0 {
			b.orders[f.Name] = rng.New(b.w.seed, "world/order/"+b.w.model.d.Name, uint64(i), uint64(j)).Perm(n)
		}
	}
}

func (b *builder) record(i, k int, id string) (*Record, error) {
	m := b.w.model
	e := m.d.Entities[i]
	values := make([]any, len(e.Fields))
	redraw := make([]bool, len(e.Fields))
	for j := range redraw {
		redraw[j] = true
	}
	for attempt := range uint64(repairs) {
		r := rng.New(b.w.seed, m.purpose, uint64(i), uint64(k), attempt)
		for j, f := range e.Fields {
			if redraw[j] {
				redraw[j] = false
				values[j] = b.draw(r, e, f, k, values)
			}
		}
		rec := newRecord(e, id, slices.Clone(values))
		broken := -1
		for c := range m.invariants[i] {
			if ok, err := m.invariants[i][c].holds(b.w, rec); err != nil {
				return nil, fmt.Errorf("world: %s: %s: invariant %w: allow for missing values in it", m.d.Name, e.Name, err)
			} else if !ok {
				broken = c
				break
			}
		}
		if broken < 0 {
			for j, f := range e.Fields {
				if mustDiffer(e, f) {
					b.seen[f.Name+"\x00"+text(values[j])] = true
				}
			}
			return rec, nil
		}
		for _, j := range m.invariants[i][broken].fields {
			if j >= 0 {
				redraw[j] = true
			}
		}
		if attempt == repairs-1 {
			return nil, fmt.Errorf("world: %s: %s: no values were found that keep the invariant %q: widen the ranges of its fields",
				m.d.Name, e.Name, m.invariants[i][broken].source)
		}
	}
	panic("unreachable")
}

// draw draws the value of a field of the k-th record.
func (b *builder) draw(r *rand.Rand, e *domain.Entity, f *domain.Field, k int, values []any) any {
	if f.Optional && r.IntN(10) < 3 {
		return nil
	}
	switch f.Type {
	case domain.Ref:
		return b.ref(r, f.To, e, k)
	case domain.Refs:
		n := 1 + r.IntN(3)
		var out []any
		for range n {
			if id := b.ref(r, f.To, e, k); id != nil && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
		return out
	case domain.Enum:
		if f.Name == e.State { // every state occurs when there are enough records
			order := b.orders[f.Name]
			if k < len(order) && r.IntN(20) > 0 {
				return f.Values[order[k]]
			}
		}
	case domain.Title:
		order := b.orders[f.Name]
		if f.Name == e.Label && len(order) > 0 { // without repetition as long as they last
			s := f.Samples[order[k%len(order)]]
			if n := k / len(order); n > 0 {
				s += " " + strconv.Itoa(n+1)
			}
			return s
		}
	}
	for range 40 {
		v := drawValue(r, f, b.w.today, contextOf(e, values))
		if mustDiffer(e, f) && b.seen[f.Name+"\x00"+text(v)] {
			continue
		}
		return v
	}
	return drawValue(r, f, b.w.today, contextOf(e, values))
}

// mustDiffer reports whether two records with the same value would confuse people.
func mustDiffer(e *domain.Entity, f *domain.Field) bool {
	switch f.Type {
	case domain.Email, domain.Phone, domain.Code:
		return true
	}
	return f.Name == e.Label
}

func (b *builder) ref(r *rand.Rand, to string, e *domain.Entity, k int) any {
	ids := b.ids[b.w.model.entities[to]]
	j := r.IntN(len(ids))
	if to == e.Name && j == k { // not to itself
		j = (j + 1) % len(ids)
	}
	return ids[j]
}

// contextOf gives the name to which e-mail addresses and URLs of the record fit; "" when there is none.
func contextOf(e *domain.Entity, values []any) string {
	for _, t := range []domain.Type{domain.Person, domain.Company, domain.Title} {
		for j, f := range e.Fields {
			if f.Type == t {
				if s, ok := values[j].(string); ok {
					return s
				}
			}
		}
	}
	return ""
}
