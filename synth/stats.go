package synth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"

	"muonclip/data/chat"
	"muonclip/internal/minhash"
	"muonclip/synth/dataset"
	"muonclip/synth/dataset/screen"
	"muonclip/synth/dataset/view"
)

// Measured is what Measure found in rows that it read.
type Measured struct {
	Stats dataset.Stats `json:"stats"`
	// NearDuplicates counts, for several thresholds, the rows that resemble an earlier one by at least so much.
	NearDuplicates []NearCount `json:"near_duplicates"`
}

// NearCount is the number of near-duplicates at one threshold.
type NearCount struct {
	Threshold float64 `json:"threshold"`
	Rows      int     `json:"rows"`
	index     *minhash.Index
}

// thresholds are where Measure counts near-duplicates: 0.8 is customary, the others show how steeply the number rises.
var thresholds = []float64{0.8, 0.7, 0.6, 0.5}

// measurer collects rows.
type measurer struct {
	out       Measured
	digests   []dataset.Digest
	grams     dataset.Grams
	firstRows int
	first     dataset.Grams
}

// measuredRow is what is needed of a row.
type measuredRow struct {
	digest dataset.Digest
	grams  []uint64
	sign   *minhash.Signature
}

func newMeasurer(firstRows int) *measurer {
	m := &measurer{firstRows: firstRows}
	for _, t := range thresholds {
		m.out.NearDuplicates = append(m.out.NearDuplicates, NearCount{Threshold: t, index: minhash.NewIndex(t)})
	}
	return m
}

func measure(r *dataset.Row) measuredRow {
	return measuredRow{dataset.DigestOf(r), dataset.GramsOf(r.Dialogue), screen.Sign(r.Dialogue)}
}

func (m *measurer) add(r measuredRow) {
	m.digests = append(m.digests, r.digest)
	m.grams.Add(r.grams)
	if len(m.digests) <= m.firstRows {
		m.first.Add(r.grams)
	}
	for i := range m.out.NearDuplicates {
		n := &m.out.NearDuplicates[i]
		if _, _, found := n.index.Find(r.sign); found {
			n.Rows++
		} else {
			n.index.Keep(r.sign)
		}
	}
}

func (m *measurer) result() *Measured {
	m.out.Stats = dataset.Summarize(m.digests, &m.grams, &m.first, m.firstRows)
	return &m.out
}

// Measure reads all rows of a data set, checks them against their checksums and counts everything anew, near-duplicates
// included. Tokens are not counted.
func Measure(ctx context.Context, dir string) (*Measured, error) {
	set, err := dataset.Open(dir)
	if err != nil {
		return nil, err
	}
	m := newMeasurer(set.Manifest.Parts[0].Rows)
	err = dataset.Each(ctx, set, 0, func(r *dataset.Row) (measuredRow, error) { return measure(r), nil }, func(r measuredRow) error {
		m.add(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m.result(), nil
}

// MeasureFile measures dialogues of any origin: a file of JSON Lines in OpenAI's shape, or in ShareGPT's, so that data
// sets can be compared by the same figures. Lines that cannot be read are counted and skipped.
func MeasureFile(ctx context.Context, path string, shareGPT bool) (m *Measured, bad int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("synth: %w", err)
	}
	defer f.Close()
	rows := chat.ReadJSONL(f)
	if shareGPT {
		rows = chat.ReadShareGPT(f)
	}
	c := newMeasurer(DefaultPartRows)
	var last error
	for d, err := range rows {
		if ctx.Err() != nil {
			return nil, bad, ctx.Err()
		}
		if err != nil {
			bad++
			last = err
			continue
		}
		c.add(measure(&dataset.Row{Key: strconv.Itoa(len(c.digests)), Domain: "unknown", Dialogue: d}))
	}
	if len(c.digests) == 0 {
		return nil, bad, errors.Join(fmt.Errorf("synth: %s holds no dialogue", path), last)
	}
	return c.result(), bad, nil
}

// PrintManifest writes the figures of a data set as text.
func PrintManifest(w io.Writer, m *dataset.Manifest) error {
	p := &printer{w: w}
	p.line("%s: %d dialogues of %d candidates, seed %d", m.Config.Name, m.Rows, m.Candidates, m.Config.Seed)
	p.stats(&m.Stats)
	for _, reason := range slices.Sorted(maps.Keys(m.Refused)) {
		p.line("refused %-24s %10d", reason, m.Refused[reason].Count)
	}
	p.line("")
	p.line("%-50s %14s %20s %14s", "variety", "this", "Toucan-1.5M", "APIGen-MT-5k")
	for _, c := range view.Compare(m) {
		p.line("%-50s %14s %20s %14s", c.What, c.This, c.Toucan, c.APIGenMT)
	}
	p.line("%s", view.CompareNote)
	return p.err
}

// Print writes measured figures as text.
func (m *Measured) Print(w io.Writer) error {
	p := &printer{w: w}
	p.line("%d dialogues", m.Stats.Rows)
	p.stats(&m.Stats)
	v := &m.Stats.Variety
	for _, row := range []struct {
		name  string
		value any
	}{
		{"distinct tools on offer", v.Tools}, {"distinct tools called", v.CalledTools}, {"distinct tool sets", v.ToolSets}, {"distinct plan shapes", v.PlanShapes},
		{"distinct first user sentences (numbers masked)", v.FirstSentences}, {"distinct-4-gram ratio", v.Distinct4Ratio},
	} {
		p.line("%-50s %14v", row.name, row.value)
	}
	for _, n := range m.NearDuplicates {
		p.line("%-50s %14d", fmt.Sprintf("near-duplicates of an earlier row (at %.2f)", n.Threshold), n.Rows)
	}
	if v.FirstRows > 0 {
		p.line("%-50s %14v", fmt.Sprintf("distinct-4-gram ratio of the first %d", v.FirstRows), v.FirstRatio)
	}
	return p.err
}

// printer writes lines until one fails.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) stats(s *dataset.Stats) {
	p.line("%d domains, %d with state changes, %d with faults", len(s.Domains), s.WithWrites, s.WithFaults)
	p.line("%-20s %12s %9s %7s %7s %7s %7s", "", "sum", "mean", "p50", "p90", "p99", "max")
	row := func(name string, d *dataset.Distribution) {
		if d != nil {
			p.line("%-20s %12d %9.2f %7d %7d %7d %7d", name, d.Sum, d.Mean, d.P50, d.P90, d.P99, d.Max)
		}
	}
	row("messages", &s.Messages)
	row("user turns", &s.Turns)
	row("calls", &s.Calls)
	row("tools on offer", &s.Tools)
	row("bytes", &s.Chars)
	row("tokens", s.Tokens)
	row("tokens in the loss", s.Trained)
	for _, k := range slices.Sorted(maps.Keys(s.Kinds)) {
		p.line("kind %-32s %10d", k, s.Kinds[k])
	}
}
