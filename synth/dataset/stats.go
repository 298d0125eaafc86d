package dataset

import (
	"math"
	"slices"
	"strconv"
)

// Stats describes a data set in figures.
type Stats struct {
	Rows       int            `json:"rows"`
	Domains    map[string]int `json:"domains"` // rows of each
	Categories map[string]int `json:"categories"`
	Kinds      map[string]int `json:"kinds"` // a row may be of several
	Difficulty map[string]int `json:"difficulty"`
	Personas   int            `json:"personas"` // distinct
	WithFaults int            `json:"with_faults"`
	WithWrites int            `json:"with_writes"` // rows that change state
	Faults     int            `json:"faults"`
	Changes    int            `json:"changes"`

	Messages Distribution  `json:"messages"`
	Turns    Distribution  `json:"turns"`
	Calls    Distribution  `json:"calls"`
	Tools    Distribution  `json:"tools"` // offered to a dialogue
	Chars    Distribution  `json:"chars"`
	Tokens   *Distribution `json:"tokens,omitempty"`  // nil without a tokenizer
	Trained  *Distribution `json:"trained,omitempty"` // tokens in the loss

	Variety Variety `json:"variety"`
}

// Variety says how different the rows are from each other.
type Variety struct {
	Tools          int     `json:"distinct_tools"`        // offered in any row; name, description and schema count
	CalledTools    int     `json:"distinct_called_tools"` // called in any row
	ToolSets       int     `json:"distinct_tool_sets"`
	PlanShapes     int     `json:"distinct_plan_shapes"`                 // PlanShape, without names
	Plans          int     `json:"distinct_plans,omitempty"`             // as the tasks name them
	FirstSentences int     `json:"distinct_first_user_sentences"`        // numbers and ids masked
	FourGrams      int64   `json:"four_grams"`                           // in what user and assistant say
	Distinct4      int64   `json:"distinct_four_grams"`                  // estimated to 0.4 %
	Distinct4Ratio float64 `json:"distinct_four_gram_ratio"`             // distinct over all
	FirstRows      int     `json:"first_rows,omitempty"`                 // size of the first part, for the ratio below, which falls with the number of rows
	FirstRatio     float64 `json:"first_rows_four_gram_ratio,omitempty"` // the ratio of the first part alone
}

// Distribution describes one number over all rows.
type Distribution struct {
	Sum  int64   `json:"sum"`
	Mean float64 `json:"mean"`
	Min  int     `json:"min"`
	P50  int     `json:"p50"`
	P90  int     `json:"p90"`
	P99  int     `json:"p99"`
	Max  int     `json:"max"`
	Bins []Bin   `json:"bins"`
}

// Bin counts the rows whose number is from From to To, both included.
type Bin struct {
	From int `json:"from"`
	To   int `json:"to"`
	Rows int `json:"rows"`
}

// Summarize makes the statistics of rows in order. grams and first count the four-word sequences of all rows and of
// the first firstRows.
func Summarize(rows []Digest, grams, first *Grams, firstRows int) Stats {
	s := Stats{Rows: len(rows), Domains: map[string]int{}, Categories: map[string]int{}, Kinds: map[string]int{}, Difficulty: map[string]int{}}
	personas := map[string]bool{}
	tools, called, sets := map[uint64]bool{}, map[uint64]bool{}, map[uint64]bool{}
	shapes, plans, firsts := map[string]bool{}, map[uint64]bool{}, map[uint64]bool{}
	tokens := 0
	for i := range rows {
		d := &rows[i]
		s.Domains[d.Domain]++
		if d.Category != "" {
			s.Categories[d.Category]++
		}
		for _, k := range d.Kinds {
			s.Kinds[k]++
		}
		s.Difficulty[strconv.Itoa(d.Difficulty)]++
		if d.Persona != "" {
			personas[d.Persona] = true
		}
		if d.Faults > 0 {
			s.WithFaults++
		}
		if d.Changes > 0 {
			s.WithWrites++
		}
		s.Faults += d.Faults
		s.Changes += d.Changes
		for _, h := range d.Offered {
			tools[h] = true
		}
		for _, h := range d.Called {
			called[h] = true
		}
		if len(d.Offered) > 0 {
			sets[d.ToolSet] = true
		}
		shapes[d.Shape] = true
		if d.Plan != 0 {
			plans[d.Plan] = true
		}
		firsts[d.First] = true
		tokens += d.Tokens
	}
	s.Personas = len(personas)
	s.Messages = distribution(rows, func(d *Digest) int { return d.Size.Messages })
	s.Turns = distribution(rows, func(d *Digest) int { return d.Size.Turns })
	s.Calls = distribution(rows, func(d *Digest) int { return d.Size.Calls })
	s.Tools = distribution(rows, func(d *Digest) int { return d.Size.Tools })
	s.Chars = distribution(rows, func(d *Digest) int { return d.Size.Chars })
	if tokens > 0 {
		all := distribution(rows, func(d *Digest) int { return d.Tokens })
		trained := distribution(rows, func(d *Digest) int { return d.Trained })
		s.Tokens, s.Trained = &all, &trained
	}
	s.Variety = Variety{
		Tools: len(tools), CalledTools: len(called), ToolSets: len(sets), PlanShapes: len(shapes), Plans: len(plans), FirstSentences: len(firsts),
		FourGrams: grams.Total(), Distinct4: grams.Distinct(), Distinct4Ratio: round(grams.Ratio()),
	}
	if first != nil && firstRows < len(rows) {
		s.Variety.FirstRows, s.Variety.FirstRatio = firstRows, round(first.Ratio())
	}
	return s
}

// round keeps five digits after the point: more would only show the noise of the estimate.
func round(v float64) float64 { return math.Round(v*1e5) / 1e5 }

// distribution describes a number of the rows.
func distribution(rows []Digest, of func(*Digest) int) Distribution {
	if len(rows) == 0 {
		return Distribution{}
	}
	values := make([]int, len(rows))
	var d Distribution
	for i := range rows {
		values[i] = of(&rows[i])
		d.Sum += int64(values[i])
	}
	slices.Sort(values)
	at := func(q float64) int { return values[int(q*float64(len(values)-1)+0.5)] }
	d.Mean = math.Round(100*float64(d.Sum)/float64(len(values))) / 100
	d.Min, d.P50, d.P90, d.P99, d.Max = values[0], at(0.5), at(0.9), at(0.99), values[len(values)-1]
	d.Bins = bins(values)
	return d
}

// maxBins is how many bins a histogram has at most, the last for all that is above.
const maxBins = 24

// bins counts sorted values in bins of one round width, so that nineteen of twenty fit. What lies above them goes into
// the last, which may be wider.
func bins(values []int) []Bin {
	lo, hi := values[0], values[int(0.95*float64(len(values)-1)+0.5)]
	width := 1
	for i := 0; lo/width*width+width*(maxBins-1) <= hi; i++ {
		width = []int{1, 2, 5}[(i+1)%3] * pow10((i+1)/3)
	}
	from := lo / width * width
	var out []Bin
	for _, v := range values {
		for len(out) == 0 || v > out[len(out)-1].To {
			b := Bin{From: from, To: from + width - 1}
			if len(out) == maxBins-1 || len(out) > 0 && out[len(out)-1].To >= hi && v > b.To {
				b.To = values[len(values)-1]
			}
			out = append(out, b)
			from += width
		}
		out[len(out)-1].Rows++
	}
	return out
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}
