package synth

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muonclip/data/chat"
	"muonclip/synth/actor"
	"muonclip/synth/dataset"
	"muonclip/synth/domain"
	"muonclip/synth/env"
	"muonclip/synth/task"
	"muonclip/synth/teacher"
	"muonclip/synth/teacher/teachertest"
)

const (
	taughtRows = 20
	taughtSeed = 11
	// taughtHost stands for the endpoint in the manifest, because ports differ from test to test.
	taughtHost = "endpoint"
)

// endpoint starts a double that speaks as the scripted actors do.
func endpoint(t *testing.T, faults teachertest.Faults) *teachertest.Server {
	t.Helper()
	sets, err := Tools(t.Context(), 0, someDomains(t))
	if err != nil {
		t.Fatal(err)
	}
	pool, err := task.NewPool(sets, task.Config{Weights: taughtWeights()})
	if err != nil {
		t.Fatal(err)
	}
	script := &teachertest.Script{Seed: taughtSeed, Sample: pool.Sample}
	return teachertest.Start(t, "secret-key", script.Answer, faults)
}

// someDomains are three domains, whichever there are.
func someDomains(t *testing.T) []string {
	t.Helper()
	all, err := domain.Load()
	if err != nil {
		t.Fatal(err)
	}
	return []string{all[0].Name, all[len(all)/2].Name, all[len(all)-1].Name}
}

// taughtWeights leave out long sessions, which are as long as ten others.
func taughtWeights() map[task.Kind]int {
	w := task.DefaultWeights()
	delete(w, task.Long)
	return w
}

// taught makes a data set whose agent and user are at an endpoint.
func taught(t *testing.T, dir, url string, rows int, budget float64) (*Result, *teacher.Cast, error) {
	t.Helper()
	speaker := teacher.Speaker{URL: url, Model: "double", APIKey: "secret-key", PriceIn: 1, PriceOut: 2}
	cast, err := teacher.NewCast(teacher.CastConfig{
		Agent: speaker, User: speaker, Dir: filepath.Join(dir, StateDir, "teacher"), Budget: budget,
		Client: teacher.Config{Pause: time.Millisecond, Timeout: 10 * time.Second, MaxBody: 1 << 20, Attempts: 12, MaxFailures: 500},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer cast.Ledger.Close()
	for _, part := range []string{"agent_endpoint", "user_endpoint"} {
		cast.Describe[part] = taughtHost
	}
	s, err := NewSource(t.Context(), SourceConfig{
		Seed: taughtSeed, Domains: someDomains(t), Weights: taughtWeights(), Agent: cast.Agent, User: cast.User, Actors: cast.Describe,
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Generate(t.Context(), s, Options{Dir: dir, Name: "taught", N: rows, Seed: taughtSeed, PartRows: 5, Workers: 4})
	return r, cast, err
}

// TestTaught makes dialogues over HTTP: without faults they are those that the scripted actors give, with faults at a rate of
// nearly a half they have the same bytes, and all are proved again from the files.
func TestTaught(t *testing.T) {
	if testing.Short() {
		t.Skip("speaks over HTTP for a long time; not with -short")
	}
	calm, rough := endpoint(t, teachertest.Faults{}), endpoint(t, teachertest.Faults{Seed: 3, Rate: 0.45, Kinds: teachertest.Quick(), Most: 6})
	dirs := [2]string{filepath.Join(t.TempDir(), "taught"), filepath.Join(t.TempDir(), "taught")}
	for i, server := range []*teachertest.Server{calm, rough} {
		r, cast, err := taught(t, dirs[i], server.URL, taughtRows, 0)
		if err != nil {
			t.Fatal(err)
		}
		stats := server.Stats()
		if r.Manifest.Rows != taughtRows || stats.Repeated > 0 {
			t.Errorf("%d rows; %d of %d answers were asked for again", r.Manifest.Rows, stats.Repeated, stats.Answered)
		}
		for reason, n := range r.Manifest.Refused {
			if !strings.HasPrefix(reason, ReasonTask) && reason != ReasonDuplicate {
				t.Errorf("%d refused for %s: %q", n.Count, reason, n.Examples)
			}
		}
		var calls, tokens int64
		for _, total := range cast.Ledger.Totals() {
			calls, tokens = calls+total.Calls, tokens+total.PromptTokens+total.CompletionTokens
		}
		if calls != int64(stats.Answered) || tokens != stats.Tokens {
			t.Errorf("the ledger has %d calls and %d tokens, the server %d and %d", calls, tokens, stats.Answered, stats.Tokens)
		}
		t.Logf("%d requests, %d answered, faults %v, spent %.4f", stats.Requests, stats.Answered, stats.Faults, cast.Ledger.Spent())
	}
	want := tree(t, dirs[0])
	if diff := cmp.Diff(want, tree(t, dirs[1])); diff != "" {
		t.Error(diff)
	}
	if faults := rough.Stats().Faults; len(faults) < len(teachertest.Quick()) {
		t.Errorf("only these faults happened: %v", faults)
	}

	plain, err := NewSource(t.Context(), SourceConfig{Seed: taughtSeed, Domains: someDomains(t), Weights: taughtWeights()})
	if err != nil {
		t.Fatal(err)
	}
	scriptedDir := filepath.Join(t.TempDir(), "taught")
	if _, err := Generate(t.Context(), plain, Options{Dir: scriptedDir, Name: "taught", N: taughtRows, Seed: taughtSeed, PartRows: 5}); err != nil {
		t.Fatal(err)
	}
	offline := tree(t, scriptedDir)
	for path, sum := range want {
		if strings.HasPrefix(path, dataset.DialogueDir) && offline[path] != sum {
			t.Errorf("%s differs from what the scripted actors say", path)
		}
	}
	source, err := SourceOf(t.Context(), dirs[1])
	if err != nil {
		t.Fatal(err)
	}
	if report, err := Replay(t.Context(), dirs[1], source, nil, 0, nil); err != nil || report.Proved != taughtRows {
		t.Errorf("%+v, %v", report, err)
	}
	if _, _, err := source.Dialogue(t.Context(), 0); err == nil {
		t.Error("a model's dialogue can be made anew without the model")
	}
	for _, dir := range dirs {
		holdsNo(t, dir, "secret-key")
	}
}

// holdsNo looks for a text in all files of a folder.
func holdsNo(t *testing.T, dir, text string) {
	t.Helper()
	for path := range tree(t, dir) {
		data, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil || strings.Contains(string(data), text) {
			t.Errorf("%s holds %q: %v", path, text, err)
		}
	}
}

// TestTaughtBudget runs out of money, goes on with more, and ends with the bytes of a run that had enough.
func TestTaughtBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("speaks over HTTP for a long time; not with -short")
	}
	server, other := endpoint(t, teachertest.Faults{}), endpoint(t, teachertest.Faults{})
	whole, dir := filepath.Join(t.TempDir(), "taught"), filepath.Join(t.TempDir(), "taught")
	_, cast, err := taught(t, whole, other.URL, 6, 1000)
	if err != nil {
		t.Fatal(err)
	}
	cost := cast.Ledger.Spent()
	_, cast, err = taught(t, dir, server.URL, 6, cost/2)
	if !errors.Is(err, teacher.ErrBudget) || cast.Ledger.Spent() > cost/2 {
		t.Fatalf("%.4f of %.4f are spent: %v", cast.Ledger.Spent(), cost/2, err)
	}
	first := cast.Ledger.Spent()
	if _, cast, err = taught(t, dir, server.URL, 6, 3*cost); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, whole), tree(t, dir)); diff != "" {
		t.Error(diff)
	}
	// Calls under way when the money ran out count as lost, at the most that they can have cost.
	if got := cast.Ledger.Spent(); first == 0 || got < cost*0.999 || got > 3*cost || server.Stats().Repeated > 3 {
		t.Errorf("%.5f, then %.5f are spent, in one go it is %.5f; %d answers were asked for again", first, got, cost, server.Stats().Repeated)
	}
}

const (
	killTaughtKey = "SYNTH_TEST_KILL_TAUGHT"
	killTaughtURL = "SYNTH_TEST_KILL_TAUGHT_URL"
)

// TestTaughtKill kills a run with models at random moments until it is through: it ends with the same bytes, and no answer
// that was kept was paid for twice.
func TestTaughtKill(t *testing.T) {
	if dir := os.Getenv(killTaughtKey); dir != "" {
		if _, _, err := taught(t, dir, os.Getenv(killTaughtURL), taughtRows, 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if testing.Short() {
		t.Skip("starts the test program many times")
	}
	whole, dir := filepath.Join(t.TempDir(), "taught"), filepath.Join(t.TempDir(), "taught")
	if _, _, err := taught(t, whole, endpoint(t, teachertest.Faults{}).URL, taughtRows, 0); err != nil {
		t.Fatal(err)
	}
	server := endpoint(t, teachertest.Faults{Seed: 4, Rate: 0.2, Kinds: teachertest.Quick(), Most: 6})
	r := rand.New(rand.NewPCG(1, 2))
	kills := 0
	for {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTaughtKill$")
		cmd.Env = append(os.Environ(), killTaughtKey+"="+dir, killTaughtURL+"="+server.URL)
		cmd.Stderr = os.Stderr
		before := server.Stats().Answered
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Time passes differently on every machine, so the moment to kill is counted in answers.
		aim, done := before+5+r.IntN(40)*(1+kills/4), make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		var err error
		for over := false; !over; {
			select {
			case err = <-done:
				over = true
			case <-time.After(time.Millisecond):
				if server.Stats().Answered >= aim {
					_ = cmd.Process.Kill()
					<-done
					over, err = true, os.ErrProcessDone
				}
			}
		}
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrProcessDone) {
			t.Fatalf("the run failed by itself: %v", err)
		}
		kills++
	}
	if diff := cmp.Diff(tree(t, whole), tree(t, dir)); diff != "" {
		t.Errorf("after %d kills: %s", kills, diff)
	}
	stats := server.Stats()
	// A call is lost where the process dies between the answer and its entry, at most one for each call under way.
	if most := kills * teacher.DefaultConcurrency; kills < 2 || stats.Repeated > most {
		t.Errorf("%d kills; %d answers were paid for again, want at most %d", kills, stats.Repeated, most)
	}
	t.Logf("%d kills, %d answers, %d of them again", kills, stats.Answered, stats.Repeated)
}

// fickle is an agent whose model gives nothing of use in some dialogues.
type fickle struct{ agent env.Agent }

func (f fickle) Act(ctx context.Context, messages []chat.Message, tools []chat.Tool) (chat.Message, error) {
	if f.agent == nil {
		return chat.Message{}, &teacher.ContentError{Kind: "truncated", Detail: "the answer was cut off"}
	}
	return f.agent.Act(ctx, messages, tools)
}

// TestBadContentRefuses: what a model cannot do costs the candidate, and the run goes on.
func TestBadContentRefuses(t *testing.T) {
	s, err := NewSource(t.Context(), SourceConfig{Seed: 3, Domains: someDomains(t), Weights: taughtWeights(), Agent: func(x *task.Task) (env.Agent, error) {
		if x.Key.Index%3 == 0 {
			return fickle{}, nil
		}
		return fickle{actor.NewExpert(x)}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, 12)
	o.Tokenizer = nil
	r := generate(t, s, o)
	if n := r.Manifest.Refused["model_truncated"].Count; n < 5 || r.Manifest.Rows != 12 || r.Manifest.Config.Source["actor"] != "model as agent, scripted user" {
		t.Errorf("%d rows, %d refused for what the model says: %v", r.Manifest.Rows, n, r.Manifest.Config.Source)
	}
}

// TestNoneTooMany: candidates cost money, so none is begun that cannot be needed.
func TestNoneTooMany(t *testing.T) {
	var begun atomic.Int64
	s := fake{seed: 5, every: 4, delay: func(int64) time.Duration { begun.Add(1); return time.Millisecond }}
	o := options(t, 10)
	o.Workers = 8
	r := generate(t, s, o)
	if begun.Load() != r.Manifest.Candidates {
		t.Errorf("%d candidates were begun, %d were needed", begun.Load(), r.Manifest.Candidates)
	}
}
