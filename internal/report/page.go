package report

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
)

// page is what the template shows. All text in it is escaped by html/template except the four fields of template types.
type page struct {
	Title, Name, Kind     string
	Status, Up, Sources   string
	Verdict, VerdictClass string
	Tiles                 []tile
	Problems              []string
	Rewards               []section // of reinforcement learning, with RL
	RL                    *rlPage
	Sections              []section
	After                 *after
	Data                  []setting
	Clips                 []clipRow
	ClipNote              string
	Incidents             []incident
	IncidentNote          string
	Samples               []sample
	SampleNote            string
	Checkpoints           []checkpoint
	CheckpointNote        string
	Highlights            []setting
	ConfigText            string
	Environment           []setting
	Command               string
	Style                 template.CSS
	Script                template.JS
	StyleHash, ScriptHash string
}

// section is a heading with figures below it.
type section struct {
	ID, Title string
	Figures   []figure
}

type clipRow struct {
	Layer, Head, Count, First, Last, Largest, Gamma string
}

type incident struct{ Step, Kind, What, Docs string }

type sample struct{ Step, Temperature, Prompt, Text string }

type checkpoint struct{ Step, Path, State string }

func render(w io.Writer, in *input) error {
	t := template.New("report")
	for _, text := range []string{pageTemplate, rlTemplate, afterTemplate} {
		if _, err := t.Parse(text); err != nil {
			return err
		}
	}
	return t.Execute(w, newPage(in))
}

func newPage(in *input) page {
	css, js := fullCSS(), pageJS
	name := in.text("preset")
	if name == "" {
		name = "run"
	}
	p := page{
		Name: visible(name), Kind: in.kind(), Title: visible(name) + " · " + in.kind(), Status: in.status(), Up: in.up(), Sources: in.sources(), After: in.after,
		Tiles: in.tiles(), Problems: show(in.problems),
		Sections: in.sections(), Data: in.data(), Highlights: in.highlights(), ConfigText: visible(shorten(in.configText, 60_000)),
		Environment: in.environment(), Command: in.command(),
		Style: template.CSS(css), Script: template.JS(js), StyleHash: hash(css), ScriptHash: hash(js),
	}
	p.Verdict, p.VerdictClass = in.verdict()
	p.Clips, p.ClipNote = in.clipTable()
	p.Incidents, p.IncidentNote = in.incidentTable()
	p.Samples, p.SampleNote = in.sampleList()
	p.Checkpoints, p.CheckpointNote = in.checkpointTable()
	if in.stage == stageRL {
		p.Rewards, p.RL = in.rewardSections(), in.rlPage()
	}
	return p
}

// hash is the form in which a Content-Security-Policy names an inline script or style: nothing else on the page can run,
// even if a sample found a way out of its escaping.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func show(texts []string) []string {
	for i, s := range texts {
		texts[i] = visible(s)
	}
	return texts
}

func (in *input) sections() []section {
	c := in.c
	tau := in.tau()
	first := in.firstMoE()
	rmsNote := "Root mean square of one step's update, by kind of parameter."
	if n := len(c.rms); n > len(lineColours) {
		rmsNote += fmt.Sprintf(" The first %d of %d kinds.", len(lineColours), n)
	}
	const noRows = "metrics.jsonl has no values for this chart."
	training := section{"training", "Training", append(in.lossFigures(noRows),
		newFigure("Learning rate", "As the schedule gave it to each step.", single(c, "Learning rate over training steps", "learning rate", c.lr, 3, false, true).svg(false), noRows),
		newFigure("Gradient norm", "Euclidean norm over all parameters, before clipping.", normChart(c, in.figure("grad_clip")).svg(false), noRows),
		newFigure("Update RMS", rmsNote, rmsChart(c).svg(false), noRows),
	)}
	attention := section{"attention", "Attention logits", []figure{
		newFigure("Layer × head", logitCaption(c), logitMap(c, tau, in.clipCells).svg(false), "No row has max_logit."),
		newFigure("Largest logit", logitNote(c, tau, len(in.clipSteps)), logitChart(c, tau, in.clipSteps).svg(false), "No row has max_logit."),
	}}
	experts := section{"experts", "Expert load balance", []figure{
		newFigure("Busiest expert", "Its share of the tokens over an equal share: 1 is balanced, the number of experts is collapse.", balanceOrNil(c, first), "No row has expert_load: the model is dense, or the run has no rows."),
		newFigure("Layer × expert", fmt.Sprintf("Mean of the last %d steps.", len(c.recentLoad)), loadMap(c, first).svg(false), "No row has expert_load."),
	}}
	speed := section{"speed", "Speed", []figure{
		newFigure("Tokens per second", "", single(c, "Tokens per second over training steps", "tokens/s", c.tokensPerSec, 0, false, true).svg(false), noRows),
		newFigure("FLOP/s", "Model arithmetic, forward and backward, beside the peak that was measured on the same machine.", flopsChart(c, in.number("peak_gflops")*1e9).svg(false), noRows),
	}}
	return []section{training, attention, experts, speed}
}

func balanceOrNil(c *columns, first int) []byte {
	if len(c.load) == 0 {
		return nil
	}
	return balanceChart(c, first).svg(false)
}

func logitCaption(c *columns) string {
	if c.layers == 0 {
		return ""
	}
	s := fmt.Sprintf("One row for each of %d heads in %d layers, ", c.heads, c.layers)
	if c.perRow > 1 {
		s = fmt.Sprintf("%d heads in each of %d layers, %d to a row, ", c.heads, c.layers, c.perRow)
	}
	if c.logits.width > 1 {
		return s + fmt.Sprintf("one column for %s steps; each cell is the largest value in it.", grouped(float64(c.logits.width)))
	}
	return s + "one column for each step."
}

func logitNote(c *columns, tau float64, clips int) string {
	top := c.largestLogit()
	switch {
	case math.IsNaN(top) || math.IsNaN(tau):
		return ""
	case clips > 0:
		return fmt.Sprintf("QK-Clip acted in %s steps (marks at the lower edge).", grouped(float64(clips)))
	case top < tau:
		return fmt.Sprintf("No head came to τ = %s, so QK-Clip never acted.", digits(tau, 3))
	}
	return ""
}

// firstMoE is the number of the first layer with routed experts: the layers of expert_load are the last ones of the model.
func (in *input) firstMoE() int { return max(0, in.c.layers-len(in.c.load)) }
