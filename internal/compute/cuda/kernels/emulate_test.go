package kernels

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestEmulation runs every kernel on the host in three orders of threads and compares it with float64 loops.
func TestEmulation(t *testing.T) {
	out := runChecks(t, "-O2")
	_, list, _ := strings.Cut(out, "launched:")
	launched := strings.Fields(list)
	for name := range declared(t) {
		if !slices.Contains(launched, name) {
			t.Errorf("no check launches %s", name)
		}
	}
}

func runChecks(t *testing.T, flags ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("compiling and emulating all kernels takes a minute")
	}
	if _, err := exec.LookPath("g++"); err != nil {
		t.Skip("there is no g++ to compile the kernels for this machine")
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	out, err := run(ctx, t, build(ctx, t, flags))
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// limit is how long a test may take, compiling included; on an idle machine it takes a tenth of it.
const limit = 4 * time.Minute

// run runs a program. A machine so busy that the time is up before the work is done says nothing about the kernels: the test
// is skipped, unless the program had the processor for most of the time.
func run(ctx context.Context, t *testing.T, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() == nil {
		return out, err
	}
	if cmd.ProcessState != nil && cmd.ProcessState.UserTime() > limit/2 {
		t.Fatalf("%s still runs after %v of processor time: %s", program, cmd.ProcessState.UserTime(), out)
	}
	t.Skipf("the machine is too busy: %v were not enough to compile and run the checks", limit)
	return nil, nil
}

// build compiles kernels and checks to one program, once for each state of the sources.
func build(ctx context.Context, t *testing.T, flags []string) string {
	t.Helper()
	sources := append(glob(t, "*.cu"), glob(t, "emulate/*.cpp")...)
	headers := append(append(glob(t, "*.h"), glob(t, "*.cuh")...), glob(t, "emulate/*.h")...)
	flags = append([]string{"-std=c++17", "-DEMULATE", "-ffp-contract=off", "-Wall", "-Wno-unused-function", "-Wno-unknown-pragmas"}, flags...)
	hash := sha256.Sum256([]byte(strings.Join(flags, " ") + read(t, append(headers, sources...)...)))
	program := filepath.Join(os.TempDir(), fmt.Sprintf("muonclip-emulation-%d-%x", os.Getuid(), hash[:8]), "check")
	if info, err := os.Stat(program); err == nil && info.Mode().IsRegular() {
		return program
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o700); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	objects := make([]string, len(sources))
	failures := make([]error, len(sources))
	room := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i, source := range sources {
		objects[i] = filepath.Join(dir, filepath.Base(source)+".o")
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			out, err := exec.CommandContext(ctx, "g++", append(slices.Clone(flags), "-x", "c++", "-c", source, "-o", objects[i])...).CombinedOutput()
			if err != nil {
				failures[i] = fmt.Errorf("compile %s: %w\n%s", source, err, out)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		t.Skipf("the machine is too busy: %v were not enough to compile the checks", limit)
	}
	if err := errors.Join(failures...); err != nil {
		t.Fatal(err)
	}
	linked := filepath.Join(filepath.Dir(program), fmt.Sprintf("check.%d", os.Getpid()))
	if out, err := run(ctx, t, "g++", append(append(slices.Clone(flags), objects...), "-o", linked)...); err != nil {
		t.Fatalf("link: %v\n%s", err, out)
	}
	if err := os.Rename(linked, program); err != nil {
		t.Fatal(err)
	}
	return program
}
