package checkpoint

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muonclip/internal/atomicfile"
)

const (
	killKey  = "CHECKPOINT_TEST_KILL"
	killRows = 20_000 // 320 kB a tensor, so that kills often land inside a save
)

// saveForEver is the life of the child process: one save after another.
func saveForEver(run string) {
	entries, err := List(run)
	for step := len(entries) + 1; err == nil; step++ {
		_, err = Save(run, contents(step, killRows))
		fmt.Println(step)
		if err == nil && step%3 == 0 {
			// The same step again: a folder that is replaced must survive a kill too.
			_, err = Save(run, contents(step, killRows))
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKilledSaves kills a saving process at random moments. After each kill the newest checkpoint
// loads whole, and it is no older than the last one that the process reported.
func TestKilledSaves(t *testing.T) {
	if run := os.Getenv(killKey); run != "" {
		saveForEver(run)
	}
	run := t.TempDir()
	folder := filepath.Join(run, Folder)
	r := rand.New(rand.NewPCG(3, 4))
	inside := 0
	for kill := range 15 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledSaves$")
		cmd.Env = append(os.Environ(), killKey+"="+run)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() {
			t.Fatal("the child saved nothing")
		}
		time.Sleep(time.Duration(r.IntN(60_000)) * time.Microsecond)
		cmd.Process.Kill()
		reported := 0
		for ok := true; ok; ok = lines.Scan() {
			fmt.Sscan(lines.Text(), &reported)
		}
		cmd.Wait()

		for _, e := range dirNames(t, folder) {
			if strings.HasPrefix(e, atomicfile.TempPrefix) {
				inside++
			}
		}
		c, damage, err := Latest(run)
		if err != nil || len(damage) > 0 {
			t.Fatalf("after kill %d: %v, %v", kill, damage, err)
		}
		if c.State.Step < reported {
			t.Fatalf("after kill %d the newest checkpoint is step %d, but %d was saved", kill, c.State.Step, reported)
		}
		wantWhole(t, c, c.State.Step, killRows)
	}
	t.Logf("%d of 15 kills left a temporary folder", inside)
	if inside == 0 {
		t.Error("no kill landed inside a save: the test proves nothing, let it save more")
	}
	save(t, run, 1_000_000)
	for _, e := range dirNames(t, folder) {
		if strings.HasPrefix(e, atomicfile.TempPrefix) {
			t.Errorf("%s is left behind after the next save", e)
		}
	}
}

func dirNames(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
