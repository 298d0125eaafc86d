package lab

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// Summary is one line of the list of experiments.
type Summary struct {
	Name    string  `json:"name"`
	Title   string  `json:"title"`
	Arms    int     `json:"arms"`
	Seeds   int     `json:"seeds"`
	Runs    int     `json:"runs"`
	Done    int     `json:"done"`
	GFLOP   float64 `json:"gflop"` // of pretraining, all runs together
	Verdict Verdict `json:"verdict,omitempty"`
	Problem string  `json:"problem,omitempty"` // why its runs cannot be judged
}

// Summarize says how large an experiment is and how far it has come.
func Summarize(e *Experiment, o Options) (Summary, error) {
	s := Summary{Name: e.Name, Title: e.Title, Arms: len(e.Cells()), Seeds: len(e.Seeds)}
	jobs, err := e.Jobs()
	if err != nil {
		return s, err
	}
	late := 0.0 // GFLOP of the values of a tuned axis with later seeds, of which one in len(values) is run
	count := 0
	for _, j := range jobs {
		if _, ok, err := outcomeOf(filepath.Join(o.Folder(e), j.Folder())); err != nil {
			return s, err
		} else if ok {
			s.Done++
		}
		if e.tuned() && j.Seed != e.Seeds[0] {
			late += work(j)
			count++
			continue
		}
		s.Runs++
		s.GFLOP += work(j)
	}
	if count > 0 {
		once := s.Arms * (s.Seeds - 1)
		s.Runs += once
		s.GFLOP += late * float64(once) / float64(count)
	}
	if s.Done > 0 {
		out, err := Collect(e, o)
		if err != nil { // one experiment whose runs are damaged does not hide the others
			s.Problem = err.Error()
			return s, nil
		}
		s.Verdict = out.Verdict
	}
	return s, nil
}

// PrintList writes the experiments as a table.
func PrintList(w io.Writer, list []Summary) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "experiment\tarms\tseeds\truns done\tTFLOP\tverdict\tquestion")
	for _, s := range list {
		verdict := string(s.Verdict)
		if s.Problem != "" {
			verdict = "cannot be judged"
		}
		fmt.Fprintf(tab, "%s\t%d\t%d\t%d of %d\t%.0f\t%s\t%s\n", s.Name, s.Arms, s.Seeds, s.Done, s.Runs, s.GFLOP/1e3, verdict, s.Title)
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	for _, s := range list {
		if s.Problem != "" {
			fmt.Fprintf(w, "%s: %s\n", s.Name, s.Problem)
		}
	}
	return nil
}

// Describe writes what an experiment is: claim, method, arms, rules, objections and the variant for an accelerator.
func (e *Experiment) Describe(w io.Writer) error {
	fmt.Fprintf(w, "%s: %s\n\nclaim    %s\nsource   %s\n", e.Name, e.Title, oneLine(e.Claim), oneLine(e.Source))
	if e.Method != "" {
		fmt.Fprintf(w, "method   %s\n", oneLine(e.Method))
	}
	points, err := e.points()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\nseeds %v; arms:\n", e.Seeds)
	printPoints(w, points)
	fmt.Fprintln(w, "\nreproduced where all of these hold:")
	for _, r := range e.Accept {
		fmt.Fprintf(w, "  %s, with %g %% confidence\n", ruleText(Finding{Rule: r, Text: r.Text()}), 100*r.Confidence)
	}
	fmt.Fprintln(w, "\nobjections:")
	for _, s := range e.Objections {
		fmt.Fprintf(w, "  %s\n", oneLine(s))
	}
	if e.GPU == nil {
		return nil
	}
	v := e.variant()
	if points, err = v.points(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nat the size for an accelerator, seeds %v (%s):\n", v.Seeds, strings.TrimSuffix(oneLine(e.GPU.Note), "."))
	printPoints(w, points)
	return nil
}

func printPoints(w io.Writer, points []point) {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range points {
		size := p.config.Model.Size()
		fmt.Fprintf(tab, "  %s\t%.3g M parameters (%.3g M activated)\t%d steps, %.3g M tokens\t%s\n", titleOf(p.arm), float64(size.Total)/1e6, float64(size.Activated)/1e6,
			p.config.Train.TotalSteps(), float64(p.config.Train.TotalTokens())/1e6, p.set)
	}
	_ = tab.Flush() // to a writer whose errors the caller meets again
}
