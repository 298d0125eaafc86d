package lab

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExperiments: every experiment of the program is right in all its arms and rules, asks for three seeds or more,
// and can be described.
func TestExperiments(t *testing.T) {
	for _, name := range Names() {
		e, err := Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		var b strings.Builder
		if err := e.Describe(&b); err != nil || !strings.Contains(b.String(), "objections") {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
		if len(e.Seeds) < 3 || e.GPU == nil || e.Method == "" || len(e.Measure) == 0 {
			t.Errorf("%s: %d seeds, gpu %v, method %q, measure %v", name, len(e.Seeds), e.GPU, e.Method, e.Measure)
		}
		s, err := Summarize(e, Options{Dir: t.TempDir()})
		if err != nil || s.Done != 0 || s.Runs < 6 || s.GFLOP < 1000 || s.GFLOP > 150_000 {
			t.Errorf("%s: %+v, %v: want the work of a CPU's minutes", name, s, err)
		}
	}
}

func TestGrid(t *testing.T) {
	e := parse(t, fmt.Sprintf(small, books(t)), "seeds: [1, 2]", `  axes:
    - name: size
      values: [{name: s1, set: {model.hidden_size: 16}}, {name: s2}]
    - name: lr
      tune: true
      values: [{name: lr1, set: {train.lr: 1e-2, train.tokens: 320}}, {name: lr2, set: {train.lr: 2e-2}}]
seeds: [7, 8]`, "difference: [muon, adamw]", "difference: [muon-s1, adamw-s2]")
	if diff := cmp.Diff([]string{"muon-s1", "muon-s2", "adamw-s1", "adamw-s2"}, e.Cells()); diff != "" {
		t.Error(diff)
	}
	jobs, err := e.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, j := range jobs {
		folders = append(folders, j.Folder())
	}
	want := []string{
		"muon-s1-lr1-seed7", "muon-s1-lr2-seed7", "muon-s2-lr1-seed7", "muon-s2-lr2-seed7",
		"adamw-s1-lr1-seed7", "adamw-s1-lr2-seed7", "adamw-s2-lr1-seed7", "adamw-s2-lr2-seed7",
		"muon-s1-lr1-seed8", "muon-s1-lr2-seed8", "muon-s2-lr1-seed8", "muon-s2-lr2-seed8",
		"adamw-s1-lr1-seed8", "adamw-s1-lr2-seed8", "adamw-s2-lr1-seed8", "adamw-s2-lr2-seed8",
	}
	if diff := cmp.Diff(want, folders); diff != "" {
		t.Error(diff)
	}
	last := jobs[len(jobs)-1].Config
	if last.Seed != 8 || last.Optim.Kind != "adamw" || last.Train.LR != 2e-2 || last.Train.Steps != 8 || last.Model.HiddenSize != 32 {
		t.Errorf("settings of the last job: %+v", last)
	}
	// An arm's own length takes that of the budget back.
	if c := jobs[0].Config; c.Train.Steps != 0 || c.Train.Tokens != 320 || c.Model.HiddenSize != 16 || c.Optim.Kind != "muon" {
		t.Errorf("settings of the first job: %+v", c.Train)
	}
}

func TestChosen(t *testing.T) {
	e := parse(t, fmt.Sprintf(small, books(t)), "seeds: [1, 2]", `    - {name: tuned, from: muon, set: {sft.seq_len: 64, tasks: [{env: math, terse: true, dialogues: 40}]}}
seeds: [1, 2]`)
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{}, "muon-seed1 adamw-seed1 tuned-seed1 muon-seed2 adamw-seed2 tuned-seed2"},
		{Options{Seeds: 1, Only: []string{"adamw"}}, "adamw-seed1"},
		{Options{Seeds: 1, Only: []string{"tuned"}}, "muon-seed1 tuned-seed1"},
	} {
		jobs, err := e.chosen(tt.o)
		var got []string
		for _, j := range jobs {
			got = append(got, j.Folder())
		}
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%+v: %v, %v", tt.o, got, err)
		}
	}
	if _, err := e.chosen(Options{Only: []string{"lion"}}); err == nil || !strings.Contains(err.Error(), `no arm "lion"`) {
		t.Error(err)
	}
}

// TestBadExperiments: what is wrong is said by name.
func TestBadExperiments(t *testing.T) {
	good := fmt.Sprintf(small, "text")
	for _, tt := range []struct{ from, to, says string }{
		{"title: Smoke", "titel: Smoke", "titel"},
		{"title: Smoke", "title:", "title is empty"},
		{"preset: mini", "preset: minni", `unknown preset "minni"`},
		{"preset: mini", "shape: round", `no shape "round", there are dense, moe`},
		{"preset: mini", "preset: mini\n  shape: dense", "want one of them"},
		{"seeds: [1, 2]", "seeds: []", "seeds is empty"},
		{"seeds: [1, 2]", "seeds: [1, 1]", "has one twice"},
		{"objections: [tiny]", "", "objections is empty"},
		{"measure: [val_loss", "measure: [vall_loss", `unknown quantity "vall_loss", did you mean "val_loss"`},
		{"name: adamw", "name: muon", `two arms are named "muon"`},
		{"name: adamw", "name: ../adamw", "letters, digits"},
		{"name: adamw,", "name: adamw, from: nobody,", `goes on from "nobody"`},
		{"name: adamw,", "name: adamw, from: muon,", "neither tasks nor sft.data"},
		{"optim.kind: adamw", "optim.kind: adamv", "optim.kind"},
		{"optim.kind: adamw", "optim: {kind: adamw}", "with its full name, such as optim.kind"},
		{"optim.kind: adamw", "optim.knd: adamw", `did you mean "optim.kind"`},
		{"steps: 8", "steps: 8, tokens: 9", "want one of them"},
		{"[muon, adamw]", "[muon, lion]", `no arm "lion", there are muon, adamw`},
		{"[muon, adamw]", "[muon]", "difference has 1 arms"},
		{"below: 0", "below: 0, above: 1", "2 of the bounds"},
		{"below: 0", "within: [2, 1]", "two that rise"},
		{"below: 0", "below: 0, of: muon", "2 of the keys"},
		{"below: 0", "below: 0, confidence: 95", "confidence is 95"},
		{"quantity: val_loss, difference: [muon, adamw], below: 0", "ladder: {arms: [muon, adamw], sizes: [s1]}, below: 1", "1 sizes"},
		{"quantity: val_loss, difference: [muon, adamw], below: 0", "quantity: val_loss, least: [muon], below: 1", "least takes no bound"},
		{"accept:", "gpu: {set: {train.lr: -1}}\naccept:", "gpu: "},
	} {
		text := strings.Replace(good, tt.from, tt.to, 1)
		if text == good {
			t.Fatalf("%q is not in the experiment", tt.from)
		}
		_, err := Parse("test", []byte(text))
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q in place of %q: %v, want %q", tt.to, tt.from, err, tt.says)
		}
	}
	if _, err := Load("kimi-fig3"); err == nil || !strings.Contains(err.Error(), `did you mean "kimi-fig2"`) {
		t.Error(err)
	}
	if _, err := Load("absent.yaml"); err == nil || !strings.Contains(err.Error(), "absent.yaml") {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(small, "text")))
	f.Add([]byte("base: {set: {a: [1, {b: c}]}}\naccept: [{ladder: {sizes: [a]}}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Parse("fuzz", data)
		if err != nil {
			return
		}
		if _, err := e.Jobs(); err != nil || len(e.Cells()) == 0 {
			t.Errorf("an experiment that was accepted has %v cells, %v", e.Cells(), err)
		}
	})
}
