package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"muonclip/internal/stage"
	"muonclip/internal/tensorboard"
)

// runFiles are the files and folders of a finished run.
var runFiles = []string{
	"config.yaml", "manifest.json", "metrics.jsonl", "events.jsonl", "samples.jsonl", "report.html", "tensorboard",
	"checkpoints/step-000020", "checkpoints/step-000024", "data/tokenizer/tokenizer.json", "data/tokenizer/tiktoken.model",
	"data/tokenizer/tokenizer_config.json", "data/shards/books/train/manifest.json", "data/shards/books/val/manifest.json",
}

func TestRunMakesEverything(t *testing.T) {
	p := newPlace(t)
	first := p.run("out").ok()
	for _, name := range runFiles {
		if _, err := os.Stat(p.path("out/" + name)); err != nil {
			t.Error(err)
		}
	}
	for i := range 4 {
		if want := fmt.Sprintf("stage %d/4 %s", i+1, []string{"tokenizer", "shards", "pretrain", "report"}[i]); !strings.Contains(first.errout, want) {
			t.Errorf("the progress does not show %q:\n%s", want, first.errout)
		}
	}
	rows := p.rows("out")
	if len(rows) != 24 {
		t.Fatalf("%d rows for 24 steps", len(rows))
	}
	for _, r := range rows {
		if (r.ValLoss != nil) != (r.Step%8 == 0) || r.Tokens != r.Step*4*32 || len(r.MaxLogit) != 2 || len(r.ExpertLoad) != 1 {
			t.Errorf("row %+v", r)
		}
	}
	samples := strings.Count(p.read("out/samples.jsonl"), `"prompt":"the "`)
	if samples != 2 || len(p.events("out", "checkpoint")) != 6 {
		t.Errorf("%d samples and %d checkpoint events", samples, len(p.events("out", "checkpoint")))
	}
	p.checkTensorBoard("out", 24)
	p.checkReport("out")

	// The loss is far below what single tokens tell, and the summary says so.
	var sum stage.Summary
	p.mc("run", "--out", "out", "--json").ok().json(&sum)
	if sum.ValLoss == nil || *sum.ValLoss > sum.UnigramLoss-1 || sum.UnigramLoss < 2 || sum.Loss != rows[23].Loss {
		t.Errorf("held-out loss %v, a unigram model's %g", sum.ValLoss, sum.UnigramLoss)
	}
	if want := fmt.Sprintf("held-out loss  %.4f nats/token; a unigram model has %.4f\n", *sum.ValLoss, sum.UnigramLoss); !strings.Contains(first.out, want) {
		t.Errorf("the summary lacks %q:\n%s", want, first.out)
	}
}

func (p *place) checkTensorBoard(run string, steps int) {
	p.t.Helper()
	names, err := filepath.Glob(p.path(run + "/tensorboard/*"))
	if err != nil || len(names) != 1 {
		p.t.Fatal(names, err)
	}
	f, err := os.Open(names[0])
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	seen := map[string]int{}
	for e, err := range tensorboard.Read(f) {
		if err != nil {
			p.t.Fatal(err)
		}
		for _, v := range e.Values {
			seen[v.Tag]++
		}
	}
	all := 0
	for _, n := range seen {
		if n == steps {
			all++
		}
	}
	if all < 5 {
		p.t.Errorf("TensorBoard has %d scalars of every step: %v", all, seen)
	}
}

// loads are the ways in which a page can fetch something.
var loads = regexp.MustCompile(`(?i)(src|href|action|data)\s*=\s*["']?\s*(https?:)?//|url\(\s*["']?(https?:)?//|@import|<link|<iframe|fetch\(|XMLHttpRequest`)

func (p *place) checkReport(run string) {
	p.t.Helper()
	page := p.read(run + "/report.html")
	if found := loads.FindString(page); found != "" {
		p.t.Errorf("the report loads something: %s", found)
	}
	for _, want := range []string{"<svg", "unigram", "</html>"} {
		if !strings.Contains(page, want) {
			p.t.Errorf("the report lacks %q", want)
		}
	}
}

// TestSecondRunSkips: what is done stays as it is, to the byte.
func TestSecondRunSkips(t *testing.T) {
	p := newPlace(t)
	first := p.run("out").ok()
	p.copy("out", "before")
	second := p.run("out").ok()
	third := p.mc("run", "--out", "out").ok()
	if second.out != first.out || third.out != first.out {
		t.Errorf("the summaries differ:\n%s\n%s\n%s", first.out, second.out, third.out)
	}
	if strings.Contains(second.errout, "tokenizer") || strings.Contains(second.errout, "pretrain") {
		t.Errorf("a finished stage was done again:\n%s", second.errout)
	}
	p.remove("before/report.html") // it is drawn again
	p.remove("out/report.html")
	p.same("out", "before", "second run")

	// More steps go on from the last checkpoint.
	p.mc("run", "--out", "out", "--set", "train.steps=30").ok()
	if n := len(p.rows("out")); n != 30 {
		t.Errorf("%d rows after going on to step 30", n)
	}
	if e := p.events("out", "resume"); len(e) != 1 || e[0].Step != 24 {
		t.Errorf("resume events %+v", e)
	}
}

// TestStagesAlone: the stages one by one give what run gives.
func TestStagesAlone(t *testing.T) {
	p := newPlace(t)
	p.run("all").ok()
	p.mc("tokenizer", "train", "--config", "tiny.yaml", "--data", "books", "--out", "steps").ok()
	p.mc("data", "shard", "--out", "steps").ok()
	var sum stage.Summary
	p.mc("pretrain", "--out", "steps", "--json").ok().json(&sum)
	if sum.Step != 24 {
		t.Errorf("summary %+v", sum)
	}
	p.same("steps/data", "all/data", "stage by stage")
	p.same("steps/checkpoints", "all/checkpoints", "stage by stage")
}

// TestKindsOfText: folder, single file, JSONL and two sources at once.
func TestKindsOfText(t *testing.T) {
	p := newPlace(t)
	var whole, lines strings.Builder
	for i := range 400 {
		whole.WriteString(story(i) + "\n")
		fmt.Fprintf(&lines, "{\"text\": %q, \"id\": %d}\n", story(1000+i), i)
	}
	p.write("one.txt", whole.String())
	p.write("many.jsonl", lines.String())
	for name, args := range map[string][]string{
		"file":    {"--data", "one.txt"},
		"jsonl":   {"--data", "many.jsonl"},
		"two":     {"--data", "books", "--data", "many.jsonl"},
		"include": {"--set", `data.sources=[{name: some, path: books, include: ["0*.txt", "1*.txt"], format: text}]`},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"run", "--config", "tiny.yaml", "--out", name, "--json"}, args...)
			var sum stage.Summary
			(&place{t: t, dir: p.dir}).mc(args...).ok().json(&sum)
			if sum.Step != 24 || sum.ValLoss == nil || *sum.ValLoss > sum.UnigramLoss-1 || math.IsNaN(sum.Loss) {
				t.Errorf("summary %+v", sum)
			}
		})
	}
	for _, dir := range []string{"file/data/shards/one.txt/val", "jsonl/data/shards/many.jsonl/train", "two/data/shards/books/train", "two/data/shards/many.jsonl/train", "include/data/shards/some/train"} {
		if _, err := os.Stat(p.path(dir)); err != nil {
			t.Error(err)
		}
	}
}
