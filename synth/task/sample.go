package task

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"muonclip/internal/rng"
	"muonclip/synth/task/value"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// Sample makes the task of a key. Attempts that come to nothing are refused and made again with the next number, so
// the result depends on nothing but the key, the repository and the configuration.
func (p *Pool) Sample(key Key) (*Task, error) {
	kind := p.kind(rng.New(key.Seed, "synth kind", key.Index))
	var reasons []Reason
	for attempt := range p.cfg.Attempts {
		t, err := p.attempt(key, kind, uint64(attempt))
		if err == nil {
			t.Refusals = reasons
			return t, nil
		}
		var r *refusal
		if !errors.As(err, &r) {
			return nil, fmt.Errorf("task: %s (%s): %w", key, kind, err)
		}
		reasons = append(reasons, r.reason)
	}
	return nil, &RefusedError{Key: key, Kind: kind, Refusals: reasons}
}

// RefusedError says that all attempts at a key were refused.
type RefusedError struct {
	Key      Key
	Kind     Kind
	Refusals []Reason // of each attempt
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("task: %s: %d attempts at a task of kind %s were all refused, the last because of: %s", e.Key, len(e.Refusals), e.Kind, e.Refusals[len(e.Refusals)-1])
}

// kind draws the kind of a key.
func (p *Pool) kind(r *rand.Rand) Kind {
	total := 0
	for _, k := range Kinds() {
		total += p.cfg.Weights[k]
	}
	n := r.IntN(max(total, 1))
	for _, k := range Kinds() {
		if n -= p.cfg.Weights[k]; n < 0 {
			return k
		}
	}
	return Single
}

// The reasons for which attempts are refused.
const (
	NoPlan     Reason = "no plan of this kind in this world"
	GoldFails  Reason = "the plan itself fails"
	BreaksRule Reason = "the plan breaks a rule"
	Vacuous    Reason = "a silent agent passes"
	Guessable  Reason = "a random agent passes"
	Unheard    Reason = "the plan does not meet its own rubric"
	TooShort   Reason = "too few calls for a long session"
	NoFault    Reason = "no call that the fault can befall"
	Crowded    Reason = "more tools than an agent is offered"
	Bulky      Reason = "more characters than a compact task may have"
	OtherPart  Reason = "the calls belong to the other part"
)

// attempt makes one try.
func (p *Pool) attempt(key Key, kind Kind, n uint64) (*Task, error) {
	r := rng.New(key.Seed, "synth task", key.Index, n)
	b := &builder{pool: p, p: choose(r, p.products), r: r, tools: map[string]*tool.Tool{}, used: map[string]bool{}, shifted: map[string]bool{}}
	b.d = b.p.set.Domain
	w, err := b.p.set.Model.World(r.Uint64())
	if err != nil {
		return nil, err
	}
	b.start, b.w = w, w.Clone()
	b.today, _ = value.Date(w.Today())
	b.gold = gold{world: b.w, tools: b.tools}
	if kind == Irrelevant {
		t, err := p.irrelevant(key, b)
		if err != nil {
			return nil, err
		}
		return t, p.admit(t, nil)
	}
	t := &Task{Key: key, Kind: kind, Domain: b.d, Today: b.today}
	if p.cfg.Compact {
		err = b.add(kind, false)
	} else {
		err = b.session(t, kind)
	}
	if err != nil {
		return nil, err
	}
	t.Segments, t.World, t.Faults = b.segs, b.start, b.faults
	if err := b.staff(t); err != nil {
		return nil, err
	}
	if err := p.admit(t, b.gold.calls); err != nil {
		return nil, err
	}
	b.close(t)
	return t, b.guard(t)
}

// admit refuses the tasks of the part that is not asked for.
func (p *Pool) admit(t *Task, calls []DoneCall) error {
	if p.cfg.Part == "" {
		return nil
	}
	part, err := partOf(t, calls)
	if err == nil && part != p.cfg.Part {
		err = refuse(OtherPart, "%s", part)
	}
	return err
}

// session plans the segments of a task.
func (b *builder) session(t *Task, kind Kind) error {
	if kind == Long {
		return b.long()
	}
	main := kind
	if kind == Recovery {
		// Drawn from the key, not the attempt, so that faults that few plans allow are not the rarer for it.
		// Stale reads come more often: they are the only fault whose answer looks right.
		b.want = choose(rng.New(t.Key.Seed, "synth fault", t.Key.Index), append(FaultKinds(), Stale, Stale))
		switch b.want {
		case Partial:
			main = choose(b.r, []Kind{Single, Loop, Ambiguous})
		case Stale:
			main = choose(b.r, []Kind{Single, Dependent, Consent})
		default:
			main = choose(b.r, []Kind{Single, Dependent, Dependent, Loop, Parallel, Consent})
		}
	}
	extra := 0
	if b.r.IntN(5) < 2 {
		extra = 1 + b.r.IntN(2)
	}
	if err := b.add(main, kind == Recovery); err != nil {
		return err
	}
	if kind == Changed && b.r.IntN(3) == 0 {
		b.correction()
	}
	for range extra {
		_ = b.add(choose(b.r, []Kind{Single, Single, Dependent, Dependent, Consent, Missing, Impossible}), false) // what does not fit is left out
	}
	return nil
}

// add plans one segment of a kind, on which a fault may fall, and executes it, so that the next one starts from there.
func (b *builder) add(k Kind, trouble bool) error {
	seg := b.make(k)
	if seg == nil {
		return refuse(NoPlan, "%s in %s", k, b.d.Name)
	}
	if !trouble {
		return b.commit(seg)
	}
	f, err := b.fault(seg, len(b.segs) == 0)
	if err != nil {
		return err
	}
	seg.Kind = Recovery
	if err := b.commit(seg); err != nil {
		return err
	}
	b.faults = append(b.faults, *f)
	return nil
}

// commit executes a segment on the world, computes its facts and appends it.
func (b *builder) commit(seg *Segment) error {
	for _, f := range b.faults {
		for _, s := range seg.Steps {
			if (f.Kind == Denied || f.Kind == Transient && f.Times == 0) && s.Tool == f.Tool {
				return refuse(NoPlan, "%s is out of order", f.Tool)
			}
		}
	}
	trial := b.gold
	trial.world = b.w.Clone()
	bind, err := trial.run(seg)
	if err != nil {
		return refuse(GoldFails, "%v", err)
	}
	if len(trial.rules) > 0 {
		return refuse(BreaksRule, "%s", trial.rules[0])
	}
	if seg.Outcome != Declined && seg.Outcome != Failed {
		for _, f := range seg.Facts {
			if f.From.Kind == "" {
				continue
			}
			v, err := bind.Resolve(seg.Steps, f.From, nil)
			if err != nil {
				return refuse(GoldFails, "%v", err)
			}
			f.Value.V = v
		}
	}
	if trial.write > b.gold.write {
		seg.Changes = world.Diff(b.w, trial.world)
	}
	b.gold, b.w = trial, trial.world
	b.segs = append(b.segs, seg)
	return nil
}

// long plans requests until fifty calls are reached.
func (b *builder) long() error {
	kinds := []Kind{Single, Single, Dependent, Dependent, Parallel, Parallel, Loop, Loop, Loop, Missing, Consent, Impossible, Ambiguous}
	for tries := 0; len(b.gold.calls) < 50+b.r.IntN(12); tries++ {
		if tries > 160 || len(b.segs) > 45 {
			return refuse(TooShort, "%d calls in %s", len(b.gold.calls), b.d.Name)
		}
		_ = b.add(choose(b.r, kinds), b.r.IntN(12) == 0 && len(b.segs) > 0) // what this world does not give is left out
		if tries%16 == 15 {
			clear(b.used)
		}
	}
	return nil
}

// correction lets the user change their mind after the change was made.
func (b *builder) correction() {
	last := b.segs[len(b.segs)-1]
	if last.Intent.Tool == nil || last.Intent.Tool.Kind != "edit" || last.Outcome != Done {
		return
	}
	var target, val *Slot
	for _, s := range last.Slots {
		switch s.Role {
		case RoleTarget:
			target = s
		case RoleValue:
			val = s
		}
	}
	t := last.Intent.Tool
	if target == nil || val == nil || target.Param != "id" {
		return
	}
	p := t.Param(val.Param)
	seg := b.segment(Changed, ActCorrect, t, last.Intent.Entity)
	seg.Intent.Verb = last.Intent.Verb
	id := b.slot(seg, Slot{Label: target.Label, Entity: target.Entity, Param: "id", Role: RoleTarget, Reveal: Known, Value: target.Value})
	s := b.slot(seg, Slot{Label: val.Label, About: val.About, Param: val.Param, Role: RoleValue, Value: val.Value})
	if !b.first(seg, s) || p == nil {
		return
	}
	s.Value, *s.First = *s.First, s.Value
	main := t.ByRole(tool.RoleID)
	call := b.call(seg, t, arg(main, fromSlot(id)), arg(p, fromSlot(s)))
	f := b.d.Entity(t.Entity).Field(p.Field)
	if f == nil {
		return
	}
	args := map[string]any{}
	t.Put(args, main, target.Value.V)
	t.Put(args, p, s.Value.V)
	d := &deed{tool: t, args: args, main: main}
	d.rec, _ = b.w.Get(main.Entity, target.Value.V.(string))
	if d.rec == nil || !b.lawful(d) || !b.works(d) {
		return
	}
	b.outcome(seg, d, call)
	b.report(seg)
	_ = b.commit(seg)
}

// close computes what follows from the segments.
func (b *builder) close(t *Task) {
	t.Initial, t.Goal = b.start.Hash(), b.w.Hash()
	t.Diff = world.Diff(b.start, b.w)
	t.Calls, t.Writes = len(b.gold.calls), b.gold.write
	t.Rubric = b.rubric(t)
	t.Difficulty = difficulty(t)
}

// difficulty is 1 for one plain call and grows with the calls, the requests and what stands in the way.
func difficulty(t *Task) int {
	points := 0
	for _, n := range []int{2, 5, 12, 40} {
		if t.Calls >= n {
			points++
		}
	}
	if len(t.Segments) > 1 {
		points++
	}
	switch t.Kind {
	case Single, NoTool:
	case Dependent, Parallel, Missing, Impossible, Irrelevant:
		points++
	default:
		points += 2
	}
	return min(5, 1+points*2/3)
}
