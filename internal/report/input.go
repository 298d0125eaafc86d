package report

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"muonclip/internal/metrics"
	"muonclip/rl"
)

// maxKept bounds the incidents and checkpoints listed; the counts are of all.
const maxKept = 200

// input is all that a report is made from. Whatever is missing or damaged stays empty and is named in problems.
type input struct {
	dir        string
	c          *columns
	clips      map[head]*clipStat
	clipSteps  []float64    // steps with a clip, rising
	clipCells  map[cell]int // cells of the heat map with clips, and how many
	hasEvents  bool
	incidents  []metrics.Event
	incidentN  int
	spikes     int
	nans       int
	resumes    int
	checks     []metrics.Event
	checkN     int
	samples    []metrics.Sample
	manifest   map[string]any
	config     []setting
	configText string
	problems   []string

	stage      string // "" for pretraining
	iterations []*rl.Iteration
	after      *after // later stages of a whole run
}

type head struct{ layer, head int }
type cell struct{ column, row int }

// clipStat sums up the clips of one head.
type clipStat struct {
	head
	count       int
	first, last int64
	largest     float64 // logit
	gamma       float64 // least, the strongest clip
}

// setting is one leaf of the configuration.
type setting struct{ Key, Value string }

// load reads a run folder. It fails only where there is no folder.
func load(dir string) (*input, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("report: run folder: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("report: %s is not a run folder but a file", dir)
	}
	in := newInput(dir)
	in.readRows()
	in.readManifest()
	in.readConfig()
	in.readStage()
	return in, nil
}

// readRows reads the three files that tell the story of the run.
func (in *input) readRows() {
	dir := in.dir
	for _, name := range []string{metrics.RowsFile, metrics.EventsFile, metrics.SamplesFile} {
		_, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			in.problems = append(in.problems, name+" is not there")
		}
		in.hasEvents = in.hasEvents || err == nil && name == metrics.EventsFile
	}
	damaged := 0
	note := func(err error) {
		if damaged++; damaged <= 5 {
			in.problems = append(in.problems, strings.TrimPrefix(err.Error(), "metrics: "))
		}
	}
	for r, err := range metrics.Rows(dir) {
		if err != nil {
			note(err)
			continue
		}
		in.c.add(&r)
	}
	in.c.finish()
	for e, err := range metrics.Events(dir) {
		if err != nil {
			note(err)
			continue
		}
		in.addEvent(e)
	}
	sort.Float64s(in.clipSteps)
	for s, err := range metrics.Samples(dir) {
		if err != nil {
			note(err)
			continue
		}
		in.samples = append(in.samples, s)
	}
	if damaged > 5 {
		in.problems = append(in.problems, fmt.Sprintf("%d more damaged lines", damaged-5))
	}
}

func newInput(dir string) *input {
	return &input{dir: dir, c: &columns{}, clips: map[head]*clipStat{}, clipCells: map[cell]int{}}
}

func (in *input) addEvent(e metrics.Event) {
	switch e.Kind {
	case metrics.KindQKClip:
		in.addClip(e)
		return
	case metrics.KindCheckpoint:
		in.checkN++
		in.checks = append(in.checks, e)
		if len(in.checks) > maxKept {
			in.checks = in.checks[1:]
		}
		return
	case metrics.KindSpike:
		in.spikes++
	case metrics.KindNaN:
		in.nans++
	case metrics.KindResume:
		in.resumes++
	}
	if in.incidentN++; len(in.incidents) < maxKept {
		in.incidents = append(in.incidents, e)
	}
}

func (in *input) addClip(e metrics.Event) {
	at := head{e.Layer, e.Head}
	s := in.clips[at]
	if s == nil {
		s = &clipStat{head: at, first: e.Step, largest: e.MaxLogit, gamma: e.Gamma}
		in.clips[at] = s
	}
	s.count++
	s.first, s.last = min(s.first, e.Step), max(s.last, e.Step)
	s.largest, s.gamma = max(s.largest, e.MaxLogit), min(s.gamma, e.Gamma)
	if n := len(in.clipSteps); n == 0 || in.clipSteps[n-1] != float64(e.Step) {
		in.clipSteps = append(in.clipSteps, float64(e.Step))
	}
	c := in.c
	if col := c.logits.column(e.Step); col >= 0 && e.Layer >= 0 && e.Layer < c.layers && e.Head >= 0 && e.Head < c.heads {
		in.clipCells[cell{col, e.Layer*c.heatRows() + e.Head/c.perRow}]++
	}
}
