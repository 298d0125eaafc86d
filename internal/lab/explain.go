package lab

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"muonclip/internal/metrics"
	"muonclip/internal/stage"
)

// ExplainOptions says what to look for in a run.
type ExplainOptions struct {
	Run   string // run folder
	Heads int    // loudest heads to list; 0 means 8
	Steps int    // spikes to list, and the largest jumps where fewer were marked; 0 means 5
	Out   string // HTML file to write; empty writes none
}

// Explanation says what was loud, what jumped and what was clipped in a run.
type Explanation struct {
	Run    string  `json:"run"`
	Steps  int64   `json:"steps"`
	Tau    float64 `json:"tau"` // of QK-Clip; 0 where it was off
	Heads  []Head  `json:"loudest_heads"`
	Spikes []Spike `json:"spikes"`
	// ClippedHeads is how many heads were ever rescaled, of AllHeads; LastClip is the last step with one.
	ClippedHeads int   `json:"clipped_heads"`
	AllHeads     int   `json:"heads"`
	LastClip     int64 `json:"last_clip"`
	// Instruments has the means of the last measurements, by name; empty where nothing was measured.
	Instruments map[string]Number `json:"instruments"`

	rows   []metrics.Row
	events []metrics.Event
}

// Head is the story of one attention head.
type Head struct {
	Layer   int    `json:"layer"`
	Head    int    `json:"head"`
	Largest Number `json:"largest"` // logit
	At      int64  `json:"at"`      // step
	End     Number `json:"end"`     // logit of the last step
	// Clips is how often QK-Clip rescaled the head, First and Last when, Gamma the strongest factor; 0 for never.
	Clips int    `json:"clips"`
	First int64  `json:"first"`
	Last  int64  `json:"last"`
	Gamma Number `json:"gamma"`
	Trace string `json:"trace"` // its logits over the run, one character a bin
}

// Spike is a step whose loss or gradient norm jumped.
type Spike struct {
	Step      int64            `json:"step"`
	Signal    string           `json:"signal"`
	Value     Number           `json:"value"`
	Z         Number           `json:"z"`      // distance from the recent mean in standard deviations
	Marked    bool             `json:"marked"` // by train.spike; else it is among the largest jumps
	Action    string           `json:"action,omitempty"`
	MaxLogit  Number           `json:"max_logit"` // largest of the step
	Documents []stage.Document `json:"documents"` // of the step's batch; empty where the run has no shards
}

// Explain reads a run folder. The documents of a batch come from the run's shards, as a batch is a pure function of its number.
func Explain(o ExplainOptions) (*Explanation, error) {
	r, err := Open(o.Run)
	if err != nil {
		return nil, err
	}
	e := &Explanation{Run: o.Run, Steps: int64(r.Steps[len(r.Steps)-1]), AllHeads: r.layers * r.heads}
	if q := r.Config.Optim.QKClip; q.Enabled {
		e.Tau = q.Tau
	}
	if e.rows, err = metrics.Collect(metrics.Rows(o.Run)); err != nil {
		return nil, stage.DamagedError{Err: err}
	}
	if e.events, err = metrics.Collect(metrics.Events(o.Run)); err != nil {
		return nil, stage.DamagedError{Err: err}
	}
	e.Instruments = map[string]Number{}
	for name, v := range r.Values {
		if short, ok := strings.CutPrefix(name, "instrument."); ok {
			e.Instruments[short] = Number(v)
		}
	}
	e.explainHeads(cmp.Or(o.Heads, 8))
	e.findSpikes(cmp.Or(o.Steps, 5))
	if err := e.nameDocuments(); err != nil {
		return nil, err
	}
	if o.Out == "" {
		return e, nil
	}
	return e, e.writeHTML(o.Out)
}

// explainHeads tells the story of the n loudest heads.
func (e *Explanation) explainHeads(n int) {
	type key struct{ layer, head int }
	heads := map[key]*Head{}
	for _, row := range e.rows {
		for l, list := range row.MaxLogit {
			for h, v := range list {
				s := heads[key{l, h}]
				if s == nil {
					s = &Head{Layer: l, Head: h, Largest: Number(math.Inf(-1))}
					heads[key{l, h}] = s
				}
				if f := Number(v); f > s.Largest {
					s.Largest, s.At = f, row.Step
				}
				s.End = Number(v)
			}
		}
	}
	clipped := map[key]bool{}
	for _, event := range e.events {
		if event.Kind != metrics.KindQKClip {
			continue
		}
		at := key{event.Layer, event.Head}
		clipped[at] = true
		e.LastClip = max(e.LastClip, event.Step)
		s := heads[at]
		if s == nil {
			continue
		}
		if s.Clips == 0 {
			s.First, s.Gamma = event.Step, Number(event.Gamma)
		}
		s.Clips++
		s.Last, s.Gamma = event.Step, min(s.Gamma, Number(event.Gamma))
	}
	e.ClippedHeads = len(clipped)
	for _, s := range heads {
		e.Heads = append(e.Heads, *s)
	}
	slices.SortFunc(e.Heads, func(a, b Head) int {
		return cmp.Or(cmp.Compare(b.Largest, a.Largest), cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Head, b.Head))
	})
	e.Heads = e.Heads[:min(n, len(e.Heads))]
	for i := range e.Heads {
		e.Heads[i].Trace = e.trace(e.Heads[i].Layer, e.Heads[i].Head)
	}
}

// trace draws a head's logits over the run in 32 bins, on a scale of its own from 0.
func (e *Explanation) trace(layer, head int) string {
	const bins, marks = 32, "▁▂▃▄▅▆▇█"
	top := make([]float64, bins)
	most := 0.0
	for i, row := range e.rows {
		if layer < len(row.MaxLogit) && head < len(row.MaxLogit[layer]) {
			b := i * bins / len(e.rows)
			top[b] = math.Max(top[b], float64(row.MaxLogit[layer][head]))
			most = math.Max(most, top[b])
		}
	}
	levels := []rune(marks)
	var b strings.Builder
	for _, v := range top {
		level := 0
		if most > 0 && !math.IsInf(most, 0) {
			level = int(v / most * float64(len(levels)-1))
		}
		b.WriteRune(levels[min(max(level, 0), len(levels)-1)])
	}
	return b.String()
}

// findSpikes lists the marked spikes, and where there are fewer than n the largest jumps beside them: steps whose loss or
// gradient norm lies farthest above the mean of the steps before.
func (e *Explanation) findSpikes(n int) {
	at := map[int64]bool{}
	logit := map[int64]float64{}
	for _, row := range e.rows {
		logit[row.Step] = row.LargestLogit()
	}
	for _, event := range e.events {
		if event.Kind == metrics.KindSpike && len(e.Spikes) < n {
			at[event.Step] = true
			e.Spikes = append(e.Spikes, Spike{
				Step: event.Step, Signal: event.Signal, Value: Number(event.Value), Z: Number(event.Z), Marked: true, Action: event.Action,
				MaxLogit: Number(logit[event.Step]),
			})
		}
	}
	var jumps []Spike
	for _, signal := range []struct {
		name string
		of   func(metrics.Row) float64
	}{{"loss", func(r metrics.Row) float64 { return r.Loss }}, {"grad_norm", func(r metrics.Row) float64 { return r.GradNorm }}} {
		const window = 32
		for i := window; i < len(e.rows); i++ {
			recent := make([]float64, window)
			for k := range recent {
				recent[k] = signal.of(e.rows[i-window+k])
			}
			v := signal.of(e.rows[i])
			z := (v - mean(recent)) / math.Max(deviation(recent), 1e-3*math.Abs(mean(recent))+1e-12)
			jumps = append(jumps, Spike{Step: e.rows[i].Step, Signal: signal.name, Value: Number(v), Z: Number(z), MaxLogit: Number(logit[e.rows[i].Step])})
		}
	}
	slices.SortStableFunc(jumps, func(a, b Spike) int { return cmp.Compare(b.Z, a.Z) })
	for _, j := range jumps {
		if len(e.Spikes) >= n {
			break
		}
		if !at[j.Step] && j.Z > 0 {
			at[j.Step] = true
			e.Spikes = append(e.Spikes, j)
		}
	}
	slices.SortFunc(e.Spikes, func(a, b Spike) int { return cmp.Compare(a.Step, b.Step) })
}

// nameDocuments finds the documents of the spikes' batches. A rollback passed over batches, so the later ones are ahead.
func (e *Explanation) nameDocuments() error {
	var batches []int64
	for _, s := range e.Spikes {
		ahead := int64(0)
		for _, event := range e.events {
			if event.Action == metrics.ActionRollback && event.To < s.Step && !(s.Marked && event.Step == s.Step) {
				ahead += event.Step - event.To
			}
		}
		batches = append(batches, s.Step-1+ahead)
	}
	docs, err := stage.BatchDocuments(e.Run, batches, 60)
	if err != nil {
		return err
	}
	for i := range docs {
		e.Spikes[i].Documents = docs[i]
	}
	return nil
}

// Print writes the explanation for people.
func (e *Explanation) Print(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d steps\n\nloudest heads", e.Run, e.Steps)
	if e.Tau > 0 {
		fmt.Fprintf(w, ", tau %s", short(e.Tau))
	}
	fmt.Fprintln(w)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "  layer\thead\tlargest\tat step\tat the end\tclips\tfirst\tlast\tleast gamma\tover the run")
	for _, h := range e.Heads {
		clips := "0\t\t\t"
		if h.Clips > 0 {
			clips = fmt.Sprintf("%d\t%d\t%d\t%s", h.Clips, h.First, h.Last, short(float64(h.Gamma)))
		}
		fmt.Fprintf(tab, "  %d\t%d\t%s\t%d\t%s\t%s\t%s\n", h.Layer, h.Head, short(float64(h.Largest)), h.At, short(float64(h.End)), clips, h.Trace)
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s\n", e.clipping())
	for _, s := range e.Spikes {
		what := "a large jump, not marked as a spike"
		if s.Marked {
			what = "spike, " + s.Action
		}
		fmt.Fprintf(w, "\nstep %d: %s %s, %s deviations above its recent mean (%s); largest logit %s\n",
			s.Step, s.Signal, short(float64(s.Value)), short(float64(s.Z)), what, short(float64(s.MaxLogit)))
		for _, d := range s.Documents {
			fmt.Fprintf(w, "  row %d  %s  %q\n", d.Row, d.Name, d.Text)
		}
	}
	if len(e.Instruments) > 0 {
		fmt.Fprintln(w, "\ninstruments, means of the last measurement")
		tab = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, name := range slices.Sorted(maps.Keys(e.Instruments)) {
			fmt.Fprintf(tab, "  %s\t%s\n", name, short(float64(e.Instruments[name])))
		}
		if err := tab.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// clipping says in a sentence what QK-Clip did.
func (e *Explanation) clipping() string {
	switch {
	case e.Tau == 0:
		return "QK-Clip was off."
	case e.ClippedHeads == 0:
		return fmt.Sprintf("QK-Clip never acted: no head passed %s.", short(e.Tau))
	}
	return fmt.Sprintf("QK-Clip rescaled %d of %d heads, the last time after step %d of %d: a head is rescaled when its largest logit of a step passed %s.",
		e.ClippedHeads, e.AllHeads, e.LastClip, e.Steps, short(e.Tau))
}
