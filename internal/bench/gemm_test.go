package bench

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"muonclip/internal/compute/cpu"
)

// Both sides must compute the same product, or their times mean nothing.
func TestOursAndOpenBLASComputeTheSame(t *testing.T) {
	blas, err := LoadOpenBLAS("")
	if err != nil {
		t.Skip(err)
	}
	shapes, err := StepShapes(smallTrain(t))
	if err != nil {
		t.Fatal(err)
	}
	be := cpu.New[float32](2)
	for _, s := range shapes {
		p := newProduct(s.Shape)
		blas.Threads(2)
		p.theirs(blas)
		want := append([]float32(nil), p.c...)
		clear(p.c)
		p.ours(be)
		for e := range p.Batch {
			for i := range p.M {
				for j := range p.N {
					if p.Symmetric && j > i {
						continue // OpenBLAS leaves it alone
					}
					at := (e*p.M+i)*p.N + j
					if d := math.Abs(float64(p.c[at] - want[at])); d > 1e-3 {
						t.Fatalf("%s %s: element %d,%d of %d is %g, OpenBLAS has %g", s.Purpose, s.Shape, i, j, e, p.c[at], want[at])
					}
				}
			}
		}
	}
}

func TestGemmWithoutOpenBLAS(t *testing.T) {
	g, err := MeasureGemm(GemmOptions{
		Models: []GemmModel{{Name: "small", Step: smallTrain(t)}}, Threads: []int{1}, Rounds: 1, Sample: time.Microsecond,
		Library: "libnothing-of-this-name.so",
	})
	if err != nil {
		t.Fatal(err)
	}
	if g.OpenBLAS != "" || !strings.Contains(g.Absent, "OpenBLAS") {
		t.Errorf("OpenBLAS %q, absent %q", g.OpenBLAS, g.Absent)
	}
	if len(g.Rows) == 0 || len(g.Summary) != 1 {
		t.Fatalf("%d shapes, %d summaries", len(g.Rows), len(g.Summary))
	}
	for _, r := range g.Rows {
		if len(r.Rates) != 1 || r.Rates[0].Ours.Median <= 0 || r.Rates[0].Theirs != nil {
			t.Errorf("%s: %+v", r.Shape, r.Rates)
		}
	}
	var b bytes.Buffer
	if err := g.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"OpenBLAS", "forward", "input gradient", "weight gradient", "Newton-Schulz"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}

func TestGemmSummary(t *testing.T) {
	row := func(model string, n, count int, ours, theirs float64) GemmRow {
		s := Shape{Purpose: Forward, M: n, N: n, K: n, Batch: 1}
		return GemmRow{CountedShape: CountedShape{s, count}, Model: model, Rates: []GemmRate{{
			Ours: Spread{Median: ours}, Theirs: &Spread{Median: theirs}, Ratio: ours / theirs,
		}}}
	}
	s := summarize([]GemmRow{row("a", 100, 1, 10, 5), row("a", 200, 2, 20, 40), row("b", 100, 3, 10, 5)}, 0, 1, 40)
	// 2 and 0.5, the shape of both models once; work of 2e6 flops x 4 and 16e6 x 2.
	if math.Abs(s.Geomean-1) > 1e-12 || s.Least != 0.5 || s.LeastShape != "a 200x200x200 AB" {
		t.Errorf("summary %+v", s)
	}
	ours, theirs := 8.0/10+32.0/20, 8.0/5+32.0/40
	if math.Abs(s.Weighted-theirs/ours) > 1e-12 || math.Abs(s.PeakShare-40/ours/40) > 1e-12 {
		t.Errorf("weighted %g, share %g; want %g, %g", s.Weighted, s.PeakShare, theirs/ours, 40/ours/40)
	}
}
