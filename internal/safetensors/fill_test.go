package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func stored(t *testing.T, tensors ...Tensor) *File {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, tensors, F32, nil); err != nil {
		t.Fatal(err)
	}
	return open(t, b.Bytes())
}

func ramp(name string, start float32, shape ...int) Tensor {
	n, _ := Elements(shape)
	t := Tensor{Name: name, Shape: shape, Data: make([]float32, n)}
	for i := range t.Data {
		t.Data[i] = start + float32(i)
	}
	return t
}

func TestFill(t *testing.T) {
	a, b, c := ramp("a", 0, 2, 3), ramp("b", 10, 4), ramp("inv_freq", 0, 1)
	files := []*File{stored(t, a), stored(t, c, b)}
	held := make([]float32, 6)
	want := []Tensor{{Name: "b", Shape: []int{4}}, {Name: "a", Shape: []int{2, 3}, Data: held}}
	if err := Fill(want, files, func(name string) bool { return name == "inv_freq" }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Tensor{b, a}, want); diff != "" {
		t.Error(diff)
	}
	if &want[1].Data[0] != &held[0] {
		t.Error("the given memory was not used")
	}
}

func TestFillNamesEveryDifference(t *testing.T) {
	files := []*File{stored(t, ramp("a", 5, 2, 3), ramp("x", 0, 1)), stored(t, ramp("b", 5, 4), ramp("x", 0, 1))}
	held := make([]float32, 4)
	err := Fill([]Tensor{{Name: "b", Shape: []int{4}, Data: held}, {Name: "a", Shape: []int{3, 2}}, {Name: "c"}}, files, nil)
	var m *Mismatch
	if !errors.As(err, &m) {
		t.Fatalf("error %v, want a Mismatch", err)
	}
	want := &Mismatch{
		Missing: []string{"c"}, Extra: []string{"x", "x"}, Twice: []string{"x"},
		Shape: []string{"a: wanted [3 2], found [2 3]"},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	for _, part := range []string{"1 missing: c", "extra: x", "wanted [3 2], found [2 3]", "stored twice: x"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
	if held[0] != 0 {
		t.Error("a tensor was read although others do not match")
	}
}

func TestMismatchIsCapped(t *testing.T) {
	m := &Mismatch{}
	for i := range 50 {
		m.Missing = append(m.Missing, fmt.Sprint("layer", i))
	}
	text := m.Error()
	if !strings.Contains(text, "50 missing: layer0") || !strings.Contains(text, "layer19 and 30 more") || strings.Contains(text, "layer20") {
		t.Error(text)
	}
}
