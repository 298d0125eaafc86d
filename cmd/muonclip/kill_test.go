package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"muonclip/internal/metrics"
	"muonclip/internal/rng"
)

// longer makes the stages before the training take their time too, and saves often.
func longer(p *place) []string {
	documents := 12000
	if testing.Short() {
		documents = 3000
	}
	var lines strings.Builder
	for i := range documents {
		fmt.Fprintf(&lines, "{\"text\": %q}\n", story(i))
	}
	p.write("many.jsonl", lines.String())
	return []string{"run", "--config", "tiny.yaml", "--data", "many.jsonl", "--set", "train.steps=60", "--set", "train.checkpoint_every=2",
		"--set", "train.sample_every=4", "--set", "train.eval_tokens=1024", "--set", "data.dedup_near=true", "--set", "data.near_threshold=1", "--set", "data.shard_tokens=20000", "--out"}
}

// where names the stage in which a run stands.
func (p *place) where(run string) string {
	exists := func(name string) bool {
		_, err := os.Stat(p.path(run + "/" + name))
		return err == nil
	}
	switch {
	case exists("checkpoints"):
		return "training"
	case exists("metrics.jsonl"):
		return "before the first checkpoint"
	case exists("data/shards/many.jsonl/train/manifest.json"):
		return "before training"
	case exists("data/tokenizer"):
		return "shards"
	default:
		return "tokenizer"
	}
}

// TestKilledRunsEndTheSame: a run that is killed at random moments and started again each time ends
// with the bytes of a run that was left alone.
func TestKilledRunsEndTheSame(t *testing.T) {
	kills := 20
	if testing.Short() {
		kills = 5
	}
	p := newPlace(t)
	args := longer(p)
	start := time.Now()
	p.mc(append(args, "whole")...).ok()
	took := time.Since(start)

	r := rng.New(7, "kills")
	places := map[string]int{}
	cut := 0 // kills inside the writing of a checkpoint or of data
	run, ends := 0, 0
	dir := func() string { return fmt.Sprintf("killed%d", run) }
	for killed := 0; killed < kills; {
		cmd := p.command(append(args, dir())...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Moments are spread over the whole of an uninterrupted run. A run that was nearly done
		// meanwhile ends before; then the next one begins anew.
		timer := time.AfterFunc(time.Duration(r.Float64()*float64(took)), func() { cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() && status.Signal() == syscall.SIGKILL {
			killed++
			places[p.where(dir())]++
			cut += p.temporaries(dir())
			continue
		}
		if err != nil {
			t.Fatalf("started again after %d kills: %v\n%s", killed, err, p.mc(append(args, dir())...).errout)
		}
		p.equalRuns(dir(), "whole")
		run++
		ends++
	}
	p.mc(append(args, dir())...).ok()
	p.equalRuns(dir(), "whole")
	t.Logf("%d kills of runs of %v, by stage: %v, %d left a temporary file; %d runs compared", kills, took.Round(time.Millisecond), places, cut, ends+1)
	if n := places["training"]; !testing.Short() && (n < 4 || n > kills-4) {
		t.Errorf("the kills are not spread over the run: %v", places)
	}
}

// temporaries counts unfinished files and folders.
func (p *place) temporaries(run string) int {
	n := 0
	err := fs.WalkDir(os.DirFS(p.dir), run, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".tmp-") {
			n++
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // killed before there was a folder
		p.t.Fatal(err)
	}
	return n
}

// equalRuns compares all that a run writes but wall-clock times.
func (p *place) equalRuns(got, want string) {
	p.t.Helper()
	p.same(got+"/checkpoints", want+"/checkpoints", "checkpoints")
	p.same(got+"/data", want+"/data", "data")
	if p.read(got+"/samples.jsonl") != p.read(want+"/samples.jsonl") {
		p.t.Errorf("samples.jsonl differs between %s and %s", got, want)
	}
	a, b := p.rows(got), p.rows(want)
	if len(a) != len(b) {
		p.t.Fatalf("%s has %d rows, %s has %d", got, len(a), want, len(b))
	}
	untimed := func(r metrics.Row) string {
		r.Seconds, r.TokensPerSecond, r.FlopsPerSecond, r.PeakShare = 0, 0, 0, 0
		return string(r.AppendJSON(nil))
	}
	for i := range a {
		if x, y := untimed(a[i]), untimed(b[i]); x != y {
			p.t.Errorf("step %d of %s: %s\nof %s: %s", i+1, got, x, want, y)
		}
	}
}

func TestThreadsGiveTheSameBytes(t *testing.T) {
	p := newPlace(t)
	p.run("default").ok()
	for _, n := range []string{"1", "2", "4"} {
		p.env = []string{"GOMAXPROCS=" + n}
		p.run("procs" + n).ok()
		p.equalRuns("procs"+n, "default")
		p.env = nil
		p.run("threads"+n, "--set", "train.threads="+n).ok()
		p.same("threads"+n+"/checkpoints", "default/checkpoints", "train.threads="+n)
	}
}

// TestSignals: the first signal saves and ends with exit code 130, and the same command goes on.
func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			args := []string{"run", "--config", "tiny.yaml", "--data", "books", "--out", "out", "--set", "train.steps=100000", "--set", "train.checkpoint_every=1000000"}
			trained := func(size int64) func() bool {
				return func() bool {
					info, err := os.Stat(p.path("out/metrics.jsonl"))
					return err == nil && info.Size() > size
				}
			}
			res := p.signalled(sig, trained(2000), args...)
			res.fails(130, "interrupted after step", "the same command goes on")
			rows := p.rows("out")
			c := p.newest("out")
			if c.State.Step != len(rows) || c.State.Step == 0 {
				t.Errorf("the checkpoint is of step %d, the last row of %d", c.State.Step, len(rows))
			}
			if _, err := os.Stat(p.path("out/report.html")); err != nil {
				t.Error(err)
			}
			// It goes on from that step, and again from where a second signal stopped it.
			p.signalled(sig, trained(int64(len(p.read("out/metrics.jsonl")))), args...).fails(130)
			if more := p.rows("out"); len(more) <= len(rows) || p.newest("out").State.Step != len(more) {
				t.Errorf("%d rows after going on from %d", len(more), len(rows))
			}
			if e := p.events("out", metrics.KindResume); len(e) != 1 || e[0].Step != int64(len(rows)) {
				t.Errorf("resume events %+v", e)
			}
		})
	}
}

// TestSignalBeforeTraining: the stages before keep nothing half-done.
func TestSignalBeforeTraining(t *testing.T) {
	p := newPlace(t)
	args := append(longer(p), "out")
	p.signalled(syscall.SIGTERM, func() bool {
		_, err := os.Stat(p.path("out/data/tokenizer"))
		return err == nil
	}, args...).fails(130, "interrupted")
	if at := p.where("out"); at == "training" {
		t.Skip("the shards were done before the signal came")
	}
	p.mc(args...).ok()
}

// TestSignalsElsewhere: commands that have nothing to save end at once.
func TestSignalsElsewhere(t *testing.T) {
	p := finished(t)
	p.mc("export", "hf", "--model", "out", "--to", "hf").ok()
	p.write("tokens.json", "[[1, 2, 3, 4]]")
	var lines strings.Builder
	for i := range 60000 {
		fmt.Fprintf(&lines, "{\"text\": %q}\n", story(i))
	}
	p.write("long.jsonl", lines.String())
	for _, args := range [][]string{
		{"bench", "train", "--config", "tiny.yaml", "--steps", "1000000"},
		{"trace", "--model", "hf", "--tokens", "tokens.json", "--steps", "10000000"},
		{"eval", "loss", "--model", "out", "--data", "long.jsonl"},
		{"generate", "--model", "out", "--samples", "1000000", "--max-tokens", "50", "--json", "the"},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			p := &place{t: t, dir: p.dir}
			for wait := 200 * time.Millisecond; ; wait *= 2 {
				start := time.Now()
				res := p.signalled(syscall.SIGINT, func() bool { return time.Since(start) > wait }, args...)
				if res.code == -1 && wait < 5*time.Second { // the process had not begun to listen
					continue
				}
				res.fails(130, "interrupted")
				return
			}
		})
	}
}

// signalled sends a signal to a command when it is ready for it.
func (p *place) signalled(sig os.Signal, ready func() bool, args ...string) *result {
	p.t.Helper()
	var errout strings.Builder
	cmd := p.command(args...)
	cmd.Stderr = &errout
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for range 5000 {
		if ready() {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code tells
	return &result{p.t, args, cmd.ProcessState.ExitCode(), "", errout.String()}
}
