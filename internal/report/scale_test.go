package report

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTicksAreRoundEvenAndInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Float64Range(-1e9, 1e9).Draw(t, "lo")
		hi := lo + math.Pow(10, rapid.Float64Range(-4, 12).Draw(t, "size"))
		n := rapid.IntRange(2, 10).Draw(t, "n")
		got := ticks(lo, hi, n)
		if len(got) < 1 || len(got) > max(n, 3)+1 {
			t.Fatalf("%d ticks, wanted about %d", len(got), n)
		}
		d := step(lo, hi, n)
		mantissa := d / math.Pow(10, math.Floor(math.Log10(d)+1e-9))
		if !slices.ContainsFunc([]float64{1, 2, 5}, func(m float64) bool { return math.Abs(mantissa-m) < 1e-6 }) {
			t.Fatalf("distance %v is not round", d)
		}
		for i, v := range got {
			if slack := d*1e-6 + 1e-14*math.Abs(v); v < lo-slack || v > hi+slack {
				t.Fatalf("tick %v outside [%v, %v]", v, lo, hi)
			}
			if k := v / d; math.Abs(k-math.Round(k)) > 1e-6*math.Max(1, math.Abs(k)) {
				t.Fatalf("tick %v is not a multiple of %v", v, d)
			}
			if i > 0 && math.Abs(v-got[i-1]-d) > d*1e-6+1e-14*math.Abs(v) {
				t.Fatalf("ticks %v are not even", got)
			}
		}
	})
}

func TestLogTicksAreInsideAndRise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := math.Pow(10, rapid.Float64Range(-12, 12).Draw(t, "lo"))
		hi := lo * math.Pow(10, rapid.Float64Range(0.05, 20).Draw(t, "decades"))
		got := logTicks(lo, hi, 5)
		if len(got) < 1 || len(got) > 9 {
			t.Fatalf("%d ticks in [%v, %v]", len(got), lo, hi)
		}
		for i, v := range got {
			if v < lo*(1-1e-6) || v > hi*(1+1e-6) || i > 0 && v <= got[i-1] {
				t.Fatalf("ticks %v in [%v, %v]", got, lo, hi)
			}
		}
	})
}

func TestTickTexts(t *testing.T) {
	for _, c := range []struct {
		values []float64
		log    bool
		want   []string
	}{
		{[]float64{0, 200, 400}, false, []string{"0", "200", "400"}},
		{[]float64{0, 0.0005, 0.001, 0.0015}, false, []string{"0", "0.0005", "0.0010", "0.0015"}},
		{[]float64{0, 5e10, 1e11}, false, []string{"0", "50G", "100G"}},
		{[]float64{0, 5000, 10000}, false, []string{"0", "5k", "10k"}},
		{[]float64{2.5e6, 3e6}, false, []string{"2.5M", "3.0M"}},
		{[]float64{-1, 0, 1}, false, []string{"-1", "0", "1"}},
		{[]float64{0.3, 1, 3, 10, 30, 100}, true, []string{"0.3", "1", "3", "10", "30", "100"}},
		{[]float64{1e-6, 1e-5, 0.0001, 0.001}, true, []string{"1e-6", "1e-5", "1e-4", "0.001"}},
	} {
		if diff := cmp.Diff(c.want, tickTexts(c.values, c.log)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.values, diff)
		}
	}
}

func TestScaleRunsFromEndToEnd(t *testing.T) {
	for _, s := range []scale{{lo: 1, hi: 100, p: 10, q: 30}, {lo: 1, hi: 100, p: 30, q: 10, log: true}} {
		if s.at(1) != s.p || s.at(100) != s.q || s.at(-5) != s.p || s.at(1e9) != s.q {
			t.Errorf("%+v does not hold its ends", s)
		}
	}
	if at := (scale{lo: 1, hi: 100, p: 0, q: 2, log: true}).at(10); math.Abs(at-1) > 1e-12 {
		t.Errorf("10 stands at %v of a logarithmic axis from 1 to 100, want the middle", at)
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{si(9216512), "9.22 M"}, {si(1.04e12), "1.04 T"}, {si(5298), "5,298"}, {si(81920), "81.9 k"}, {si(999.6e6), "1.00 G"}, {si(0.5), "0.500"}, {si(math.NaN()), "NaN"},
		{digits(3.0801, 4), "3.080"}, {digits(0, 3), "0"}, {digits(12345.6, 3), "12,346"}, {digits(1e-7, 3), "1e-07"}, {digits(-2.5, 2), "-2.5"},
		{grouped(1234567), "1,234,567"}, {grouped(-999), "-999"}, {grouped(-1000), "-1,000"}, {grouped(math.Inf(1)), "+Inf"},
		{duration(0.42), "0.4 s"}, {duration(59), "59 s"}, {duration(59.7), "1 min 00 s"}, {duration(468), "7 min 48 s"}, {duration(3599.8), "1 h 00 min"}, {duration(1e6), "11 d 14 h"}, {duration(math.NaN()), "NaN s"},
		{byteSize(12), "12 B"}, {byteSize(1 << 20), "1.05 MB"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
