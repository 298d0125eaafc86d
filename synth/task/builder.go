package task

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"muonclip/synth/domain"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// builder makes one attempt at a task.
type builder struct {
	pool    *Pool
	p       *product
	d       *domain.Domain
	r       *rand.Rand
	start   *world.World // the world at the beginning; changed only before the first segment
	w       *world.World // the world after the segments so far
	today   time.Time
	tools   map[string]*tool.Tool // offered so far
	list    []*tool.Tool
	segs    []*Segment
	gold    gold
	slots   int
	used    map[string]bool // records that an earlier segment was about
	want    FaultKind       // the fault that a task is to show; "" for any
	faults  []Fault
	shifted map[string]bool // tools of which faults change how often they are called
}

// offer puts a tool on the list of the agent.
func (b *builder) offer(t *tool.Tool) bool {
	if old := b.tools[t.Name]; old != nil {
		return old == t
	}
	b.tools[t.Name] = t
	b.list = append(b.list, t)
	return true
}

func (b *builder) segment(k Kind, act Act, t *tool.Tool, e *domain.Entity) *Segment {
	return &Segment{Kind: k, Outcome: Done, Intent: Intent{Act: act, Tool: t, Entity: e}}
}

// slot adds a value that the user knows.
func (b *builder) slot(seg *Segment, s Slot) *Slot {
	b.slots++
	s.Name = fmt.Sprintf("s%d", b.slots)
	seg.Slots = append(seg.Slots, &s)
	return &s
}

// call adds a call to the plan and returns the number of its step.
func (b *builder) call(seg *Segment, t *tool.Tool, args ...Arg) int {
	b.offer(t)
	seg.Steps = append(seg.Steps, &Step{Do: DoCall, Tool: t.Name, Items: t.Returns.Items, Args: args, Each: -1, Write: t.Writes})
	return len(seg.Steps) - 1
}

func (b *builder) step(seg *Segment, s Step) {
	s.Each = -1
	seg.Steps = append(seg.Steps, &s)
}

// arg is the argument for a parameter.
func arg(p *tool.Param, from Source) Arg { return Arg{Group: p.Group, Param: p.Name, From: from} }

func fromSlot(s *Slot) Source { return Source{Kind: FromSlot, Slot: s.Name} }

func picked(step int, path ...string) Source {
	return Source{Kind: FromPicked, Step: step, Path: path}
}

func result(step int, path ...string) Source {
	return Source{Kind: FromResult, Step: step, Path: path}
}

// way is how a user refers to a record.
type way uint8

const (
	byID way = iota
	byLabel
	byOwner
)

// locate lets the user refer to a record and adds the calls that find it. It returns where the id comes from, false
// when the record cannot be found that way.
func (b *builder) locate(seg *Segment, rec *world.Record, role SlotRole, w way) (Source, bool) {
	e := rec.Entity
	switch w {
	case byID:
		s := b.slot(seg, Slot{Label: value.Words(e.Name) + " number", Entity: value.Words(e.Name), Param: "id", Role: role, Value: value.Value{V: rec.ID, Type: domain.Ref}})
		return fromSlot(s), true
	case byLabel:
		return b.byLabel(seg, rec, role)
	}
	return b.byOwner(seg, rec)
}

// byLabel finds a record by the name that people give it.
func (b *builder) byLabel(seg *Segment, rec *world.Record, role SlotRole) (Source, bool) {
	e := rec.Entity
	t := b.p.finders[e.Name][e.Label]
	name, ok := rec.Get(e.Label).(string)
	if t == nil || !ok || e.Label == "id" || len(b.w.ByLabel(e.Name, name)) != 1 {
		return Source{}, false
	}
	return picked(b.lookup(seg, t, e, role, name), "id"), true
}

// lookup adds the call that finds records by their label.
func (b *builder) lookup(seg *Segment, t *tool.Tool, e *domain.Entity, role SlotRole, name string) int {
	f := e.Field(e.Label)
	s := b.slot(seg, Slot{Label: value.Words(f.Name), About: f.About, Entity: value.Words(e.Name), Param: f.Name, Role: role, Value: value.Value{V: name, Type: f.Type}})
	i := b.call(seg, t, arg(paramFor(t, e.Label), fromSlot(s)))
	seg.Steps[i].Pick = []Cond{{Field: t.Key(e.Label), Slot: s.Name}}
	return i
}

// byOwner finds a record through the one that it belongs to, of which it is the only one.
func (b *builder) byOwner(seg *Segment, rec *world.Record) (Source, bool) {
	for _, f := range shuffled(b.r, rec.Entity.Fields) {
		t := b.p.children[rec.Entity.Name][f.Name]
		id, ok := rec.Get(f.Name).(string)
		if f.Type != domain.Ref || t == nil || !ok || b.children(rec.Entity.Name, f.Name, id) != 1 {
			continue
		}
		owner, ok := b.w.Get(f.To, id)
		if !ok {
			continue
		}
		from, ok := b.byLabel(seg, owner, RoleOwner)
		if !ok {
			if b.r.IntN(2) == 0 {
				continue
			}
			from, _ = b.locate(seg, owner, RoleOwner, byID)
		}
		i := b.call(seg, t, arg(paramFor(t, f.Name), from))
		seg.Facts = append(seg.Facts, &Fact{Label: value.Words(rec.Entity.Name), Value: value.Value{Type: domain.Ref}, From: picked(i, "id")})
		return picked(i, "id"), true
	}
	return Source{}, false
}

// children counts the records that belong to another.
func (b *builder) children(entity, field, id string) int {
	n := 0
	for _, r := range b.w.Records(entity) {
		if r.Get(field) == id {
			n++
		}
	}
	return n
}

// look adds a read of the record before it is acted on; false when the product has no tool for that.
func (b *builder) look(seg *Segment, e *domain.Entity, id Source) (int, bool) {
	t := b.p.getters[e.Name]
	if t == nil {
		return 0, false
	}
	return b.call(seg, t, arg(required(t)[0], id)), true
}

// report ends the segment.
func (b *builder) report(seg *Segment) { b.step(seg, Step{Do: DoReport}) }

// label is how a field is called: by its name or by what is said about it.
func (b *builder) label(f *domain.Field) string {
	about := lowerFirst(f.About)
	if f.Type == domain.Bool && strings.HasPrefix(about, "whether ") {
		return about
	}
	if words := strings.Count(about, " ") + 1; words > 1 && words <= 7 && !strings.ContainsAny(about, ",;:(") && b.r.IntN(2) == 0 && !question(about) {
		return about
	}
	return fieldName(f)
}

func question(s string) bool {
	w, _, _ := strings.Cut(s, " ")
	switch w {
	case "whether", "how", "what", "where", "when", "who", "which", "why":
		return true
	}
	return false
}

// unit is what a field's numbers count.
func unit(f *domain.Field) string {
	if f == nil {
		return ""
	}
	return f.Unit
}

// record draws a record that no segment was about yet; nil when there is none for which ok holds.
func (b *builder) record(entity string, ok func(*world.Record) bool) *world.Record {
	for _, rec := range shuffled(b.r, b.w.Records(entity)) {
		if !b.used[rec.ID] && (ok == nil || ok(rec)) {
			return rec
		}
	}
	return nil
}
