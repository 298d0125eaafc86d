package report

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDownsampleKeepsExtremesOrderAndEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ys := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-100, 100), rapid.Just(math.NaN()), rapid.Just(math.Inf(1))), 1, 600).Draw(t, "y")
		xs := make([]float64, len(ys))
		x := 0.0
		for i := range xs {
			x += rapid.Float64Range(0, 3).Draw(t, "dx")
			xs[i] = x
		}
		n := rapid.IntRange(1, 40).Draw(t, "bins")
		got := downsample(xs, ys, n)
		if len(got) > max(4*n, 1) {
			t.Fatalf("%d points for %d bins", len(got), n)
		}
		lo, hi, some := extent(ys)
		var kept []float64
		for i, p := range got {
			kept = append(kept, p.y)
			if i > 0 && p.x < got[i-1].x {
				t.Fatalf("points go back at %d", i)
			}
		}
		l, h, keptSome := extent(kept)
		if some != keptSome || some && (l != lo || h != hi) {
			t.Fatalf("range [%v, %v] became [%v, %v]", lo, hi, l, h)
		}
	})
}

func TestBinnedKeepsTheLargestOfEveryBin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b binned
		start := rapid.Int64Range(0, 1000).Draw(t, "start")
		steps := []int64{start}
		for range rapid.IntRange(0, 300).Draw(t, "n") {
			steps = append(steps, steps[len(steps)-1]+rapid.Int64Range(1, 7).Draw(t, "gap"))
		}
		values := map[int64]float64{}
		for _, s := range steps {
			values[s] = rapid.Float64Range(-5, 5).Draw(t, "v")
			b.add(s, []float64{values[s]})
		}
		if len(b.cols) > maxColumns {
			t.Fatalf("%d columns", len(b.cols))
		}
		for c := range b.cols {
			want := math.NaN()
			for s := b.start + int64(c)*b.width; s < b.start+int64(c+1)*b.width; s++ {
				if v, ok := values[s]; ok && !(v <= want) {
					want = v
				}
				if _, ok := values[s]; ok && b.column(s) != c {
					t.Fatalf("step %d is in column %d, want %d", s, b.column(s), c)
				}
			}
			got := math.NaN()
			if len(b.cols[c]) > 0 {
				got = b.cols[c][0]
			}
			if got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Fatalf("column %d holds %v, want %v", c, got, want)
			}
		}
	})
}

func TestSmooth(t *testing.T) {
	for i, v := range smooth([]float64{3, 3, math.NaN(), 3, math.Inf(1), 3}, 5) {
		if i == 2 || i == 4 {
			if !math.IsNaN(v) {
				t.Errorf("value %d is %v, want NaN where the loss was not finite", i, v)
			}
		} else if math.Abs(v-3) > 1e-12 {
			t.Errorf("value %d of a constant is %v", i, v)
		}
	}
	// A straight line has no lag away from its ends.
	line := make([]float64, 400)
	for i := range line {
		line[i] = float64(i)
	}
	if v := smooth(line, 20)[200]; math.Abs(v-200) > 0.01 {
		t.Errorf("smoothed line is at %v, want 200", v)
	}
}

// follow undoes pathData: it gives the absolute positions, a break as a NaN.
func follow(t *rapid.T, d string) []point {
	var out []point
	d = strings.NewReplacer("M", " M ", "l", " l ", "h", " h ", "-", " -").Replace(d)
	var x, y float64
	words := strings.Fields(d)
	next := func() float64 {
		v, err := strconv.ParseFloat(words[0], 64)
		if err != nil {
			t.Fatalf("%q in path %q", words[0], d)
		}
		words = words[1:]
		return v
	}
	for len(words) > 0 {
		switch words[0] {
		case "M":
			words = words[1:]
			if out != nil {
				out = append(out, point{x, math.NaN()})
			}
			x, y = next(), next()
			out = append(out, point{x, y})
		case "l":
			words = words[1:]
		case "h":
			words = words[2:]
		default:
			x, y = x+next(), y+next()
			out = append(out, point{x, y})
		}
	}
	return out
}

func TestPathDataRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := scale{lo: 0, hi: 100, p: 50, q: 468}, scale{lo: -10, hi: 10, p: 230, q: 40}
		n := rapid.IntRange(1, 50).Draw(t, "n")
		points := make([]point, n)
		var want []point
		for i := range points {
			points[i] = point{float64(i), rapid.OneOf(rapid.Float64Range(-10, 10), rapid.Just(math.NaN())).Draw(t, "y")}
			if p := points[i]; !math.IsNaN(p.y) {
				if i > 0 && math.IsNaN(points[i-1].y) && want != nil {
					want = append(want, point{0, math.NaN()})
				}
				want = append(want, point{x.at(p.x), y.at(p.y)})
			}
		}
		got := follow(t, pathData(points, x, y))
		if len(got) != len(want) {
			t.Fatalf("%d positions, want %d", len(got), len(want))
		}
		for i := range got {
			if math.IsNaN(want[i].y) != math.IsNaN(got[i].y) {
				t.Fatalf("break at %d: got %v, want %v", i, got[i], want[i])
			}
			if math.Abs(got[i].y-want[i].y) > 0.051 || !math.IsNaN(want[i].y) && math.Abs(got[i].x-want[i].x) > 0.051 {
				t.Fatalf("position %d is %v, want %v", i, got[i], want[i])
			}
		}
	})
}
