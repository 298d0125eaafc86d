package tool

import (
	"context"
	"encoding/json"
	"testing"

	"muonclip/internal/rng"
	"muonclip/synth/domain"
)

func TestCompactTools(t *testing.T) {
	ds, err := domain.Load()
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		ds = ds[:20]
	}
	full, err := EvolveAll(context.Background(), ds, 0)
	if err != nil {
		t.Fatal(err)
	}
	tools, chars, broad, results, calls := 0, 0, 0, 0, 0
	for i, s := range full {
		c := s.Compact()
		tally, err := SelfTest(context.Background(), c, []uint64{1}, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range tally.Failures {
			t.Errorf("%s: %v", s.Domain.Name, f)
		}
		w, err := c.Model.World(2)
		if err != nil {
			t.Fatal(err)
		}
		for k, x := range c.Tools {
			whole := s.Tool(x.Name)
			tools++
			chars += x.Chars()
			broad += whole.Chars()
			if len(x.Params) > compactParams || x.Chars() > whole.Chars() {
				t.Errorf("%s has %d parameters and %d characters, in full %d", x.Name, len(x.Params), x.Chars(), whole.Chars())
			}
			args, ok := x.Sample(w, rng.New(5, "test", uint64(i), uint64(k)))
			if !ok {
				continue
			}
			a, b := w.Clone(), w.Clone()
			res, errA := x.CallValues(a, args)
			_, errB := whole.CallValues(b, args)
			if whole.ByRole(RoleFilter) == nil && whole.groups == nil && (errA == nil) != (errB == nil) || errA == nil && errB == nil && a.Hash() != b.Hash() {
				t.Errorf("%s with %s does not do what the full tool does: %v, %v", x.Name, x.Encode(args), errA, errB)
			}
			if errA != nil {
				continue
			}
			calls, results = calls+1, results+len(res.JSON())
			var m map[string]any
			if err := json.Unmarshal(res.JSON(), &m); err != nil {
				t.Fatal(err)
			}
			if x.Returns.Shape != "record" {
				continue
			}
			for key := range m {
				shown := false
				for _, f := range append(x.Shown, "id") {
					shown = shown || x.Key(f) == key
				}
				if !shown {
					t.Errorf("%s shows %s", x.Name, key)
				}
			}
		}
	}
	t.Logf("%d compact tools of %d domains: %d characters in the mean, %d in full; results of %d characters", tools, len(ds), chars/tools, broad/tools, results/calls)
}

func TestSplit(t *testing.T) {
	ds, err := domain.Load()
	if err != nil {
		t.Fatal(err)
	}
	var sets []*Set
	for _, d := range ds {
		sets = append(sets, &Set{Domain: d})
	}
	train, held := Split(sets)
	if len(train)+len(held) != len(sets) {
		t.Fatalf("%d and %d of %d sets", len(train), len(held), len(sets))
	}
	for _, s := range train {
		if HeldOut(s.Domain.Name) {
			t.Errorf("%s is in the wrong part", s.Domain.Name)
		}
	}
	if share := float64(len(held)) / float64(len(sets)); share < 0.08 || share > 0.25 {
		t.Errorf("%.0f %% of the domains are held out, about 15 %% are wanted", 100*share)
	}
	t.Logf("%d of %d domains are held out", len(held), len(sets))
}
