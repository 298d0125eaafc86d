package lab

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muonclip/internal/report"
)

// TestBand: the mean over runs lies in a band from the least to the largest, runs that end early and figures that are not
// finite are left out, and a single run has no band.
func TestBand(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	runs := []*Result{
		{Tokens: []float64{1, 2, 3}, Loss: []float64{1, 4, 9}},
		{Tokens: []float64{1, 2, 3, 4}, Loss: []float64{4, 4, inf, 5}},
		{Tokens: []float64{1, 3}, Loss: []float64{16, nan}},
	}
	pick := func(r *Result) ([]float64, []float64) { return r.Tokens, r.Loss }
	for logs, middle := range map[bool][]float64{false: {7, 9}, true: {4, 9}} {
		got, ok := band(runs, logs, pick)
		want := report.Line{X: []float64{1, 3}, Y: middle, Low: []float64{1, 9}, High: []float64{16, 9}}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })); !ok || diff != "" {
			t.Errorf("logs %v: %s", logs, diff)
		}
	}
	if one, ok := band(runs[:1], false, pick); !ok || one.Low != nil || one.High != nil {
		t.Errorf("one run: %+v", one)
	}
	if _, ok := band(nil, false, pick); ok {
		t.Error("no runs have a curve")
	}
}

// TestPictures: what was measured beside training has its charts, and an experiment its picture.
func TestPictures(t *testing.T) {
	e := &Experiment{Name: "x", Accept: []Rule{{Quantity: "max_logit", Of: "muon"}}}
	out := &Outcome{Experiment: e, Dir: t.TempDir(), Table: newTable([]string{"muon"}, []uint64{1, 2})}
	path := filepath.Join(out.Dir, "x.svg")
	if err := WritePicture(out, path); err == nil || !strings.Contains(err.Error(), "muonclip lab run x") {
		t.Errorf("a picture of nothing: %v", err)
	}
	for seed := range uint64(2) {
		r := &Result{Job: Job{Cell: "muon", Seed: seed + 1}, Values: map[string]float64{"max_logit": 300}, Tokens: []float64{1, 2, 3}, MaxLogit: []float64{1, 30, 300}}
		r.Config.Optim.QKClip.Enabled, r.Config.Optim.QKClip.Tau = true, 100
		r.Instruments = map[string]Curve{"weight_rms": {[]float64{1, 3}, []float64{1, 2}}, "weight_singular": {[]float64{1, 3}, []float64{1, 2}}}
		out.Table.add(r)
	}
	if list := out.instruments(); len(list) != 1 || list[0].Title != "Size of the weights" {
		t.Errorf("%d charts of instruments", len(list))
	}
	if err := WritePicture(out, path); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<style>", "Largest attention logit", "τ = 100", `class="band`} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
}
