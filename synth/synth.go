// Package synth generates data sets of verified tool-use dialogues and works on finished ones: export, inspection,
// statistics, replay. Where the dialogues come from is behind the interface Sampler; package dataset has the files, package
// screen what keeps dialogues out, package view the pages for people.
package synth

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"muonclip/data/chat"
	"muonclip/data/token"
	"muonclip/internal/progress"
	"muonclip/synth/dataset"
	"muonclip/synth/dataset/screen"
)

// Sampler makes dialogues by number. Its methods are called from several goroutines.
type Sampler interface {
	// Dialogue makes candidate number index: a proved dialogue, or a refusal that says why there is none. What it gives
	// depends on the index alone. Row.Index and the dialogue's ID are set by the caller. An error stops the run, which can be
	// resumed; it is for what a later attempt may not meet, such as an endpoint that is down.
	Dialogue(ctx context.Context, index int64) (*dataset.Row, *Refusal, error)
	// Describe names what the dialogues depend on beside the seed, such as the fingerprint of the domains. A run is resumed
	// only where it is the same.
	Describe() map[string]string
}

// Refusal says why a candidate is not in the data set.
type Refusal struct {
	Reason string // a short word, by which refusals are counted
	Detail string // what exactly, for the first few
}

// The outputs that can be chosen; JSON Lines, the card and the browser page are always written.
const (
	Parquet = "parquet"
	Arrow   = "arrow" // token ids with loss masks; needs a tokenizer
)

// The reasons for which dialogues are refused here, beside those of the sampler.
const (
	ReasonDuplicate    = "near_duplicate"
	ReasonContaminated = "contaminated"
	ReasonPanic        = "panic"
)

const (
	// DefaultPartRows is the number of rows of a part, the unit that a killed run loses at most.
	DefaultPartRows = 1000
	// DefaultNearDuplicate is the similarity from which on a dialogue is refused.
	DefaultNearDuplicate = 0.8
	// DefaultGiveUp is the number of candidates refused in a row at which a run gives up.
	DefaultGiveUp = 20_000
	// ModelGiveUp is the same where models speak, who are paid for what is refused.
	ModelGiveUp = 200
)

// Options configures Generate.
type Options struct {
	Dir  string // folder of the data set; made if missing
	N    int    // rows wanted
	Seed uint64 // as the sampler has it, for the manifest

	Name    string // title of the card; "" means the name of the folder
	License string // of the data, as Hugging Face spells it; "" means apache-2.0
	Workers int    // 0 means GOMAXPROCS; the result does not depend on it
	// PartRows is the number of rows of a part; 0 means DefaultPartRows.
	PartRows int
	// Formats are the outputs; nil means Parquet, and Arrow too where there is a tokenizer.
	Formats    []string
	Tokenizer  *token.Tokenizer // for Arrow; nil for none
	ChatFormat chat.Format      // of the token ids; nil means chat.K2
	// NearDuplicate is the similarity of trajectories from which on the later one is refused; 0 means
	// DefaultNearDuplicate, negative turns it off.
	NearDuplicate float64
	// Benchmarks are files of tasks that no dialogue may overlap with; see screen.ReadBenchmark.
	Benchmarks []string
	GiveUp     int               // candidates refused in a row at which the run gives up; 0 means DefaultGiveUp
	Progress   *progress.Display // nil shows none
}

// Result is what Generate did.
type Result struct {
	Manifest *dataset.Manifest
	Resumed  int  // rows that an earlier run had written
	Finished bool // the data set was there already and nothing was done
}

// UsageError says that the options do not fit together.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// Usage makes the command line exit with the code for wrong usage.
func (e *UsageError) Usage() bool { return true }

func usage(format string, args ...any) error {
	return &UsageError{fmt.Errorf("synth: "+format, args...)}
}

// config checks the options and makes the part of the manifest that says what the bytes depend on. name is used where
// the options have none.
func (o *Options) config(source map[string]string, benchmarks []*screen.Benchmark, name string) (dataset.Config, error) {
	if o.N <= 0 {
		return dataset.Config{}, usage("%d dialogues, want 1 or more", o.N)
	}
	if o.PartRows < 0 {
		return dataset.Config{}, usage("%d rows in a part, want 1 or more, or 0 for %d", o.PartRows, DefaultPartRows)
	}
	if o.NearDuplicate > 1 {
		return dataset.Config{}, usage("the near-duplicate threshold is %v, want at most 1", o.NearDuplicate)
	}
	if o.PartRows == 0 {
		o.PartRows = DefaultPartRows
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.ChatFormat == nil {
		o.ChatFormat = chat.K2{}
	}
	if o.NearDuplicate == 0 {
		o.NearDuplicate = DefaultNearDuplicate
	}
	if o.GiveUp <= 0 {
		o.GiveUp = DefaultGiveUp
	}
	if o.Formats == nil {
		o.Formats = []string{Parquet}
		if o.Tokenizer != nil {
			o.Formats = append(o.Formats, Arrow)
		}
	}
	for _, f := range o.Formats {
		switch {
		case f != Parquet && f != Arrow:
			return dataset.Config{}, usage("unknown format %q: want %s or %s", f, Parquet, Arrow)
		case f == Arrow && o.Tokenizer == nil:
			return dataset.Config{}, usage("the format %s needs a tokenizer", Arrow)
		}
	}
	c := dataset.Config{
		Name: o.Name, N: o.N, Seed: o.Seed, PartRows: o.PartRows, License: o.License, Source: source,
		Formats: slices.Sorted(slices.Values(o.Formats)), NearDuplicate: max(0, o.NearDuplicate),
	}
	if c.Name == "" {
		c.Name = name
	}
	if c.License == "" {
		c.License = "apache-2.0"
	}
	if strings.ContainsAny(c.Name+c.License, "\r\n") {
		return c, usage("name and license must be one line each")
	}
	if c.Has(Arrow) {
		c.Tokenizer, c.VocabSize, c.ChatFormat = o.Tokenizer.Fingerprint(), o.Tokenizer.VocabSize(), o.ChatFormat.Name()
	}
	for _, b := range benchmarks {
		c.Benchmarks = append(c.Benchmarks, b.Name+":"+b.XXH3)
	}
	return c, nil
}
