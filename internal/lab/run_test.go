package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/metrics"
	"muonclip/internal/stage"
)

// losses reads the held-out losses of every run of an experiment.
func losses(t *testing.T, e *Experiment, o Options) map[string]float64 {
	t.Helper()
	out, err := Collect(e, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Missing) > 0 {
		t.Fatalf("missing: %v", out.Missing)
	}
	found := map[string]float64{}
	for _, cell := range out.Table.Cells {
		for _, r := range out.Table.Runs(cell) {
			found[r.Folder()] = r.Values["val_loss"]
		}
	}
	return found
}

// TestRunResumes: an experiment that was stopped after its first run does the others when it is called again, leaves the
// first as it was, and ends with the losses of one that was never stopped.
func TestRunResumes(t *testing.T) {
	if testing.Short() {
		t.Skip("trains models")
	}
	e := parse(t, fmt.Sprintf(small, books(t)))
	whole, stopped := Options{Dir: t.TempDir()}, Options{Dir: t.TempDir(), Jobs: 1}
	if err := Run(t.Context(), e, whole); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // the first outcome ends the work
		defer cancel()
		for t.Context().Err() == nil {
			if found, _ := filepath.Glob(filepath.Join(stopped.Folder(e), "*", outcomeFile)); len(found) > 0 {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	if err := Run(ctx, e, stopped); !errors.Is(err, stage.ErrInterrupted) && !errors.Is(err, context.Canceled) {
		t.Fatalf("an interrupted experiment: %v", err)
	}
	before := outcomes(t, stopped.Folder(e))
	if len(before) == 0 || len(before) == 4 {
		t.Fatalf("%d runs are done after the interruption", len(before))
	}
	if out, err := Collect(e, stopped); err != nil || len(out.Missing) != 4-len(before) || out.Verdict != Undecided {
		t.Errorf("%+v, %v", out, err)
	}
	if err := Run(t.Context(), e, stopped); err != nil {
		t.Fatal(err)
	}
	for path, at := range before {
		if now := outcomes(t, stopped.Folder(e))[path]; now != at {
			t.Errorf("%s was done again", path)
		}
	}
	if diff := cmp.Diff(losses(t, e, whole), losses(t, e, stopped)); diff != "" {
		t.Error(diff)
	}
	// Tokenizer and shards are made once, whatever the seed.
	if shared, _ := filepath.Glob(filepath.Join(stopped.Dir, "data-*", "data", "tokenizer")); len(shared) != 1 {
		t.Errorf("shared data in %v", shared)
	}
	// Another learning rate in the file is another experiment, and is not mixed with these runs.
	other := parse(t, string(e.text), "train.warmup_steps: 2", "train.warmup_steps: 3")
	var damaged stage.DamagedError
	if err := Run(t.Context(), other, stopped); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "warmup_steps: 3") {
		t.Errorf("changed settings: %v", err)
	}
	other = parse(t, string(e.text), "below: 0", "below: 1")
	if out, err := Collect(other, stopped); err != nil || !out.Changed {
		t.Errorf("a rule that was changed after the runs: %v", err)
	}
}

func outcomes(t *testing.T, dir string) map[string]time.Time {
	t.Helper()
	found := map[string]time.Time{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != outcomeFile {
			return err
		}
		info, err := d.Info()
		if err == nil {
			found[path] = info.ModTime()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestRunTunesAndDiverges: of a tuned axis only the best value goes on with the second seed, and a value that diverges
// is a result that loses.
func TestRunTunesAndDiverges(t *testing.T) {
	if testing.Short() {
		t.Skip("trains models")
	}
	e := parse(t, fmt.Sprintf(small, books(t)), "seeds: [1, 2]", `  axes:
    - {name: lr, tune: true, values: [{name: slow, set: {train.lr: 1.0e-6}}, {name: good, set: {train.lr: 1.0e-2}}, {name: mad, set: {train.lr: 1.0e+12}}]}
seeds: [1, 2]`)
	o := Options{Dir: t.TempDir()}
	if err := Run(t.Context(), e, o); err != nil {
		t.Fatal(err)
	}
	out, err := Collect(e, o)
	if err != nil || len(out.Missing) > 0 {
		t.Fatal(out, err)
	}
	for _, cell := range []string{"muon", "adamw"} {
		if runs := out.Table.Runs(cell); len(runs) != 2 || runs[1].Value != "good" {
			t.Errorf("%s: %d runs", cell, len(runs))
		}
		if tried := out.Tuned[cell]; len(tried) != 3 || !tried[1].Chosen || tried[0].Chosen || tried[2].Chosen {
			t.Errorf("%s: %+v", cell, tried)
		}
	}
	if done := outcomes(t, o.Folder(e)); len(done) != 8 {
		t.Errorf("%d runs, want 2 x 3 with the first seed and 2 with the second", len(done))
	}
	o2, ok, err := outcomeOf(filepath.Join(o.Folder(e), "muon-mad-seed1"))
	if err != nil || !ok || o2.Status != Diverged || o2.Message == "" {
		t.Errorf("%+v %v %v", o2, ok, err)
	}
}

// TestFineTuningArm: an arm goes on from another one's model with the same seed.
func TestFineTuningArm(t *testing.T) {
	if testing.Short() {
		t.Skip("trains models")
	}
	e := parse(t, fmt.Sprintf(small, books(t)), "seeds: [1, 2]", `    - name: tuned
      from: muon
      set:
        tasks: [{env: math, kinds: [addition], terse: true, max_difficulty: 1, dialogues: 40}]
        sft.batch_size: 2
        sft.seq_len: 64
        sft.val_fraction: 0.2
seeds: [1, 2]`, "difference: [muon, adamw]", "difference: [tuned, muon]")
	o := Options{Dir: t.TempDir()}
	if err := Run(t.Context(), e, o); err != nil {
		t.Fatal(err)
	}
	out, err := Collect(e, o)
	if err != nil || len(out.Missing) > 0 {
		t.Fatal(out, err)
	}
	for _, r := range out.Table.Runs("tuned") {
		if r.Values["val_loss"] <= 0 || filepath.Base(r.Dir) != "sft" {
			t.Errorf("%s: %v", r.Dir, r.Values)
		}
	}
}

// TestReport draws the report of made-up runs.
func TestReport(t *testing.T) {
	e := parse(t, fmt.Sprintf(small, "text"), "objections: [tiny]", "objections: [\"a <b> | c\"]", "claim: Muon is better than AdamW.", "claim: Muon <i>is</i> better.")
	o := Options{Dir: t.TempDir()}
	jobs, err := e.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		offset := 0.0
		if j.Arm == "adamw" {
			offset = 1
		}
		fake(t, filepath.Join(o.Folder(e), j.Folder()), j, Finished, func(tokens float64) float64 {
			return 3 + offset + 0.001*float64(j.Seed) - tokens/1e4
		}, 40)
	}
	out, err := Collect(e, o)
	if err != nil {
		t.Fatal(err)
	}
	if out.Verdict != Reproduced || out.Table.Value("muon", 1, "clipped_heads") != 0.25 || out.Table.Value("muon", 1, "clip_end") != 3.0/8 {
		t.Errorf("%s, %v", out.Verdict, out.Table.Run("muon", 1).Values)
	}
	html, markdown, err := WriteReport(out)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(html)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Muon &lt;i&gt;is&lt;/i&gt; better", "reproduced: 1 of 1 conditions hold", "Held-out loss", "Largest attention logit", "a &lt;b&gt; | c", `class="band`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if n := strings.Count(string(page), "<svg"); n != 4 {
		t.Errorf("%d pictures", n)
	}
	text, err := os.ReadFile(markdown)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## test", "| val_loss of muon less that of adamw is below 0 | -1.000 [-1.000, -1.000] | reproduced |", "| muon | 3.0", "muonclip lab run test"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the table lacks %q in\n%s", want, text)
		}
	}
	// A run that diverged has no held-out loss to compare, and its rule stays open.
	fake(t, filepath.Join(o.Folder(e), "adamw-seed2"), jobs[3], Diverged, func(float64) float64 { return 9 }, 1)
	if out, err = Collect(e, o); err != nil || out.Verdict != Undecided || out.Table.Value("adamw", 2, "survived") != 0 {
		t.Errorf("%s, %v", out.Verdict, err)
	}
	if s, err := Summarize(e, o); err != nil || s.Done != 4 || s.Runs != 4 || s.Verdict != Undecided {
		t.Errorf("%+v, %v", s, err)
	}
	if err := os.WriteFile(filepath.Join(o.Folder(e), "muon-seed1", metrics.RowsFile), []byte("{broken\n{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Collect(e, o); err == nil || !strings.Contains(err.Error(), "metrics.jsonl:1") {
		t.Errorf("a damaged run: %v", err)
	}
}
