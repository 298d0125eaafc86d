package synth

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const killKey = "SYNTH_TEST_KILL"

// killed is the run that is killed again and again.
func killed(t *testing.T, dir string) (fake, Options) {
	s := fake{seed: 31, every: 9, delay: func(i int64) time.Duration { return time.Duration(i%5) * 150 * time.Microsecond }}
	return s, Options{Dir: dir, Name: "killed", N: 900, Seed: 31, PartRows: 60, Workers: 2, Tokenizer: bytesTokenizer(t)}
}

// TestKill kills a run at random moments, starts it again, and compares what comes out at last with a run that nobody
// killed, byte by byte.
func TestKill(t *testing.T) {
	if dir := os.Getenv(killKey); dir != "" {
		s, o := killed(t, dir)
		if _, err := Generate(t.Context(), s, o); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if testing.Short() {
		t.Skip("takes long; not with -short")
	}
	whole := filepath.Join(t.TempDir(), "whole")
	s, o := killed(t, whole)
	generate(t, s, o)

	dir := filepath.Join(t.TempDir(), "killed")
	r := rand.New(rand.NewPCG(5, 6))
	kills := 0
	for range 200 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), killKey+"="+dir)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(80+r.IntN(250)+15*kills)*time.Millisecond, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if err == nil {
			break
		}
		var exit *exec.ExitError
		if status, ok := syscall.WaitStatus(0), errors.As(err, &exit); ok {
			status, _ = exit.Sys().(syscall.WaitStatus)
			if !status.Signaled() {
				t.Fatalf("the run failed by itself: %v", err)
			}
		}
		kills++
	}
	if kills < 3 {
		t.Errorf("killed %d times only", kills)
	}
	if diff := cmp.Diff(tree(t, whole), tree(t, dir)); diff != "" {
		t.Errorf("after %d kills: %s", kills, diff)
	}
	t.Logf("%d kills", kills)
}
