package safetensors

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReferenceWritesTheSameBytes lets the PyTorch reference load a file of ours and save it
// again; names that need escapes are among the tensors.
func TestReferenceWritesTheSameBytes(t *testing.T) {
	const python = "/usr/bin/python3"
	reference, err := filepath.Abs("../../../shared/reference/k2_ref.py")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(reference); err != nil {
		t.Skip("the PyTorch reference is not here:", err)
	}
	if out, err := exec.Command(python, "-c", "import torch").CombinedOutput(); err != nil {
		t.Skipf("%s has no torch: %v %s", python, err, out)
	}
	tensors := []Tensor{
		sample[0],
		{"quote \" back \\ tab \t del \x7f \u00e9 \U0001f600 </script>", []int{2}, []float32{1, 2}},
		{"scalar", []int{}, []float32{3}},
	}
	dir := t.TempDir()
	ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
	if err := WriteFile(ours, tensors, F32, nil); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", "import sys, k2_ref as r; r.save_safetensors(sys.argv[2], r.load_safetensors(sys.argv[1]))", ours, theirs)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Dir(reference), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	a, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(theirs)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error(cmp.Diff(string(a), string(b)))
	}
	got, _, err := ReadFile(theirs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tensors, got); diff != "" {
		t.Error(diff)
	}
}
