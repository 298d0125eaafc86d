package kernels

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, names ...string) string {
	t.Helper()
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no file matches %s: %v", pattern, err)
	}
	slices.Sort(names)
	return names
}

// TestPTXIsUpToDate: each source has its PTX, whose first line is the hash that scripts/ptx.sh takes of what it is made of.
func TestPTXIsUpToDate(t *testing.T) {
	sources := glob(t, "*.cu")
	for _, source := range sources {
		name := strings.TrimSuffix(source, ".cu") + ".ptx"
		hash := sha256.Sum256([]byte(read(t, append([]string{"device.h", "kernels.h"}, append(glob(t, "*.cuh"), source)...)...)))
		first, _, _ := strings.Cut(read(t, name), "\n")
		if want := fmt.Sprintf("// sources: sha256 %x", hash); first != want {
			t.Errorf("%s begins with %q, want %q: run scripts/ptx.sh", name, first, want)
		}
	}
	if ptx := glob(t, "*.ptx"); len(ptx) != len(sources) {
		t.Errorf("%d files of PTX for %d sources", len(ptx), len(sources))
	}
}

var (
	declaration = regexp.MustCompile(`(?m)^KERNEL (\w+)\(([^)]*)\);`)
	macro       = regexp.MustCompile(`(?m)^#define (ATTENTION_\w+)\(name\)[^(]*\(([^)]*)\)`)
	use         = regexp.MustCompile(`(?m)^(ATTENTION_\w+)\((\w+)\);`)
	entry       = regexp.MustCompile(`(?m)^\.visible \.entry (\w+)\(([^)]*)\)`)
)

// declared returns the number of arguments of each kernel of kernels.h.
func declared(t *testing.T) map[string]int {
	header := read(t, "kernels.h")
	args := func(list string) int { return strings.Count(list, ",") + 1 }
	kernels, macros := map[string]int{}, map[string]int{}
	for _, m := range declaration.FindAllStringSubmatch(header, -1) {
		kernels[m[1]] = args(m[2])
	}
	for _, m := range macro.FindAllStringSubmatch(header, -1) {
		macros[m[1]] = args(m[2])
	}
	for _, m := range use.FindAllStringSubmatch(header, -1) {
		kernels[m[2]] = macros[m[1]]
	}
	return kernels
}

// TestEntries: the PTX has the kernels of kernels.h with as many arguments, and no others.
func TestEntries(t *testing.T) {
	want := declared(t)
	if len(want) < 60 {
		t.Fatalf("found %d kernels in kernels.h", len(want))
	}
	found := map[string]bool{}
	for _, name := range glob(t, "*.ptx") {
		for _, m := range entry.FindAllStringSubmatch(read(t, name), -1) {
			if found[m[1]] {
				t.Errorf("%s is there twice", m[1])
			}
			found[m[1]] = true
			if args, ok := want[m[1]]; !ok || strings.Count(m[2], ".param") != args {
				t.Errorf("%s in %s has %d arguments, kernels.h says %d", m[1], name, strings.Count(m[2], ".param"), args)
			}
		}
	}
	for name := range want {
		if !found[name] {
			t.Errorf("%s is declared in kernels.h and not in the PTX", name)
		}
	}
}

// TestCompile compiles the kernels again where there is a toolkit, compares the PTX and lets ptxas translate it.
func TestCompile(t *testing.T) {
	if testing.Short() {
		t.Skip("compiling all kernels takes minutes")
	}
	if _, err := exec.LookPath("nvcc"); err != nil && os.Getenv("CUDA_ROOT") == "" {
		t.Skip("there is no nvcc on PATH, and CUDA_ROOT names no toolkit")
	}
	out, err := exec.Command("../../../../scripts/ptx.sh", "--check").CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
