// Package live makes dialogues on real MCP servers and proves them. A program sets up a folder or a memory, says what must
// be in it at the end and what the user must be told, and lets a scripted user and a scripted expert talk; the expert
// works on a live server and knows nothing but what it is told and what the server answers. A dialogue is kept when its
// calls, run again on the same beginnings in a fresh scratch folder, give the same results and the state that the
// program computed without the server.
//
// There are programs for three servers of the Model Context Protocol project: filesystem, memory and everything. Tools of
// other servers can stand among those offered, where nobody calls them.
package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/synth"
	"muonclip/synth/dataset"
	"muonclip/synth/mcp"
	"muonclip/synth/tool"
)

// The reasons for which dialogues are refused, beside the names of checks after ReasonProof.
const (
	ReasonPlay  = "live_play"  // the program did not come to its end
	ReasonProof = "live_proof" // followed by "_" and the check that failed
)

// Config configures New.
type Config struct {
	Servers  []mcp.Server
	Seed     uint64
	Sessions int    // of each server at a time; 0 means 4
	Scratch  string // folder of the scratch folders; "" means that of temporary files
}

// Sampler implements synth.Sampler and synth.Prover on live servers. Close ends the servers.
type Sampler struct {
	seed     uint64
	stages   []*backend
	describe map[string]string
	others   []*tool.Tool // of servers without programs, for distraction
}

// backend is a server with its programs.
type backend struct {
	pool    *mcp.Pool
	family  *family
	listing mcp.Listing
}

var (
	_ synth.Sampler = (*Sampler)(nil)
	_ synth.Prover  = (*Sampler)(nil)
)

// New starts the servers once to list their tools, and finds the programs for them. A server that keeps what it is told on
// our disk must be given the scratch folder: a command with other folders in it is refused.
func New(ctx context.Context, c Config) (_ *Sampler, err error) {
	s := &Sampler{seed: c.Seed, describe: map[string]string{"actor": "scripted expert and user on live servers", "programs": programsVersion}}
	defer func() {
		if err != nil {
			_ = s.Close() // the first error counts
		}
	}()
	var names []string
	for _, server := range c.Servers {
		listing, err := look(ctx, server, c.Scratch)
		if err != nil {
			return nil, err
		}
		f := familyOf(listing)
		s.describe["server "+server.Name] = fmt.Sprintf("%s %s, %d tools, %s", listing.Server.Name, listing.Server.Version, len(listing.Tools), listing.Fingerprint())
		if f == nil {
			s.others = append(s.others, listing.Tools...)
			continue
		}
		if err := f.check(server); err != nil {
			return nil, err
		}
		if server.State == "" {
			server.State = f.state
		}
		pool, err := mcp.NewPool(server, c.Sessions, c.Scratch)
		if err != nil {
			return nil, err
		}
		s.stages = append(s.stages, &backend{pool, f, listing})
		names = append(names, server.Name)
	}
	if len(s.stages) == 0 {
		return nil, errors.New("live: none of the servers has programs: there are some for the servers filesystem, memory and everything")
	}
	s.describe["servers"] = strings.Join(names, ",")
	return s, nil
}

// look lists the tools of a server without keeping it running.
func look(ctx context.Context, server mcp.Server, scratch string) (mcp.Listing, error) {
	p, err := mcp.NewPool(server, 1, scratch)
	if err != nil {
		return mcp.Listing{}, err
	}
	defer func() { _ = p.Close() }() // what it reports is a folder that is left; the list is whole
	return p.Listing(ctx)
}

// Close ends the servers.
func (s *Sampler) Close() error {
	var errs []error
	for _, b := range s.stages {
		errs = append(errs, b.pool.Close())
	}
	return errors.Join(errs...)
}

// Describe implements synth.Sampler.
func (s *Sampler) Describe() map[string]string { return s.describe }

// Dialogue implements synth.Sampler. What it gives depends on the index, the seed and the servers. A server that fails is
// given a second chance with a new session; then the error, which wraps an *mcp.Error, stops the run.
func (s *Sampler) Dialogue(ctx context.Context, index int64) (*dataset.Row, *synth.Refusal, error) {
	for try := 0; ; try++ {
		row, refusal, err := s.attempt(ctx, uint64(index))
		var server *mcp.Error
		if try == 0 && errors.As(err, &server) && ctx.Err() == nil {
			continue
		}
		return row, refusal, err
	}
}

func (s *Sampler) attempt(ctx context.Context, index uint64) (*dataset.Row, *synth.Refusal, error) {
	st := s.prepare(index)
	e, err := st.backend.pool.Episode(ctx)
	if err != nil {
		return nil, nil, err
	}
	st.ctx, st.episode = ctx, e
	err = st.play()
	if err == nil {
		err = st.judgeEnd()
	}
	if closed := e.Close(); err == nil && closed != nil {
		return nil, nil, closed
	}
	var unfit *unfit
	switch {
	case errors.As(err, &unfit):
		return nil, &synth.Refusal{Reason: ReasonPlay, Detail: fmt.Sprintf("%s %s: %v", st.key(), st.program.name, err)}, nil
	case err != nil:
		return nil, nil, err
	}
	checks, problems, err := st.prove(ctx, st.dialogue)
	if err != nil {
		return nil, nil, err
	}
	if len(problems) > 0 {
		return nil, &synth.Refusal{Reason: ReasonProof + "_" + problems[0].check, Detail: fmt.Sprintf("%s %s: %s", st.key(), st.program.name, problems[0])}, nil
	}
	return st.row(checks), nil, nil
}

// Prove implements synth.Prover: it runs the calls of a stored dialogue on its beginnings in a fresh scratch folder and
// compares every result, the final state and what was told.
func (s *Sampler) Prove(ctx context.Context, r *dataset.Row) ([]string, error) {
	index, err := s.indexOf(r.Key)
	if err != nil {
		return []string{err.Error()}, nil
	}
	st := s.prepare(index)
	st.ctx = ctx
	if err := st.setUp(); err != nil {
		return []string{err.Error()}, nil
	}
	_, problems, err := st.prove(ctx, r.Dialogue)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range problems {
		out = append(out, p.String())
	}
	if r.Record.StartHash != st.begin.hash() || r.Record.EndHash != st.goal.hash() {
		out = append(out, "the states are not those of its program")
	}
	return out, nil
}

// prepare draws what is played for an index.
func (s *Sampler) prepare(index uint64) *stage {
	r := rng.New(s.seed, "live", index)
	b := s.stages[r.IntN(len(s.stages))]
	st := &stage{r: r, seed: s.seed, index: index, backend: b, program: b.family.programs[r.IntN(len(b.family.programs))], begin: state{}, goal: state{}}
	st.offer(s.distractors(b))
	return st
}

// distractors are the tools of other servers than b.
func (s *Sampler) distractors(b *backend) []*tool.Tool {
	out := slices.Clone(s.others)
	for _, o := range s.stages {
		if o != b {
			out = append(out, o.listing.Tools...)
		}
	}
	return out
}

// keyPrefix begins the keys of these dialogues, so that no other sampler takes them for its own.
const keyPrefix = "mcp-"

func (st *stage) key() string { return fmt.Sprintf("%s%d-%d", keyPrefix, st.seed, st.index) }

func (s *Sampler) indexOf(key string) (uint64, error) {
	seed, index, ok := strings.Cut(strings.TrimPrefix(key, keyPrefix), "-")
	a, errA := strconv.ParseUint(seed, 10, 64)
	b, errB := strconv.ParseUint(index, 10, 64)
	if !ok || errA != nil || errB != nil || !strings.HasPrefix(key, keyPrefix) || a != s.seed {
		return 0, fmt.Errorf("the key %q is not %s%d-INDEX", key, keyPrefix, s.seed)
	}
	return b, nil
}

// row makes the row of a proved dialogue.
func (st *stage) row(checks []dataset.Check) *dataset.Row {
	rubric := struct {
		Criteria []string `json:"criteria"`
		Facts    []string `json:"facts"`
		Goal     string   `json:"goal_state"`
	}{st.program.criteria, st.facts, st.goal.hash()}
	if rubric.Facts == nil {
		rubric.Facts = []string{}
	}
	extra := struct {
		Server  mcp.Info          `json:"server"`
		Program string            `json:"program"`
		Begin   map[string]string `json:"begin"`
	}{st.backend.listing.Server, st.program.name, st.begin}
	r, _ := json.Marshal(rubric) // texts cannot fail
	x, _ := json.Marshal(extra)
	return &dataset.Row{
		Key: st.key(), Dialogue: st.dialogue, Domain: "mcp_" + st.backend.family.name, Category: "mcp", Kinds: []string{st.program.kind},
		Difficulty: st.program.difficulty, Persona: st.persona, Plan: dataset.PlanShape(st.dialogue), Rubric: r, Checks: checks,
		Record: dataset.Record{StartHash: st.begin.hash(), EndHash: st.goal.hash(), Calls: st.calls, Extra: x},
	}
}

// chatTools are tools as a dialogue has them.
func chatTools(list []*tool.Tool) []chat.Tool {
	var out []chat.Tool
	for _, t := range list {
		out = append(out, chat.Tool{Name: t.Name, Description: t.Description, Parameters: t.Parameters})
	}
	return out
}
