package synth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"

	"muonclip/synth/actor"
	"muonclip/synth/dataset"
	"muonclip/synth/domain"
	"muonclip/synth/env"
	"muonclip/synth/evolve"
	"muonclip/synth/proof"
	"muonclip/synth/task"
	"muonclip/synth/tool"
)

// The reasons for which the source refuses its own dialogues.
const (
	ReasonTask  = "no_task" // no task of the kind could be sampled
	ReasonActor = "actor"   // the dialogue did not come to its end; a model's actors give reasons of their own
	ReasonProof = "proof_"  // and the name of the first check of package proof that found something
)

// SourceConfig configures NewSource. The zero value takes everything with seed 0.
type SourceConfig struct {
	Seed     uint64            // of the tasks
	ToolSeed uint64            // of the wording and the choice of tools
	Domains  []string          // names of the domains to use; nil means all
	Folders  []string          // of domain files beside those that come with the program
	Weights  map[task.Kind]int // of the kinds of tasks; nil means task.DefaultWeights
	Compact  bool              // short tasks for models with little context, see task.Config
	Split    Split             // of the domains
	Part     task.Part         // of the tasks

	// Agent and User make who speaks in the dialogue of a task; nil means the scripted expert and the scripted user. What
	// they say must depend on the task alone. Their errors refuse the candidate, under the reason that a method
	// Reason() string gives, unless a method StopsRun() bool says that the candidate is not to blame.
	Agent func(*task.Task) (env.Agent, error)
	User  func(*task.Task) (env.User, error)
	// Actors describes them: everything that their words depend on beside the task.
	Actors map[string]string
}

// Split is a part of the domains, so that tools can be kept out of training; see tool.HeldOut.
type Split string

// The parts. The zero value is all domains.
const (
	Train   Split = "train"
	HeldOut Split = "held-out"
)

// of takes the part out of tool sets.
func (s Split) of(sets []*tool.Set) ([]*tool.Set, error) {
	train, heldOut := tool.Split(sets)
	switch s {
	case "":
		return sets, nil
	case Train:
		return train, nil
	case HeldOut:
		return heldOut, nil
	}
	return nil, usage("there is no part %q of the domains, want train or held-out", s)
}

// scripted names the actors that need no model.
const scripted = "scripted expert and user"

// Source samples tasks, lets an agent serve a user, and proves what comes out. It implements Sampler and Prover.
type Source struct {
	seed     uint64
	pool     *task.Pool
	sets     []*tool.Set
	agent    func(*task.Task) (env.Agent, error) // nil where both are scripted
	user     func(*task.Task) (env.User, error)
	describe map[string]string
	checker  proof.Checker
	absent   error // why there are no dialogues to be had; nil when there are
}

var (
	_ Sampler = (*Source)(nil)
	_ Prover  = (*Source)(nil)
)

// NewSource loads the domains and makes their tools.
func NewSource(ctx context.Context, c SourceConfig) (*Source, error) {
	sets, err := Tools(ctx, c.ToolSeed, c.Domains, c.Folders...)
	if err != nil {
		return nil, err
	}
	if sets, err = c.Split.of(sets); err != nil {
		return nil, err
	}
	pool, err := task.NewPool(sets, task.Config{Weights: c.Weights, Compact: c.Compact, Part: c.Part})
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	h := xxh3.New()
	tools := 0
	for _, s := range sets {
		for _, t := range s.Tools {
			fmt.Fprintf(h, "%q %q %s %q\n", t.Name, t.Description, t.Parameters, t.Source)
			tools++
		}
	}
	weights := c.Weights
	switch {
	case weights == nil && c.Compact:
		weights = task.CompactWeights()
	case weights == nil:
		weights = task.DefaultWeights()
	}
	mix, err := json.Marshal(weights)
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	s := &Source{seed: c.Seed, pool: pool, sets: sets, describe: map[string]string{
		"actor": scripted, "domains": strconv.Itoa(len(sets)), "tools": strconv.Itoa(tools),
		"tools_fingerprint": fmt.Sprintf("%016x", h.Sum64()), "tool_seed": strconv.FormatUint(c.ToolSeed, 10), "kind_weights": string(mix),
	}}
	for name, value := range map[string]string{
		"domain_names": strings.Join(c.Domains, ","), "domain_folders": strings.Join(c.Folders, ","), "split": string(c.Split), "part": string(c.Part),
	} {
		if value != "" {
			s.describe[name] = value
		}
	}
	if c.Compact {
		s.describe["compact"] = "true"
	}
	s.cast(c)
	return s, nil
}

// cast says who speaks.
func (s *Source) cast(c SourceConfig) {
	maps.Copy(s.describe, c.Actors)
	if c.Agent == nil && c.User == nil {
		return
	}
	names := [2]string{"scripted expert", "scripted user"}
	s.agent, s.user = c.Agent, c.User
	if s.agent == nil {
		s.agent = func(t *task.Task) (env.Agent, error) { return actor.NewExpert(t), nil }
	} else {
		names[0] = "model as agent"
	}
	if s.user == nil {
		s.user = func(t *task.Task) (env.User, error) { return actor.NewUser(t), nil }
	} else {
		names[1] = "model as user"
	}
	s.describe["actor"] = names[0] + ", " + names[1]
}

// SourceOf makes the source that a data set came from.
func SourceOf(ctx context.Context, dir string) (*Source, error) {
	m, err := dataset.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	from := m.Config.Source
	c := SourceConfig{Seed: m.Config.Seed, Compact: from["compact"] == "true", Split: Split(from["split"]), Part: task.Part(from["part"])}
	if c.ToolSeed, err = strconv.ParseUint(from["tool_seed"], 10, 64); err != nil {
		return nil, fmt.Errorf("synth: %s: the manifest does not say what the dialogues were made by", dir)
	}
	if err := json.Unmarshal([]byte(from["kind_weights"]), &c.Weights); err != nil {
		return nil, fmt.Errorf("synth: %s: kind_weights of the manifest: %w", dir, err)
	}
	if names := from["domain_names"]; names != "" {
		c.Domains = strings.Split(names, ",")
	}
	if folders := from["domain_folders"]; folders != "" {
		c.Folders = strings.Split(folders, ",")
	}
	s, err := NewSource(ctx, c)
	if err != nil {
		return nil, err
	}
	if was, is := from["tools_fingerprint"], s.describe["tools_fingerprint"]; was != is {
		return nil, fmt.Errorf("synth: %s was made with the tools %s, this program has %s: use the program that made it", dir, was, is)
	}
	if from["actor"] != scripted {
		s.absent = usage("models spoke in the dialogues of %s (%s): they can be proved, but not made anew", dir, from["actor"])
	}
	return s, nil
}

// Tools makes the tools of the named domains, or of all where names is empty: those that come with the program and
// those in folders.
func Tools(ctx context.Context, seed uint64, names []string, folders ...string) ([]*tool.Set, error) {
	all, err := evolve.Load(folders...)
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	chosen := all
	if len(names) > 0 {
		chosen = nil
		for _, name := range names {
			at := slices.IndexFunc(all, func(d *domain.Domain) bool { return d.Name == name })
			if at < 0 {
				return nil, usage("unknown domain %q; \"muonclip synth tools\" lists them", name)
			}
			chosen = append(chosen, all[at])
		}
	}
	sets, err := tool.EvolveAll(ctx, chosen, seed)
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	return sets, nil
}

// Describe implements Sampler.
func (s *Source) Describe() map[string]string { return s.describe }

// Task samples the task of a key.
func (s *Source) Task(key task.Key) (*task.Task, error) { return s.pool.Sample(key) }

// Dialogue implements Sampler.
func (s *Source) Dialogue(ctx context.Context, index int64) (*dataset.Row, *Refusal, error) {
	if s.absent != nil {
		return nil, nil, s.absent
	}
	t, err := s.pool.Sample(task.Key{Seed: s.seed, Index: uint64(index)})
	if err != nil {
		return nil, &Refusal{ReasonTask, err.Error()}, nil
	}
	tr, err := s.play(ctx, t)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return failed(t, err)
	}
	checks, refusal := s.check(tr)
	if refusal != nil {
		refusal.Detail = fmt.Sprintf("%s (%s): %s", t.ID(), t.Kind, refusal.Detail)
		return nil, refusal, nil
	}
	row, err := rowOf(tr, checks)
	return row, nil, err
}

// play lets the actors speak. A model that goes round in circles is stopped well after the plan's number of turns.
func (s *Source) play(ctx context.Context, t *task.Task) (*env.Trajectory, error) {
	if s.agent == nil {
		return actor.Play(ctx, t)
	}
	agent, err := s.agent(t)
	if err != nil {
		return nil, err
	}
	g := env.Gym{NewUser: s.user, MaxTurns: 20 + 8*len(t.Segments) + 4*t.Calls}
	return g.Run(ctx, t, agent)
}

// failed decides whether a dialogue that did not come to its end costs the candidate or ends the run.
func failed(t *task.Task, err error) (*dataset.Row, *Refusal, error) {
	var stops interface{ StopsRun() bool }
	if errors.As(err, &stops) && stops.StopsRun() {
		return nil, nil, err
	}
	reason := ReasonActor
	var own interface{ Reason() string }
	if errors.As(err, &own) {
		reason = own.Reason()
	}
	return nil, &Refusal{reason, t.ID() + ": " + err.Error()}, nil
}

// check proves a trajectory. The reason of a refusal is the first check that found something.
func (s *Source) check(tr *env.Trajectory) ([]dataset.Check, *Refusal) {
	report := s.checker.Prove(tr)
	if !report.OK() {
		var details []string
		for _, f := range report.Findings[:min(len(report.Findings), 3)] {
			details = append(details, fmt.Sprintf("%s at message %d: %s", f.Check, f.Message, f.Detail))
		}
		return nil, &Refusal{ReasonProof + report.Failed()[0], strings.Join(details, "; ")}
	}
	details := map[string]int{proof.Told: report.Facts, proof.Schema: report.Calls, proof.Sourced: report.Args, proof.Grounded: report.Atoms, proof.Pattern: len(tr.Task.Rubric.Pattern)}
	var out []dataset.Check
	for _, name := range proof.Names() {
		c := dataset.Check{Name: name, Pass: true}
		if n, counted := details[name]; counted {
			c.Detail = strconv.Itoa(n)
		}
		out = append(out, c)
	}
	return out, nil
}

// Prove implements Prover: it samples the task of the row's key, runs the stored calls on its world and compares all
// results, the final state and the rubric.
func (s *Source) Prove(_ context.Context, r *dataset.Row) ([]string, error) {
	key, err := parseKey(r.Key)
	if err != nil {
		return []string{err.Error()}, nil
	}
	t, err := s.pool.Sample(key)
	if err != nil {
		return []string{"its task cannot be sampled: " + err.Error()}, nil
	}
	again := env.Rerun(t, r.Dialogue.Messages)
	var problems []string
	if a, b := len(r.Dialogue.Messages), len(again.Dialogue.Messages); a != b {
		return []string{fmt.Sprintf("it has %d messages, replay gives %d", a, b)}, nil
	}
	for i, m := range r.Dialogue.Messages {
		if n := again.Dialogue.Messages[i]; m.Role != n.Role || m.Content != n.Content || m.ToolCallID != n.ToolCallID {
			problems = append(problems, fmt.Sprintf("message %d differs from what replay gives", i))
			break
		}
	}
	if again.Record.Initial != r.Record.StartHash || again.Record.Final != r.Record.EndHash {
		problems = append(problems, fmt.Sprintf("the states are %s and %s, replay gives %s and %s", r.Record.StartHash, r.Record.EndHash, again.Record.Initial, again.Record.Final))
	}
	if _, refusal := s.check(again); refusal != nil {
		problems = append(problems, refusal.Reason+": "+refusal.Detail)
	}
	return problems, nil
}

// parseKey reads what task.Key.String wrote.
func parseKey(s string) (task.Key, error) {
	seed, index, ok := strings.Cut(s, "-")
	a, errA := strconv.ParseUint(seed, 10, 64)
	b, errB := strconv.ParseUint(index, 10, 64)
	if !ok || errA != nil || errB != nil {
		return task.Key{}, fmt.Errorf("the key %q is not SEED-INDEX", s)
	}
	return task.Key{Seed: a, Index: b}, nil
}
