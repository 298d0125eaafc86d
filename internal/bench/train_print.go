package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// table is a tabwriter that takes formatted lines.
type table struct{ *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

// put adds a line or part of one; errors show up in Flush.
func (t table) put(format string, args ...any) { fmt.Fprintf(t, format, args...) }

// spread adds a line of a figure's median, minimum and maximum, each times scale, and a remark.
func (t table) spread(name, unit string, s Spread, scale float64, remark string) {
	if unit != "" {
		unit = " " + unit
	}
	t.put("%s\t%.4g%s\t%.4g\t%.4g\t%s\n", name, s.Median*scale, unit, s.Min*scale, s.Max*scale, remark)
}

// percent writes a share with two digits that say something.
func percent(share float64) string {
	if share < 0.01 {
		return fmt.Sprintf("%.2g %%", 100*share)
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}

// NamedTrain is the measurement of one of several models.
type NamedTrain struct {
	Model string `json:"model"`
	*Train
}

// Trains are the measurements of several models.
type Trains []NamedTrain

// Print writes a table for each model.
func (t Trains) Print(w io.Writer) error {
	for i, m := range t {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s\n", m.Model)
		if err := m.Train.Print(w); err != nil {
			return err
		}
	}
	return nil
}

// Print writes the figures as a table.
func (t *Train) Print(w io.Writer) error {
	tab := newTable(w)
	tab.put("machine\t%s\n", t.Machine)
	tab.put("parameters\t%d\n", t.Parameters)
	tab.put("tokens per step\t%d\n", t.TokensPerStep)
	tab.put("\tmedian\tmin\tmax\tof the step\n")
	tab.spread("tokens per second", "", t.TokensPerSecond, 1, "")
	tab.spread("step", "ms", t.StepSeconds, 1e3, "")
	tab.spread("forward and backward", "ms", t.ForwardBackward, 1e3, percent(t.ForwardBackward.Median/t.StepSeconds.Median))
	tab.spread("optimizer", "ms", t.Optimizer, 1e3, percent(t.OptimizerShare))
	tab.spread("QK-Clip", "ms", t.QKClip, 1e3, percent(t.QKClipShare))
	tab.spread("loading the batch, meanwhile", "ms", t.Loading, 1e3, percent(t.LoadingShare))
	tab.put("model FLOP rate\t%.1f GFLOP/s\t%.0f %% of the measured peak of %.1f\n", t.ModelGflops, 100*t.PeakShare, t.PeakGflops)
	tab.put("bound of the step\t%.4g ms\t%.0f %% of the bound reached: all counted products at the peak\n", t.BoundSeconds*1e3, 100*t.BoundShare)
	tab.put("heap allocated per step\t%s\n", bytesText(int64(t.AllocatedBytes)))
	t.Memory.counted(tab.put)
	if t.GPU != nil {
		t.GPU.rows(tab.put)
	} else {
		t.Memory.measured(tab.put)
	}
	if t.ActivationsKept > 0 {
		tab.put("activations without recomputation\t%s\t%s of them with it\n", bytesText(t.ActivationsKept), percent(float64(t.Memory.Activations)/float64(t.ActivationsKept)))
	}
	if s := t.Scaling; s != nil {
		tab.put("\tmedian\tmin\tmax\n")
		tab.spread("tokens per second, one thread", "", s.One, 1, "")
		tab.spread("tokens per second, "+threadsText(t.Threads), "", s.All, 1, "")
		tab.put("scaling\t%.2f times one thread\n", s.Factor)
	}
	if t.GPU != nil && t.GPU.Profile != nil {
		if err := tab.Flush(); err != nil {
			return err
		}
		tab = newTable(w)
		t.GPU.Profile.rows(tab)
	}
	return tab.Flush()
}
