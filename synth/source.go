package synth

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"

	"muonclip/synth/actor"
	"muonclip/synth/dataset"
	"muonclip/synth/domain"
	"muonclip/synth/env"
	"muonclip/synth/proof"
	"muonclip/synth/task"
	"muonclip/synth/tool"
)

// The reasons for which the source refuses its own dialogues.
const (
	ReasonTask  = "no_task" // no task of the kind could be sampled
	ReasonActor = "actor"   // the dialogue did not come to its end
	ReasonProof = "proof_"  // and the name of the first check of package proof that found something
)

// SourceConfig configures NewSource. The zero value takes everything with seed 0.
type SourceConfig struct {
	Seed     uint64            // of the tasks
	ToolSeed uint64            // of the wording and the choice of tools
	Domains  []string          // names of the domains to use; nil means all
	Weights  map[task.Kind]int // of the kinds of tasks; nil means task.DefaultWeights
}

// Source samples tasks, lets the scripted expert serve the scripted user, and proves what comes out. It implements
// Sampler and Prover.
type Source struct {
	seed     uint64
	pool     *task.Pool
	sets     []*tool.Set
	describe map[string]string
	checker  proof.Checker
}

var (
	_ Sampler = (*Source)(nil)
	_ Prover  = (*Source)(nil)
)

// NewSource loads the domains and makes their tools.
func NewSource(ctx context.Context, c SourceConfig) (*Source, error) {
	sets, err := Tools(ctx, c.ToolSeed, c.Domains)
	if err != nil {
		return nil, err
	}
	pool, err := task.NewPool(sets, task.Config{Weights: c.Weights})
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
	if weights == nil {
		weights = task.DefaultWeights()
	}
	mix, err := json.Marshal(weights)
	if err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	s := &Source{seed: c.Seed, pool: pool, sets: sets, describe: map[string]string{
		"actor": "scripted expert and user", "domains": strconv.Itoa(len(sets)), "tools": strconv.Itoa(tools),
		"tools_fingerprint": fmt.Sprintf("%016x", h.Sum64()), "tool_seed": strconv.FormatUint(c.ToolSeed, 10), "kind_weights": string(mix),
	}}
	if len(c.Domains) > 0 {
		s.describe["domain_names"] = strings.Join(c.Domains, ",")
	}
	return s, nil
}

// SourceOf makes the source that a data set came from.
func SourceOf(ctx context.Context, dir string) (*Source, error) {
	m, err := dataset.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	from := m.Config.Source
	c := SourceConfig{Seed: m.Config.Seed}
	if c.ToolSeed, err = strconv.ParseUint(from["tool_seed"], 10, 64); err != nil {
		return nil, fmt.Errorf("synth: %s: the manifest does not say what the dialogues were made by", dir)
	}
	if err := json.Unmarshal([]byte(from["kind_weights"]), &c.Weights); err != nil {
		return nil, fmt.Errorf("synth: %s: kind_weights of the manifest: %w", dir, err)
	}
	if names := from["domain_names"]; names != "" {
		c.Domains = strings.Split(names, ",")
	}
	s, err := NewSource(ctx, c)
	if err != nil {
		return nil, err
	}
	if was, is := from["tools_fingerprint"], s.describe["tools_fingerprint"]; was != is {
		return nil, fmt.Errorf("synth: %s was made with the tools %s, this program has %s: use the program that made it", dir, was, is)
	}
	return s, nil
}

// Tools makes the tools of the named domains, or of all where names is empty.
func Tools(ctx context.Context, seed uint64, names []string) ([]*tool.Set, error) {
	all, err := domain.Load()
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

// Dialogue implements Sampler.
func (s *Source) Dialogue(ctx context.Context, index int64) (*dataset.Row, *Refusal, error) {
	t, err := s.pool.Sample(task.Key{Seed: s.seed, Index: uint64(index)})
	if err != nil {
		return nil, &Refusal{ReasonTask, err.Error()}, nil
	}
	tr, err := actor.Play(ctx, t)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, &Refusal{ReasonActor, t.ID() + ": " + err.Error()}, nil
	}
	checks, refusal := s.check(tr)
	if refusal != nil {
		refusal.Detail = fmt.Sprintf("%s (%s): %s", t.ID(), t.Kind, refusal.Detail)
		return nil, refusal, nil
	}
	row, err := rowOf(tr, checks)
	return row, nil, err
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
