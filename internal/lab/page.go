package lab

import (
	"bytes"
	_ "embed" // the sections of the pages
	"fmt"
	"html/template"
	"math"
	"path/filepath"

	"muonclip/internal/atomicfile"
	"muonclip/internal/report"
)

//go:embed page.html.tmpl
var pageTemplate string

// Names of what a report writes into the folder of an experiment.
const (
	ReportFile = "report.html"
	TableFile  = "table.md"
)

// Figure is one picture with its caption.
type Figure struct {
	Title, Caption string
	SVG            template.HTML
}

// figures keeps those that have something to show.
func figures(list ...Figure) []Figure {
	var out []Figure
	for _, f := range list {
		if f.SVG != "" {
			out = append(out, f)
		}
	}
	return out
}

// pageTable is a table of a page or of Markdown.
type pageTable struct {
	Title string
	Head  []string
	Rows  [][]string
}

// experimentPage is what the template shows of an experiment.
type experimentPage struct {
	Claim, Source, Method, Missing, Changed string
	Findings                                []Finding
	Figures, Instruments                    []Figure
	Tables                                  []pageTable
	Objections                              []string
	Commands                                string
}

// WriteReport draws report.html and table.md in the folder of an experiment and returns their paths.
func WriteReport(o *Outcome) (html, markdown string, err error) {
	markdown = filepath.Join(o.Dir, TableFile)
	if err := atomicfile.WriteFile(markdown, []byte(o.Markdown())); err != nil {
		return "", "", err
	}
	p := experimentPage{
		Claim: o.Experiment.Claim, Source: o.Experiment.Source, Method: o.Experiment.Method, Findings: o.Findings, Figures: o.figures(), Instruments: o.instruments(),
		Objections: o.Experiment.Objections, Commands: o.commands(), Missing: o.missing(),
	}
	if o.Changed {
		p.Changed = changedNote
	}
	p.Tables = append(p.Tables, o.valuesTable())
	if len(o.Tuned) > 0 {
		p.Tables = append(p.Tables, o.tunedTable())
	}
	html = filepath.Join(o.Dir, ReportFile)
	return html, markdown, writePage(html, report.Document{
		Title: o.Experiment.Name + ": " + o.Experiment.Title, Sub: "MuonClip optimizer lab", Verdict: o.sentence(),
		Good: o.Verdict == Reproduced, Bad: o.Verdict == NotReproduced, Footer: "Made from the run folders in " + o.Dir + ". Hover or tap a chart for values.",
	}, "experiment", p)
}

const changedNote = "The accept rules are not those with which the first run began: what is judged here was decided after results were known."

// writePage fills a page with a named part of the template.
func writePage(path string, d report.Document, part string, data any) error {
	t, err := template.New("lab").Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	var body bytes.Buffer
	if err := t.ExecuteTemplate(&body, part, data); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	d.Body = template.HTML(body.String())
	var page bytes.Buffer
	if err := d.Write(&page); err != nil {
		return err
	}
	return atomicfile.WriteFile(path, page.Bytes())
}

// sentence is the verdict in words.
func (o *Outcome) sentence() string {
	n, agreed := len(o.Findings), 0
	for _, f := range o.Findings {
		if f.Verdict == Reproduced {
			agreed++
		}
	}
	s := fmt.Sprintf("%s: %d of %d conditions hold", o.Verdict, agreed, n)
	if m := len(o.Missing); m > 0 {
		s += fmt.Sprintf("; %d runs are not done yet", m)
	}
	return s
}

func (o *Outcome) missing() string {
	if len(o.Missing) == 0 {
		return ""
	}
	return fmt.Sprintf("%d runs are not done yet, such as %s.", len(o.Missing), o.Missing[0])
}

func (o *Outcome) commands() string {
	return "muonclip lab run " + o.Experiment.Name + "\nmuonclip lab report " + o.Experiment.Name
}

// endings shows the held-out loss at the end against FLOPs, where arms differ in size.
func (o *Outcome) endings() Figure {
	c, ok := o.endingsChart()
	if !ok {
		return Figure{}
	}
	return Figure{"Loss at the end of each size", "Mean over seeds with 95 % t-intervals; the fits of the ladder go through these points.", template.HTML(c.SVG(false))}
}

func (o *Outcome) endingsChart() (report.Chart, bool) {
	l, ok := o.ladder()
	if !ok {
		return report.Chart{}, false
	}
	c := report.Chart{Title: "Held-out loss at the end over FLOPs", X: "log10 of FLOPs, in hundredths", Y: "nats per token", Log: true}
	for i, arm := range l.Arms {
		line := report.Line{Name: arm, Colour: i, Dots: true}
		for _, size := range l.Sizes {
			losses, flops := o.Table.Values(join(arm, size), "val_loss"), o.Table.Values(join(arm, size), "flops")
			if len(losses) == 0 {
				continue
			}
			iv := TInterval(losses, 0.95)
			line.X, line.Y = append(line.X, 100*math.Log10(mean(flops))), append(line.Y, iv.Mean)
			line.Low, line.High = append(line.Low, iv.Low), append(line.High, iv.High)
		}
		c.Lines = append(c.Lines, line)
	}
	return c, true
}

func (o *Outcome) ladder() (*Ladder, bool) {
	for _, r := range o.Experiment.Accept {
		if r.Ladder != nil {
			return r.Ladder, true
		}
	}
	return nil, false
}

// taus are the thresholds of QK-Clip among the arms, where the logits came near them.
func (o *Outcome) taus() []report.Level {
	var out []report.Level
	seen := map[float64]bool{}
	for _, cell := range o.Table.Cells {
		for _, r := range o.Table.Runs(cell) {
			if q := r.Config.Optim.QKClip; q.Enabled && !seen[q.Tau] && r.Values["max_logit"] > q.Tau/3 {
				seen[q.Tau] = true
				out = append(out, report.Level{Y: q.Tau, Label: fmt.Sprintf("τ = %g", q.Tau)})
			}
		}
	}
	return out
}

// titleOf is a cell's name in a legend.
func titleOf(cell string) string {
	if cell == "" {
		return "all"
	}
	return cell
}
