package main

import (
	"strings"
	"testing"

	"muonclip/internal/lab"
)

// TestLabCommands: the experiments are listed, and wrong usage is said before anything is done.
func TestLabCommands(t *testing.T) {
	p := newPlace(t)
	list := p.mc("lab", "list").ok().out
	for _, name := range lab.Names() {
		if !strings.Contains(list, name) {
			t.Errorf("the list lacks %s", name)
		}
	}
	var sums []lab.Summary
	p.mc("lab", "list", "--json").ok().json(&sums)
	if len(sums) != len(lab.Names()) {
		t.Errorf("%d experiments, want %d", len(sums), len(lab.Names()))
	}
	if one := p.mc("lab", "list", "kimi-fig2").ok().out; !strings.Contains(one, "at the size for an accelerator") || !strings.Contains(one, "objections") {
		t.Errorf("%s", one)
	}
	p.mc("lab", "run", "kimi-fig3").fails(exitUsage, `did you mean "kimi-fig2"`)
	p.mc("lab", "run", "kimi-fig2", "--only", "lion").fails(exitUsage, `no arm "lion"`)
	p.mc("lab", "run", "kimi-fig2", "--seeds", "-1").fails(exitUsage, "--seeds is -1")
	p.write("bad.yaml", "title: x\n")
	p.mc("lab", "run", "bad.yaml").fails(exitUsage, "claim is empty", "accept is empty")
	p.mc("lab", "report").fails(exitFailure, "no experiment has runs yet")
	p.mc("lab", "report", "--svg", "x.svg").fails(exitUsage, "name one")
	p.mc("lab", "report", "kimi-fig2", "--svg", "x.svg").fails(exitFailure, "kimi-fig2")
	p.mc("lab", "compare", "runs/a").fails(exitUsage, "requires at least 2")
	p.mc("lab", "compare", "runs/a", "runs/b").fails(exitUsage, "is no run folder")
	p.mc("lab", "explain", "runs/a").fails(exitUsage, "is no run folder")
}

// TestLabOnRuns: ordinary runs are compared and explained.
func TestLabOnRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("trains models")
	}
	p := newPlace(t)
	p.run("a").ok()
	p.run("b", "--set", "optim.kind=adamw", "--set", "train.instruments_every=8").ok()
	var c lab.Comparison
	p.mc("lab", "compare", "a", "b", "--json").ok().json(&c)
	if len(c.Entries) != 2 || c.Entries[1].Difference.N == 0 {
		t.Errorf("%+v", c)
	}
	out := p.mc("lab", "explain", "b", "--heads", "2", "--spikes", "1").ok().out
	for _, want := range []string{"loudest heads", "QK-Clip never acted", "noise", "pictures in b/explain.html"} {
		if !strings.Contains(out, want) {
			t.Errorf("the explanation lacks %q in\n%s", want, out)
		}
	}
	if page := p.read("b/explain.html"); strings.Count(page, "<svg") != 2 {
		t.Error("the page lacks a picture")
	}
}
