package bench

import (
	"fmt"
	"io"
)

// Print writes the figures as a table.
func (g *Gemm) Print(w io.Writer) error {
	tab := newTable(w)
	tab.put("machine\t%s\n", g.Machine)
	if g.Absent != "" {
		tab.put("OpenBLAS\t%s\n", g.Absent)
	} else {
		tab.put("OpenBLAS\t%s\n", g.OpenBLAS)
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	tab = newTable(w)
	tab.put("\nmodel\tpurpose\tproduct\ttimes")
	for _, s := range g.Summary {
		tab.put("\tGFLOP/s, %s\tOpenBLAS\tratio\tof peak", threadsText(s.Threads))
	}
	tab.put("\n")
	for _, r := range g.Rows {
		product := r.Shape.String()
		if r.Add {
			product += " + C"
		}
		tab.put("%s\t%s\t%s\t%d", r.Model, r.Purpose, product, r.Count)
		for _, rate := range r.Rates {
			theirs, ratio := "-", "-"
			if rate.Theirs != nil {
				theirs, ratio = fmt.Sprintf("%.1f", rate.Theirs.Median), fmt.Sprintf("%.2f", rate.Ratio)
			}
			tab.put("\t%.1f\t%s\t%s\t%.0f %%", rate.Ours.Median, theirs, ratio, 100*rate.PeakShare)
		}
		tab.put("\n")
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	tab = newTable(w)
	tab.put("\nall shapes\tgeometric mean\tleast\tone step's products\tof the peak\tpeak\n")
	for _, s := range g.Summary {
		if s.Geomean == 0 {
			tab.put("%s\t-\t-\t-\t%.0f %%\t%.1f GFLOP/s\n", threadsText(s.Threads), 100*s.PeakShare, s.PeakGflops)
			continue
		}
		tab.put("%s\t%.2f\t%.2f (%s)\t%.2f\t%.0f %%\t%.1f GFLOP/s\n", threadsText(s.Threads), s.Geomean, s.Least, s.LeastShape, s.Weighted, 100*s.PeakShare, s.PeakGflops)
	}
	return tab.Flush()
}

func threadsText(n int) string {
	if n == 1 {
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", n)
}
