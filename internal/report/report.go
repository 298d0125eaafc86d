// Package report draws a run folder as one HTML file, report.html, that needs nothing else: no network, no scripts
// from elsewhere, no images. Its charts are SVG written here. Whatever the folder lacks is said in its place; text from the
// run, such as a model's samples, is hostile and is shown as text.
package report

import (
	"bytes"
	"fmt"
	"path/filepath"

	"muonclip/internal/atomicfile"
	"muonclip/internal/metrics"
)

// FileName is the report's name in the run folder.
const FileName = "report.html"

// Write makes report.html in a run folder from config.yaml, manifest.json, metrics.jsonl, events.jsonl and samples.jsonl
// and gives its path; for reinforcement learning also from the rollouts, and for a whole run from eval.json and the folders
// sft and rl. Missing files and damaged lines are named in the report and are no error; a missing folder and a full disk
// are. An earlier report is replaced as a whole.
func Write(runDir string) (path string, err error) {
	in, err := load(runDir)
	if err != nil {
		return "", err
	}
	in.readAfter()
	var buf bytes.Buffer
	if err := render(&buf, in); err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	path = filepath.Join(runDir, FileName)
	if err := atomicfile.WriteFile(path, buf.Bytes()); err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	return path, nil
}

// LossSVG draws the loss chart of the report as a picture of its own, with its style inside, for use in documents. unigram
// is the baseline in nats per token, 0 for none. It is nil where the rows have no finite loss.
func LossSVG(rows []metrics.Row, unigram float64) []byte {
	return lossChart(gather(rows), unigram).svg(true)
}

// MaxLogitSVG draws the largest attention logit over time, with tau (0 for none) and the steps of clip events marked.
func MaxLogitSVG(rows []metrics.Row, events []metrics.Event, tau float64) []byte {
	in := withEvents(rows, events)
	return logitChart(in.c, tau, in.clipSteps).svg(true)
}

// MaxLogitMapSVG draws the layer by head picture of the largest logits over time, with clip events as dots.
func MaxLogitMapSVG(rows []metrics.Row, events []metrics.Event, tau float64) []byte {
	in := withEvents(rows, events)
	return logitMap(in.c, tau, in.clipCells).svg(true)
}

func withEvents(rows []metrics.Row, events []metrics.Event) *input {
	in := newInput("")
	in.c = gather(rows)
	for _, e := range events {
		in.addEvent(e)
	}
	return in
}
