package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muonclip/synth/dataset"
)

// synth runs a command of synth and gives its exit code and output.
func runSynth(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, diag bytes.Buffer
	g := &globals{stdout: &out, stderr: &diag, logFormat: "text"}
	cmd := newSynthCommand(g)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&diag)
	err := cmd.ExecuteContext(t.Context())
	if err != nil {
		diag.WriteString(err.Error())
	}
	return exitCode(t.Context(), err), out.String(), diag.String()
}

// TestSynth goes the way of a user through all commands.
func TestSynth(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dialogues")
	want := func(code int, part string, args ...string) string {
		t.Helper()
		got, stdout, stderr := runSynth(t, args...)
		if got != code || !strings.Contains(stdout+stderr, part) {
			t.Fatalf("synth %s: exit code %d, want %d with %q:\n%s\n%s", strings.Join(args, " "), got, code, part, stdout, stderr)
		}
		return stdout
	}
	generate := []string{"generate", "--n", "120", "--seed", "7", "--part-rows", "50", "--out", dir}
	want(exitOK, "120 dialogues of", generate...)
	want(exitOK, "finished before", generate...)
	want(exitUsage, "other options", "generate", "--n", "121", "--seed", "7", "--out", dir)
	want(exitUsage, "required flag", "generate")
	want(exitUsage, "unknown domain", "generate", "--domain", "alchemy", "--out", filepath.Join(t.TempDir(), "x"))
	for _, name := range []string{"README.md", "index.html", "manifest.json", "parquet/train-00002.parquet"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	want(exitOK, "120 of 120 dialogues proved", "replay", dir, "--remake")
	want(exitOK, "USER", "inspect", dir, "--at", "3")
	want(exitUsage, "no dialogue at position", "inspect", dir, "--at", "1000")
	want(exitOK, "Toucan-1.5M", "stats", dir)
	var measured struct {
		Stats dataset.Stats `json:"stats"`
	}
	if err := json.Unmarshal([]byte(want(exitOK, "{", "stats", dir, "--measure", "--json")), &measured); err != nil || measured.Stats.Rows != 120 {
		t.Errorf("%d rows measured: %v", measured.Stats.Rows, err)
	}
	for _, format := range []string{"openai", "hermes", "sharegpt", "kimi-k2", "ms-swift"} {
		path := filepath.Join(t.TempDir(), format+".jsonl")
		want(exitOK, "exported", "export", dir, "--format", format, "--out", path)
		if data, err := os.ReadFile(path); err != nil || bytes.Count(data, []byte("\n")) < 50 {
			t.Errorf("%s: %d lines, %v", format, bytes.Count(data, []byte("\n")), err)
		}
	}
	want(exitUsage, "unknown format", "export", dir, "--format", "alpaca")
	want(exitOK, "near-duplicates at 0.80", "tools", "--domain", "hotel_reservations", "--near-duplicates", "0.8")
	want(exitOK, `"parameters"`, "tools", "--domain", "hotel_reservations", "--list")

	path := filepath.Join(dir, "dialogues", "train-00001.jsonl")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	want(exitDamaged, "train-00001.jsonl", "replay", dir)
	if err := os.Remove(filepath.Join(dir, "manifest.json")); err != nil {
		t.Fatal(err)
	}
	want(exitFailure, "no data set", "stats", dir)
}
