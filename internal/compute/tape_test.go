package compute_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cpu"
)

// TestPool runs all graphs on one tape, three rounds: the first allocates, the others do not, every
// element ever allocated is accounted for, and Reset takes back all of it.
func TestPool(t *testing.T) {
	for _, gradients := range []bool{true, false} {
		list := graphs()
		tape, be := newStrict(t, compute.Backend[float64](cpu.New[float64](1)))
		var weights [][]*compute.Tensor[float64]
		for _, g := range list {
			weights = append(weights, weightsOf(g))
		}
		peak, allocs := 0, 0
		var first []float64
		for round := range 3 {
			for i, g := range list {
				loss := functional(tape, g, weights[i], gradients)
				if tape.Pooled() != be.elements {
					t.Fatalf("%s, round %d: the tape holds %d elements of %d that it was given", g.name, round, tape.Pooled(), be.elements)
				}
				if err := compute.Accounted(tape); err != nil {
					t.Fatalf("%s, round %d: %v", g.name, round, err)
				}
				if round == 0 {
					first = append(first, loss)
				} else if loss != first[i] {
					t.Errorf("%s: %g in round %d, %g in the first", g.name, loss, round, first[i])
				}
			}
			if round == 0 {
				peak, allocs = be.elements, be.allocs
			} else if be.elements != peak || be.allocs != allocs {
				t.Errorf("gradients %v, round %d: %d elements in %d buffers, %d in %d after the first", gradients, round, be.elements, be.allocs, peak, allocs)
			}
		}
		tape.Reset()
		if n := compute.InUse(tape); n != 0 {
			t.Errorf("%d buffers in use after Reset", n)
		}
		if tape.Pooled() != peak {
			t.Errorf("%d elements pooled after Reset, want %d", tape.Pooled(), peak)
		}
	}
}

// TestBuffersAreNotShared: nothing reads memory that is free or that nobody wrote. Results on a tape
// whose free memory is NaN have the bits of those on a plain one.
func TestBuffersAreNotShared(t *testing.T) {
	for _, g := range graphs() {
		plainW, strictW := weightsOf(g), weightsOf(g)
		plain := compute.NewTape[float64](cpu.New[float64](2))
		poisoned, _ := newStrict(t, compute.Backend[float64](cpu.New[float64](2)))
		for range 2 {
			a, b := functional(plain, g, plainW, true), functional(poisoned, g, strictW, true)
			if a != b {
				t.Errorf("%s: %g, with poison %g", g.name, a, b)
			}
		}
		for i := range plainW {
			got, want := compute.GradientOf(poisoned, strictW[i]), compute.GradientOf(plain, plainW[i])
			for j := range want {
				if math.Float64bits(got[j]) != math.Float64bits(want[j]) {
					t.Fatalf("%s: gradient of weight %d element %d is %g, with poison %g", g.name, i, j, want[j], got[j])
				}
			}
		}
	}
}

func TestBuffersAreReused(t *testing.T) {
	tape := compute.NewTape[float64](cpu.New[float64](1))
	buffer, ints := tape.Buffer(10), tape.Ints(7)
	if other := tape.Buffer(10); &other[0] == &buffer[0] {
		t.Error("a buffer was handed out twice")
	}
	if other := tape.Ints(7); &other[0] == &ints[0] {
		t.Error("integers were handed out twice")
	}
	tape.Reset()
	held := tape.Pooled()
	a, b := tape.Buffer(10), tape.Buffer(10)
	if &a[0] != &buffer[0] && &b[0] != &buffer[0] {
		t.Error("Reset did not take a buffer back")
	}
	c, d := tape.Ints(7), tape.Ints(7)
	if &c[0] != &ints[0] && &d[0] != &ints[0] {
		t.Error("Reset did not take integers back")
	}
	if tape.Pooled() != held {
		t.Errorf("%d elements pooled, %d before", tape.Pooled(), held)
	}
}

// TestInspect lists what is seen and in which order, and that a recording tape and a plain one see the
// same forward pass.
func TestInspect(t *testing.T) {
	g := graph{sizes: [][2]int{{6, 5}, {1, 5}, {4, 5}}, build: func(t tape, w []tensor) tensor {
		t.Layer = -1
		x := input(t, w[0])
		t.Layer = 3
		h := t.RMSNorm(x, w[1], eps)
		t.Layer = 4
		t.HeadLoss(h, w[2], t.Targets([]int32{0, 1, 2, 3, -1, 0}), ones(6))
		return nil
	}}
	w := weightsOf(g)
	tape := compute.NewTape[float64](cpu.New[float64](1))
	var seen []string
	tape.Inspect = func(op string, layer int, backward bool, data []float64) {
		seen = append(seen, fmt.Sprintf("%s %d %v %d", op, layer, backward, len(data)))
	}
	functional(tape, g, w, true)
	want := []string{"embedding -1 false 30", "norm 3 false 30", "loss 4 false 5", "norm 3 true 30", "embedding -1 true 30"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("with gradients (-want +got):\n%s", diff)
	}
	seen = nil
	functional(tape, g, w, false)
	if diff := cmp.Diff(want[:3], seen); diff != "" {
		t.Errorf("without gradients (-want +got):\n%s", diff)
	}
}
