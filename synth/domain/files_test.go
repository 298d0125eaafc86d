package domain_test

import (
	"context"
	"errors"
	"testing"

	"muonclip/synth/domain"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

// TestFiles prints every problem of every file, for those who write them: what the checks find, worlds that cannot be
// made, and actions whose programs break or never succeed on sampled arguments.
func TestFiles(t *testing.T) {
	ds, err := domain.Load()
	var problems domain.Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("files/%s", p)
	}
	t.Logf("%d domains without a problem", len(ds))
	for _, d := range ds {
		m, err := world.NewModel(d)
		if err != nil {
			t.Errorf("files/%s: %v", d.File, err)
			continue
		}
		sound := true
		for seed := range uint64(5) {
			w, err := m.World(seed)
			if err == nil {
				err = w.Check()
			}
			if err != nil {
				t.Errorf("files/%s: world %d: %v", d.File, seed, err)
				sound = false
				break
			}
		}
		if sound {
			tryActions(t, m)
		}
	}
}

func tryActions(t *testing.T, m *world.Model) {
	s, err := tool.Evolve(m, 0)
	if err != nil {
		t.Error(err)
		return
	}
	var actions []*tool.Tool
	for _, x := range s.Tools {
		if x.Kind == "action" {
			actions = append(actions, x)
		}
	}
	if len(actions) != len(s.Domain.Actions) {
		t.Errorf("files/%s: %d of %d actions became tools: another tool has the same name", s.Domain.File, len(actions), len(s.Domain.Actions))
	}
	s.Tools = actions
	tally, err := tool.SelfTest(context.Background(), s, []uint64{1, 2, 3, 4}, 20)
	if err != nil {
		t.Error(err)
		return
	}
	shown := map[string]bool{}
	for _, f := range tally.Failures {
		if !shown[f.Tool] {
			t.Errorf("files/%s: actions: %s", s.Domain.File, f)
		}
		shown[f.Tool] = true
	}
	for _, name := range tally.Never {
		if !shown[name] {
			t.Logf("files/%s: the action %s never succeeded in 80 sampled calls: are its conditions too narrow?", s.Domain.File, name)
		}
	}
}
