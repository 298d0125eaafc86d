package lab

import (
	"fmt"
	"math"
	"strings"
)

// Markdown is the section of an experiment for a document: claim, tables, findings, verdict and objections.
func (o *Outcome) Markdown() string {
	var b strings.Builder
	e := o.Experiment
	fmt.Fprintf(&b, "## %s\n\n%s.\n\n", e.Name, strings.TrimSuffix(e.Title, "."))
	fmt.Fprintf(&b, "*Claim.* %s (%s)\n\n", oneLine(e.Claim), oneLine(e.Source))
	if e.Method != "" {
		fmt.Fprintf(&b, "*How.* %s\n\n", oneLine(e.Method))
	}
	fmt.Fprintf(&b, "    %s\n\n", strings.ReplaceAll(o.commands(), "\n", "\n    "))
	fmt.Fprintf(&b, "**Verdict: %s.**", o.sentence())
	if o.Changed {
		b.WriteString(" " + changedNote)
	}
	b.WriteString("\n\n")
	findings := pageTable{Head: []string{"condition, decided before the run", "found", "verdict"}}
	for _, f := range o.Findings {
		found := f.Interval.String()
		if f.Note != "" {
			found += " (" + f.Note + ")"
		}
		findings.Rows = append(findings.Rows, []string{ruleText(f), found, string(f.Verdict)})
	}
	findings.markdown(&b)
	o.valuesTable().markdown(&b)
	if len(o.Tuned) > 0 {
		o.tunedTable().markdown(&b)
	}
	b.WriteString("What a doubter would object:\n\n")
	for _, s := range e.Objections {
		fmt.Fprintf(&b, "- %s\n", oneLine(s))
	}
	return b.String()
}

func ruleText(f Finding) string {
	if f.Rule.Name != "" {
		return oneLine(f.Rule.Name) + ": " + f.Text
	}
	return f.Text
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// valuesTable has the measured quantities of every arm: mean over seeds with 95 % interval.
func (o *Outcome) valuesTable() pageTable {
	t := pageTable{Title: "mean over seeds with 95 % t-interval", Head: []string{"arm"}}
	t.Head = append(t.Head, o.Experiment.Measure...)
	t.Head = append(t.Head, "runs")
	for _, cell := range o.Table.Cells {
		row := []string{titleOf(cell)}
		for _, q := range o.Experiment.Measure {
			row = append(row, TInterval(o.Table.Values(cell, q), 0.95).String())
		}
		runs, diverged := len(o.Table.Runs(cell)), 0
		for _, r := range o.Table.Runs(cell) {
			if r.Status == Diverged {
				diverged++
			}
		}
		count := fmt.Sprint(runs)
		if diverged > 0 {
			count += fmt.Sprintf(", %d diverged", diverged)
		}
		t.Rows = append(t.Rows, append(row, count))
	}
	return t
}

// tunedTable has what was tried of the tuned axis.
func (o *Outcome) tunedTable() pageTable {
	t := pageTable{Title: fmt.Sprintf("tuning with seed %d: val_loss of every value, the chosen one in stars", o.Experiment.Seeds[0]), Head: []string{"arm"}}
	for _, cell := range o.Table.Cells {
		row := []string{titleOf(cell)}
		for i, tried := range o.Tuned[cell] {
			if len(t.Head) < i+2 {
				t.Head = append(t.Head, tried.Value)
			}
			text := short(tried.ValLoss)
			if math.IsNaN(tried.ValLoss) {
				text = "–"
			}
			if tried.Chosen {
				text = "*" + text + "*"
				if i == 0 || i == len(o.Tuned[cell])-1 {
					text += " (at the edge)" // a better value may lie beyond what was tried
				}
			}
			row = append(row, text)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// markdown writes the table; a bar in a cell is escaped.
func (t pageTable) markdown(b *strings.Builder) {
	if len(t.Rows) == 0 {
		return
	}
	if t.Title != "" {
		fmt.Fprintf(b, "%s:\n\n", t.Title)
	}
	row := func(cells []string) {
		for i := range t.Head {
			cell := ""
			if i < len(cells) {
				cell = strings.ReplaceAll(cells[i], "|", `\|`)
			}
			fmt.Fprintf(b, "| %s ", cell)
		}
		b.WriteString("|\n")
	}
	row(t.Head)
	b.WriteString(strings.Repeat("|---", len(t.Head)) + "|\n")
	for _, r := range t.Rows {
		row(r)
	}
	b.WriteString("\n")
}
