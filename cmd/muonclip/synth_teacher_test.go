package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muonclip/data/chat"
	"muonclip/synth"
	"muonclip/synth/dataset"
	"muonclip/synth/task"
	"muonclip/synth/teacher/teachertest"
)

// TestSynthTeacher makes a data set with models behind an endpoint: first with too little money, then to its end.
func TestSynthTeacher(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long; not with -short")
	}
	sets, err := synth.Tools(t.Context(), 0, []string{"hotel_reservations", "airline_tickets"})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := task.NewPool(sets, task.Config{})
	if err != nil {
		t.Fatal(err)
	}
	script := teachertest.Script{Seed: 7, Sample: pool.Sample}
	models := make(chan string, 10_000)
	server := teachertest.Start(t, "secret-key", func(r teachertest.Request) (chat.Message, error) {
		models <- r.Model
		return script.Answer(r)
	}, teachertest.Faults{})
	dir, kept := filepath.Join(t.TempDir(), "taught"), filepath.Join(t.TempDir(), "kept")
	args := func(more ...string) []string {
		return append([]string{"generate", "--n", "4", "--seed", "7", "--domain", "hotel_reservations,airline_tickets", "--out", dir, "--agent-url", server.URL, "--agent-model", "large",
			"--user-model", "small", "--price-in", "1", "--price-out", "2", "--teacher-dir", kept}, more...)
	}
	t.Setenv("OPENAI_API_KEY", "")
	t.Setenv("TEACHER_KEY", "wrong")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitFailure, "check the API key", args()},
		{exitFailure, "check the API key", args("--api-key-env", "TEACHER_KEY")},
		{exitUsage, "needs the prices", args("--price-in", "0", "--price-out", "0", "--budget", "1")},
		{exitUsage, "without the URL", args("--agent-url", "")},
		{exitUsage, "want one such as", args("--agent-url", "localhost")},
	} {
		if code, stdout, stderr := runSynth(t, c.args...); code != c.code || !strings.Contains(stdout+stderr, c.says) || strings.Contains(stderr, "wrong") {
			t.Fatalf("%q: exit code %d, want %d with %q: %s%s", c.args, code, c.code, c.says, stdout, stderr)
		}
	}
	t.Setenv("TEACHER_KEY", "secret-key")
	if code, _, stderr := runSynth(t, args("--api-key-env", "TEACHER_KEY", "--budget", "0.01")...); code != exitFailure || !strings.Contains(stderr, "the budget is used up") {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	code, stdout, stderr := runSynth(t, args("--api-key-env", "TEACHER_KEY", "--budget", "50")...)
	if code != exitOK || !strings.Contains(stdout, "4 dialogues of") || !strings.Contains(stderr, "on=agent") || !strings.Contains(stderr, "on=user") {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	close(models)
	seen := map[string]bool{}
	for m := range models {
		seen[m] = true
	}
	if !seen["large"] || !seen["small"] || len(seen) != 2 {
		t.Errorf("models %v were asked", seen)
	}
	m, err := dataset.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if from := m.Config.Source; from["agent_model"] != "large" || from["user_model"] != "small" || from["actor"] != "model as agent, model as user" {
		t.Errorf("the manifest says %v", from)
	}
	if code, stdout, stderr := runSynth(t, "replay", dir); code != exitOK || !strings.Contains(stdout, "4 of 4 dialogues proved") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if code, _, stderr := runSynth(t, "replay", dir, "--remake"); code != exitUsage || !strings.Contains(stderr, "not made anew") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	data, err := os.ReadFile(filepath.Join(kept, "ledger.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if !json.Valid([]byte(line)) || strings.Contains(line, "secret-key") {
			t.Errorf("the ledger holds %q", line)
		}
	}
}
