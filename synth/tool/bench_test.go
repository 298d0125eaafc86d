package tool_test

import (
	"context"
	"testing"

	"muonclip/internal/rng"
	"muonclip/synth/domain"
	"muonclip/synth/tool"
	"muonclip/synth/world"
)

func hotel(t testing.TB, seed uint64) *tool.Set {
	t.Helper()
	ds, _ := domain.Load()
	for _, d := range ds {
		if d.Name != "hotel_reservations" {
			continue
		}
		m, err := world.NewModel(d)
		if err != nil {
			t.Fatal(err)
		}
		s, err := tool.Evolve(m, seed)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Fatal("no domain hotel_reservations")
	return nil
}

// BenchmarkCall reports calls a second over all tools of a domain with sampled arguments.
func BenchmarkCall(b *testing.B) {
	s := hotel(b, 0)
	w, err := s.Model.World(1)
	if err != nil {
		b.Fatal(err)
	}
	type one struct {
		t    *tool.Tool
		args map[string]any
	}
	var calls []one
	for i, t := range s.Tools {
		if args, ok := t.Sample(w, rng.New(1, "bench", uint64(i))); ok {
			_ = t.Program.Ready()
			calls = append(calls, one{t, args})
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c := calls[i%len(calls)]
		i++
		_, _ = c.t.CallValues(w.Clone(), c.args)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

func BenchmarkValidate(b *testing.B) {
	s := hotel(b, 0)
	w, _ := s.Model.World(1)
	t := s.Using("reservation.create")[0]
	args, _ := t.Sample(w, rng.New(1, "bench"))
	raw := t.Encode(args)
	b.ReportAllocs()
	for b.Loop() {
		t.Validate(raw)
	}
}

func BenchmarkWorld(b *testing.B) {
	s := hotel(b, 0)
	seed := uint64(0)
	for b.Loop() {
		seed++
		if _, err := s.Model.World(seed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClone(b *testing.B) {
	s := hotel(b, 0)
	w, _ := s.Model.World(1)
	for b.Loop() {
		w = w.Clone()
	}
}

func BenchmarkHash(b *testing.B) {
	s := hotel(b, 0)
	w, _ := s.Model.World(1)
	for b.Loop() {
		_ = w.Hash()
	}
}

func BenchmarkEvolveAll(b *testing.B) {
	ds, _ := domain.Load()
	for b.Loop() {
		if _, err := tool.EvolveAll(context.Background(), ds, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		_, _ = domain.Load()
	}
}
