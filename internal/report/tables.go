package report

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muonclip/internal/metrics"
)

// noEvents stands where nothing can be said about events.
const noEvents = metrics.EventsFile + " is not there."

func (in *input) clipTable() (rows []clipRow, note string) {
	const most = 40
	stats := make([]*clipStat, 0, len(in.clips))
	total := 0
	for _, s := range in.clips {
		stats = append(stats, s)
		total += s.count
	}
	if total == 0 {
		if !in.hasEvents {
			return nil, noEvents
		}
		if in.clipOff() {
			return nil, "QK-Clip is switched off in the configuration."
		}
		return nil, "QK-Clip never acted."
	}
	slices.SortFunc(stats, func(a, b *clipStat) int {
		if a.count != b.count {
			return b.count - a.count
		}
		if a.layer != b.layer {
			return a.layer - b.layer
		}
		return a.head.head - b.head.head
	})
	note = fmt.Sprintf("%s clips of %d heads.", grouped(float64(total)), len(stats))
	if len(stats) > most {
		note += fmt.Sprintf(" The %d heads clipped most:", most)
		stats = stats[:most]
	}
	for _, s := range stats {
		rows = append(rows, clipRow{fmt.Sprint(s.layer), fmt.Sprint(s.head.head), grouped(float64(s.count)), grouped(float64(s.first)), grouped(float64(s.last)), digits(s.largest, 4), digits(s.gamma, 3)})
	}
	return rows, note
}

func (in *input) incidentTable() (rows []incident, note string) {
	if in.incidentN == 0 {
		if !in.hasEvents {
			return nil, noEvents
		}
		return nil, "No loss spike, no non-finite value, no resume."
	}
	if in.incidentN > len(in.incidents) {
		note = fmt.Sprintf("The first %d of %s.", len(in.incidents), grouped(float64(in.incidentN)))
	}
	for _, e := range in.incidents {
		rows = append(rows, incident{grouped(float64(e.Step)), visible(e.Kind), visible(describe(e)), visible(docs(e.Docs))})
	}
	return rows, note
}

func describe(e metrics.Event) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if e.Signal != "" {
		add("%s %s, %s standard deviations from its mean", e.Signal, digits(e.Value, 4), digits(e.Z, 3))
	}
	if e.Op != "" {
		add("first in %s", e.Op)
	}
	if e.Layer >= 0 {
		add("layer %d", e.Layer)
	}
	if e.Head >= 0 {
		add("head %d", e.Head)
	}
	switch e.Action {
	case "":
	case metrics.ActionSkip:
		add("update skipped")
	case metrics.ActionRollback:
		add("rolled back to step %s", grouped(float64(e.To)))
	case metrics.ActionReport:
		add("reported only")
	default:
		add("%s", e.Action)
	}
	if e.Kind == metrics.KindResume {
		add("went on from the checkpoint")
	}
	if e.Path != "" {
		add("%s", e.Path)
	}
	if e.Message != "" {
		add("%s", e.Message)
	}
	return shorten(strings.Join(parts, ", "), 500)
}

func docs(all []string) string {
	const most = 8
	s := strings.Join(all[:min(len(all), most)], ", ")
	if len(all) > most {
		s += fmt.Sprintf(" and %d more", len(all)-most)
	}
	return shorten(s, 600)
}

// sampleList picks samples evenly from the first to the last, so that one can watch the text improve.
func (in *input) sampleList() (list []sample, note string) {
	const most, longest = 12, 1200
	n := len(in.samples)
	if n == 0 {
		return nil, "samples.jsonl has no samples."
	}
	take := min(n, most)
	if n > take {
		note = fmt.Sprintf("%d of %s samples, evenly spread.", take, grouped(float64(n)))
	}
	for i := range take {
		at := n - 1
		if take > 1 {
			at = i * (n - 1) / (take - 1)
		}
		s := in.samples[at]
		list = append(list, sample{grouped(float64(s.Step)), digits(s.Temperature, 2), visible(shorten(s.Prompt, longest)), visible(shorten(s.Text, longest))})
	}
	return list, note
}

// checkpointTable lists the checkpoints; those that a limit on their number removed are said to be gone.
func (in *input) checkpointTable() (rows []checkpoint, note string) {
	const most = 20
	if in.checkN == 0 {
		if !in.hasEvents {
			return nil, noEvents
		}
		return nil, "No checkpoint was written."
	}
	list := in.checks
	if len(list) > most {
		list = list[len(list)-most:]
	}
	if in.checkN > len(list) {
		note = fmt.Sprintf("The last %d of %s.", len(list), grouped(float64(in.checkN)))
	}
	for _, e := range list {
		rows = append(rows, checkpoint{grouped(float64(e.Step)), visible(e.Path), in.checkpointState(e.Path)})
	}
	return rows, note
}

func (in *input) checkpointState(path string) string {
	if !filepath.IsLocal(path) {
		return "outside the run folder"
	}
	entries, err := os.ReadDir(filepath.Join(in.dir, path))
	if err != nil {
		return "removed"
	}
	var size int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			size += info.Size()
		}
	}
	return byteSize(size)
}
