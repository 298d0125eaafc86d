package main

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFullDisk: whatever is being written when the disk is full, the command ends with a clear error,
// what was there before is sound, and the run goes on when there is space, to the same end.
func TestFullDisk(t *testing.T) {
	p := newPlace(t)
	p.run("whole", "--set", "train.keep_last=0").ok()
	disk := p.path("disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	mount := func(flags uintptr, size string) error { return unix.Mount("tmpfs", disk, "tmpfs", flags, "size="+size) }
	for _, tt := range []struct {
		size, while string
		step        bool // a checkpoint is there
	}{
		{"4k", "disk/out/data/tokenizer", false},
		{"40k", "disk/out/data/shards", false},
		{"64k", "disk/out/metrics.jsonl", false},
		{"400k", "step-000004", false},
		{"1200k", "checkpoint: save step", true}, // two of 400 kB, not a third beside them
	} {
		if err := mount(0, tt.size); err != nil {
			t.Skipf("a small tmpfs cannot be mounted here: %v", err)
		}
		func() {
			defer func() {
				if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
					t.Error(err)
				}
			}()
			p.run("disk/out", "--set", "train.keep_last=0").fails(1, tt.while, "no space left on device", "free some")
			if tt.step {
				if c := p.newest("disk/out"); c.State.Step == 0 || c.State.Step >= 24 {
					t.Errorf("the newest checkpoint is of step %d", c.State.Step)
				}
				p.mc("eval", "loss", "--model", "disk/out").ok()
				p.fill("disk/rest")
				p.mc("export", "hf", "--model", "whole", "--to", "disk/hf").fails(1, "disk/hf", "no space left on device")
				if _, err := os.Stat(p.path("disk/hf")); err == nil {
					t.Error("a part of the export is left")
				}
			}
			if err := mount(unix.MS_REMOUNT, "20m"); err != nil {
				t.Fatal(err)
			}
			p.mc("run", "--out", "disk/out").ok()
			p.equalRuns("disk/out", "whole")
		}()
	}
}

// fill writes a file until the disk is full.
func (p *place) fill(name string) {
	p.t.Helper()
	f, err := os.Create(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<12); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		p.t.Fatal(err)
	}
}
