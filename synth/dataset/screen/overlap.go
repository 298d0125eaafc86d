package screen

import (
	"fmt"
	"slices"
	"sort"

	"muonclip/data/chat"
	"muonclip/synth/dataset"
)

const (
	// GramWords is the length of the word sequences by which overlap is measured. 13 (GPT-3, appendix C) would miss the
	// short questions of function-calling benchmarks; 8 and a share of one half are the choice of Tulu 3.
	GramWords = 8
	// MinWords is the length of the shortest text that is looked for at all: shorter ones, such as "Play a song by
	// Coldplay", are found everywhere by chance. A text from MinWords to GramWords words must be found as a whole.
	MinWords = 5
	// Share is the part of a text's sequences that a dialogue must contain to be refused.
	Share = 0.5
)

// Overlap finds the tasks of benchmarks in dialogues. It is read-only once made and may be used by several goroutines.
type Overlap struct {
	texts   []textOf
	grams   map[uint64][]int32 // by hash of a sequence: the texts that hold it
	lengths []int              // lengths of the sequences
	report  []BenchmarkReport
}

// textOf is one text of a benchmark.
type textOf struct {
	benchmark int
	item      string
	grams     int // distinct
}

// Match is a task that a dialogue holds.
type Match struct {
	Benchmark string  `json:"benchmark"`
	Item      string  `json:"item"`
	Share     float64 `json:"share"` // of the task's word sequences
}

// String is the match as text.
func (m Match) String() string {
	return fmt.Sprintf("%s %s (%.0f %%)", m.Benchmark, m.Item, 100*m.Share)
}

// BenchmarkReport says what became of the tasks of one file.
type BenchmarkReport struct {
	File  string `json:"file"`
	XXH3  string `json:"xxh3"`
	Items int    `json:"items"`
	Texts int    `json:"texts"`
	Short int    `json:"too_short"` // texts that are too short to be looked for
}

// NewOverlap indexes benchmarks.
func NewOverlap(benchmarks []*Benchmark) *Overlap {
	o := &Overlap{grams: map[uint64][]int32{}}
	lengths := map[int]bool{}
	for b, bench := range benchmarks {
		r := BenchmarkReport{File: bench.Name, XXH3: bench.XXH3, Items: len(bench.Items)}
		for _, item := range bench.Items {
			for _, text := range item.Texts {
				r.Texts++
				words := wordsOf(nil, text)
				if len(words) < MinWords {
					r.Short++
					continue
				}
				n := min(len(words), GramWords)
				lengths[n] = true
				grams := gramsOf(words, n)
				for _, h := range grams {
					o.grams[h] = append(o.grams[h], int32(len(o.texts)))
				}
				o.texts = append(o.texts, textOf{b, item.ID, len(grams)})
			}
		}
		o.report = append(o.report, r)
	}
	for n := range lengths {
		o.lengths = append(o.lengths, n)
	}
	slices.Sort(o.lengths)
	return o
}

// Report says what was read.
func (o *Overlap) Report() []BenchmarkReport { return o.report }

// Find gives the tasks of which the dialogue holds at least Share, the greatest share first. Everything but the
// tools is looked at.
func (o *Overlap) Find(d chat.Dialogue) []Match {
	var words []uint64
	for _, m := range d.Messages {
		words = wordsOf(words, m.Content)
		for _, c := range m.ToolCalls {
			words = wordsOf(words, string(c.Arguments))
		}
	}
	hits := map[int32]int{}
	for _, n := range o.lengths {
		if len(words) < n {
			continue
		}
		for _, h := range gramsOf(words, n) {
			for _, t := range o.grams[h] {
				hits[t]++
			}
		}
	}
	var out []Match
	for t, n := range hits {
		text := o.texts[t]
		if share := float64(n) / float64(text.grams); share >= Share {
			out = append(out, Match{o.report[text.benchmark].File, text.item, float64(int(1000*share)) / 1000})
		}
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.Share != b.Share {
			return a.Share > b.Share
		}
		if a.Benchmark != b.Benchmark {
			return a.Benchmark < b.Benchmark
		}
		return a.Item < b.Item
	})
	return out
}

func wordsOf(dst []uint64, text string) []uint64 {
	dataset.Words(text, false, func(w uint64) { dst = append(dst, w) })
	return dst
}

// gramsOf lists the distinct sequences of n words, in the order of their hashes.
func gramsOf(words []uint64, n int) []uint64 {
	out := make([]uint64, 0, len(words))
	for i := 0; i+n <= len(words); i++ {
		h := uint64(n)
		for _, w := range words[i : i+n] {
			h = dataset.Mix(h, w)
		}
		out = append(out, h)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
