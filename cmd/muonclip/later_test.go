package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/internal/stage"
	"muonclip/synth"
	"muonclip/synth/actor"
	"muonclip/synth/env"
	"muonclip/synth/task"

	"github.com/google/go-cmp/cmp"
)

// agent is a configuration that goes through all stages within seconds.
var agent = strings.NewReplacer("max_position_embeddings: 64", "max_position_embeddings: 1600", "steps: 24", "steps: 6", "tasks: []\n", "").Replace(tiny) + `
tasks:
  - {name: tools, env: tools, kinds: [single_call], compact: true, dialogues: 60, share: 1, max_tokens: 12}
  - {name: math, env: math, kinds: [addition], terse: true, max_difficulty: 1, dialogues: 40, share: 1, max_tokens: 8, reward: [correct=1]}
sft: {epochs: 1, batch_size: 4, seq_len: 1500, lr: 1.0e-2, val_fraction: 0.1, warmup_steps: 0, checkpoint_every: 1}
rl: {iterations: 3, prompts: 4, samples: 2, updates: 2, lr: 1.0e-3, warmup_steps: 0, decay_fraction: 0, token_budget: 60, ptx_weight: 0.1, ptx_rows: 1, eval_every: 2, eval_episodes: 2, checkpoint_every: 1}
`

// TestAllStages goes from text to a compared agent, and a second time without doing anything again.
func TestAllStages(t *testing.T) {
	if testing.Short() {
		t.Skip("makes all tools; not with -short")
	}
	p := newPlace(t)
	p.write("agent.yaml", agent)
	run := func(out string) *result {
		return p.mc("run", "--config", "agent.yaml", "--data", "books", "--out", out)
	}
	run("whole").ok()
	for _, name := range []string{"sft/report.html", "rl/report.html", "report.html", "eval.json", "rl/rollouts/iteration-000002.jsonl.zst"} {
		if _, err := os.Stat(p.path("whole/" + name)); err != nil {
			t.Error(err)
		}
	}
	before := p.read("whole/eval.json")
	again := run("whole").ok()
	if p.read("whole/eval.json") != before {
		t.Error("a finished run was evaluated again")
	}
	for _, stage := range []string{"sft: ", "rl: ", "pretrain: "} {
		if strings.Contains(again.errout, stage) {
			t.Errorf("a finished run did %q again:\n%s", stage, again.errout)
		}
	}
	p.mc("eval", "tasks", "--model", "whole/rl", "--n", "2", "--json").ok()

	p.actsAlike("whole/sft")

	// Killed at random moments and started again, the later stages end with the same bytes.
	r := rng.New(9, "kills of later stages")
	start := time.Now()
	run("timed").ok()
	took := time.Since(start)
	for killed := 0; killed < 6; {
		cmd := p.command("run", "--config", "agent.yaml", "--data", "books", "--out", "killed")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(r.Float64()*float64(took)), func() { cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
			killed++
			continue
		}
		if err != nil {
			t.Fatalf("started again after %d kills: %v", killed, err)
		}
		break // it came to its end
	}
	run("killed").ok()
	for _, stage := range []string{"sft", "rl"} {
		p.same("killed/"+stage+"/checkpoints", "whole/"+stage+"/checkpoints", fmt.Sprintf("%s checkpoints", stage))
	}
}

// actsAlike lets a checkpoint of ours be the assistant of a task twice: what it says depends on the task alone.
func (p *place) actsAlike(run string) {
	p.t.Helper()
	a, err := stage.OpenActor(p.path(run), 0.7, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	sets, err := synth.Tools(p.t.Context(), 0, []string{"hotel_reservations", "airline_tickets"})
	if err != nil {
		p.t.Fatal(err)
	}
	pool, err := task.NewPool(sets, task.Config{Compact: true})
	if err != nil {
		p.t.Fatal(err)
	}
	tk, err := pool.Sample(task.Key{Seed: 3, Index: 1})
	if err != nil {
		p.t.Fatal(err)
	}
	var said [2][]chat.Message
	for i := range said {
		agent, err := a.Agent(tk)
		if err != nil {
			p.t.Fatal(err)
		}
		g := env.Gym{NewUser: func(t *task.Task) (env.User, error) { return actor.NewUser(t), nil }, MaxTurns: 3}
		tr, err := g.Run(p.t.Context(), tk, agent)
		if err != nil {
			p.t.Fatal(err)
		}
		said[i] = tr.Dialogue.Messages
	}
	if len(said[0]) < 3 || !cmp.Equal(said[0], said[1]) {
		p.t.Errorf("%d messages, then %d others", len(said[0]), len(said[1]))
	}
}
