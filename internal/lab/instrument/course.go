package instrument

import "math"

// Course is one quantity over the steps at which it was measured, each the mean over all parameters, layers, heads and
// ranks. Figures that are not finite are left out.
type Course struct {
	Steps []int64
	Means []float64
}

// Courses gives the course of every quantity in a run folder, by name; there are none where nothing was measured.
func Courses(dir string) (map[string]Course, error) {
	rows, err := Read(dir)
	return courses(rows), err
}

// courses takes rows in the order of their steps.
func courses(rows []Row) map[string]Course {
	all, counts := map[string]Course{}, map[string]float64{} // of the last step so far
	for _, r := range rows {
		if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
			continue
		}
		c := all[r.Name]
		if n := len(c.Steps); n == 0 || c.Steps[n-1] != r.Step {
			c.Steps, c.Means = append(c.Steps, r.Step), append(c.Means, 0)
			counts[r.Name] = 0
		}
		counts[r.Name]++
		mean := &c.Means[len(c.Means)-1]
		*mean += (r.Value - *mean) / counts[r.Name]
		all[r.Name] = c
	}
	return all
}
