package verify

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// Check is the outcome of one comparison.
type Check struct {
	Name      string  `json:"name"`      // short and fixed, for programs
	What      string  `json:"what"`      // what was compared with what
	Worst     float64 `json:"worst"`     // largest error seen, infinite if something was missing or not a number; null in JSON then
	Tolerance float64 `json:"tolerance"` // largest error allowed
	OK        bool    `json:"ok"`        // Worst <= Tolerance
	Detail    string  `json:"detail"`    // where the worst error was
}

// MarshalJSON writes null for an error that is not a finite number, which JSON cannot hold.
func (c Check) MarshalJSON() ([]byte, error) {
	type plain Check
	out := struct {
		plain
		Worst *float64 `json:"worst"`
	}{plain: plain(c)}
	if !math.IsInf(c.Worst, 0) && !math.IsNaN(c.Worst) {
		out.Worst = &c.Worst
	}
	return json.Marshal(out)
}

// note keeps the error if it is the worst so far; an error that is not a number counts as infinite.
func (c *Check) note(err float64, detail string) {
	if math.IsNaN(err) {
		err = math.Inf(1)
	}
	if err > c.Worst || c.Detail == "" {
		c.Worst, c.Detail = err, detail
	}
}

// AllOK reports whether every check passed. No checks at all do not pass.
func AllOK(checks []Check) bool {
	for _, c := range checks {
		if !c.OK {
			return false
		}
	}
	return len(checks) > 0
}

// Table writes the checks as aligned columns, one line a check, and the place of the worst error under
// a check that failed.
func Table(w io.Writer, checks []Check) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "check\tworst error\tallowed\tresult\twhat")
	for _, c := range checks {
		result := "ok"
		if !c.OK {
			result = "FAILED"
		}
		fmt.Fprintf(tw, "%s\t%.1e\t%.0e\t%s\t%s\n", c.Name, c.Worst, c.Tolerance, result, c.What)
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("verify: write the table: %w", err)
	}
	for _, c := range checks {
		if c.OK {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s failed, worst at %s\n", c.Name, c.Detail); err != nil {
			return fmt.Errorf("verify: write the table: %w", err)
		}
	}
	return nil
}
