package evolve

import (
	"context"
	"fmt"
	"strings"
	"time"

	"muonclip/internal/rng"
	"muonclip/synth/actor"
	"muonclip/synth/domain"
	"muonclip/synth/proof"
	"muonclip/synth/task"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// Bar is what a file must pass.
type Bar struct {
	Worlds  int           // worlds that must be sound; 0 means 8
	Calls   int           // self-test calls of each tool in each of two worlds; 0 means 3
	Tools   int           // tools at least; 0 means 80
	Kinds   int           // kinds of tasks at least; 0 means 6
	Proved  int           // dialogues at least that the scripted expert proves; 0 means 20
	Similar float64       // share of tools at most that have a near-duplicate, or of parts of the model that another domain has too; 0 means 0.3
	Time    time.Duration // for all of it; 0 means 2 minutes
}

func (b *Bar) setDefaults() {
	for _, x := range []struct {
		v    *int
		zero int
	}{{&b.Worlds, 8}, {&b.Calls, 3}, {&b.Tools, 80}, {&b.Kinds, 6}, {&b.Proved, 20}} {
		if *x.v <= 0 {
			*x.v = x.zero
		}
	}
	if b.Similar <= 0 {
		b.Similar = 0.3
	}
	if b.Time <= 0 {
		b.Time = 2 * time.Minute
	}
}

// Passed says what a file that passed has to offer.
type Passed struct {
	Domain  *domain.Domain `json:"-"`
	Tools   int            `json:"tools"`
	Calls   int            `json:"self_test_calls"`
	Near    float64        `json:"near_duplicate_rate"` // of its tools
	Alike   float64        `json:"alike"`               // share of its parts that the domain nearest to it has too
	Nearest string         `json:"nearest,omitempty"`   // that domain
	Kinds   int            `json:"kinds"`
	Proved  int            `json:"proved"`

	set *tool.Set
}

// verifier tests files against the domains that are there. It serves one run.
type verifier struct {
	bar     Bar
	domains []*domain.Domain
	tools   []*tool.Tool
	near    int       // near-duplicates among the tools
	partner *tool.Set // tasks need a second product, from which distracting tools come
	checker *proof.Checker
}

func newVerifier(ctx context.Context, existing []*domain.Domain, bar Bar) (*verifier, error) {
	bar.setDefaults()
	sets, err := tool.EvolveAll(ctx, existing, 0)
	if err != nil {
		return nil, fmt.Errorf("evolve: %w", err)
	}
	if len(sets) == 0 {
		return nil, fmt.Errorf("evolve: at least one domain must be there, as an example and as the partner of new ones")
	}
	v := &verifier{bar: bar, domains: existing[:len(existing):len(existing)], partner: sets[0], checker: &proof.Checker{}}
	for _, s := range sets {
		v.tools = append(v.tools, s.Tools...)
	}
	v.near = tool.NearDuplicates(v.tools, nearThreshold).Removable
	return v, nil
}

// add lets later files be compared with an accepted one.
func (v *verifier) add(p *Passed) {
	v.domains = append(v.domains, p.Domain)
	v.tools = append(v.tools, p.set.Tools...)
	v.near = tool.NearDuplicates(v.tools, nearThreshold).Removable
}

// verify tests a file. Programs are bounded in steps and memory by package world; the whole test is bounded in time here,
// and what does not come back in time is left behind: it ends by itself, since all its parts are bounded.
func (v *verifier) verify(ctx context.Context, file string, data []byte) (*Passed, *Rejection) {
	ctx, cancel := context.WithTimeout(ctx, v.bar.Time)
	defer cancel()
	type result struct {
		passed    *Passed
		rejection *Rejection
	}
	done := make(chan result, 1)
	now := *v // what is left behind must not see what is added later
	go func() {
		defer func() {
			if p := recover(); p != nil { // what a model writes must not end the run
				done <- result{nil, reject(StageTools, fmt.Sprintf("a step of the test broke down: %v", p))}
			}
		}()
		p, r := now.stages(ctx, file, data)
		done <- result{p, r}
	}()
	select {
	case r := <-done:
		if ctx.Err() == nil || r.passed != nil {
			return r.passed, r.rejection
		}
	case <-ctx.Done():
	}
	return nil, reject(StageTime, fmt.Sprintf("the tests were not finished after %v", v.bar.Time))
}

func (v *verifier) stages(ctx context.Context, file string, data []byte) (*Passed, *Rejection) {
	d, problems := domain.Parse(file, data)
	if len(problems) > 0 || d == nil {
		return nil, reject(StageParse, lines(problems)...)
	}
	if want := strings.TrimSuffix(file, ".yaml"); d.Name != want {
		return nil, reject(StageUnique, fmt.Sprintf("domain is %q, want %q", d.Name, want))
	}
	if clash := domain.Check(append(v.domains[:len(v.domains):len(v.domains)], d)); len(clash) > 0 {
		return nil, reject(StageUnique, lines(clash)...)
	}
	m, err := world.NewModel(d)
	if err != nil {
		return nil, reject(StageCompile, err.Error())
	}
	for seed := range v.bar.Worlds {
		w, err := m.World(uint64(seed))
		if err == nil {
			err = w.Check()
		}
		if err != nil {
			return nil, reject(StageWorld, fmt.Sprintf("world %d: %v", seed, err))
		}
		if ctx.Err() != nil {
			return nil, reject(StageTime, ctx.Err().Error())
		}
	}
	set, err := tool.Evolve(m, 0)
	if err != nil {
		return nil, reject(StageTools, err.Error())
	}
	if len(set.Tools) < v.bar.Tools {
		return nil, reject(StageTools, fmt.Sprintf("%d tools come of it, want %d: add entities, fields with edit verbs, transitions and actions",
			len(set.Tools), v.bar.Tools))
	}
	out := &Passed{Domain: d, Tools: len(set.Tools), set: set}
	for _, stage := range []func(context.Context, *Passed) *Rejection{v.selfTest, v.novel, v.dialogues} {
		if r := stage(ctx, out); r != nil {
			return nil, r
		}
	}
	return out, nil
}

// selfTest runs all tools on two worlds.
func (v *verifier) selfTest(ctx context.Context, p *Passed) *Rejection {
	tally, err := tool.SelfTest(ctx, p.set, []uint64{1, 2}, v.bar.Calls)
	if err != nil {
		return reject(StageSelfTest, err.Error())
	}
	p.Calls = tally.Calls
	var problems []string
	for _, f := range tally.Failures {
		problems = append(problems, f.String())
	}
	for _, name := range tally.Never {
		t := p.set.Tool(name)
		if t == nil || t.Kind != "action" {
			continue // whether a transition finds a record in its state is up to the worlds
		}
		if why := neverSucceeds(p.set, t); why != "" {
			problems = append(problems, fmt.Sprintf("%s never succeeds on sampled records: %s", t.Name, why))
		}
	}
	if len(problems) > 0 {
		return reject(StageSelfTest, problems...)
	}
	return nil
}

// neverSucceeds tries an action on many worlds. It gives "" once a call succeeds, and else what the last one answered.
func neverSucceeds(s *tool.Set, t *tool.Tool) string {
	why := "no records fit its parameters"
	for seed := range uint64(20) {
		w, err := s.Model.World(seed)
		if err != nil {
			return err.Error()
		}
		for n := range uint64(10) {
			args, ok := t.Sample(w, rng.New(seed, "evolve/action/"+t.Name, n))
			if !ok {
				continue
			}
			_, err := t.CallValues(w.Clone(), args)
			if err == nil {
				return ""
			}
			why = err.Error()
		}
	}
	return why
}

// dialogues samples tasks and lets the scripted expert prove dialogues on them.
func (v *verifier) dialogues(ctx context.Context, p *Passed) *Rejection {
	pool, err := task.NewPool([]*tool.Set{p.set, v.partner}, task.Config{Attempts: 60})
	if err != nil {
		return reject(StageTasks, err.Error())
	}
	kinds := map[task.Kind]bool{}
	played := 0
	var problems []string
	for index := uint64(0); index < uint64(12*v.bar.Proved); index++ {
		if ctx.Err() != nil {
			return reject(StageTime, ctx.Err().Error())
		}
		if p.Proved >= v.bar.Proved && len(kinds) >= v.bar.Kinds {
			break
		}
		x, err := pool.Sample(task.Key{Seed: 1, Index: index})
		if err != nil || x.Domain != p.Domain {
			continue
		}
		played++
		tr, err := actor.Play(ctx, x)
		if err != nil {
			problems = append(problems, fmt.Sprintf("a %s: %v", x.Kind, err))
			continue
		}
		if report := v.checker.Prove(tr); !report.OK() {
			f := report.Findings[0]
			problems = append(problems, fmt.Sprintf("a %s fails the check %s: %s", x.Kind, f.Check, f.Detail))
			continue
		}
		p.Proved++
		kinds[x.Kind] = true
	}
	p.Kinds = len(kinds)
	switch {
	case p.Proved < v.bar.Proved || 10*p.Proved < 8*played:
		first := fmt.Sprintf("%d of %d dialogues are proved, want %d and at least 80 %%", p.Proved, played, v.bar.Proved)
		return reject(StageProof, append([]string{first}, problems...)...)
	case p.Kinds < v.bar.Kinds:
		return reject(StageTasks, fmt.Sprintf("tasks of %d kinds can be made, want %d: add transitions with consent, rules, fields with edit verbs and refs between entities",
			p.Kinds, v.bar.Kinds))
	}
	return nil
}

// reject makes a rejection with a bounded number of bounded problems.
func reject(stage Stage, problems ...string) *Rejection {
	const most, longest = 25, 400
	r := &Rejection{Stage: stage}
	for i, p := range problems {
		if i == most {
			r.Problems = append(r.Problems, fmt.Sprintf("and %d more", len(problems)-most))
			break
		}
		if len(p) > longest {
			p = strings.ToValidUTF8(p[:longest], "") + "…"
		}
		r.Problems = append(r.Problems, p)
	}
	if len(r.Problems) == 0 {
		r.Problems = []string{"the file is empty or not YAML"}
	}
	return r
}

func lines(ps domain.Problems) []string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = p.String()
	}
	return out
}
