package bench

import (
	"errors"
	"fmt"

	"muonclip/internal/compute"
	"muonclip/internal/compute/cuda"
)

// StepProfile is where the time of a step goes on a GPU that waits after each operation.
type StepProfile struct {
	Rows         []cuda.ProfileRow `json:"rows"`          // of all steps together
	Steps        int               `json:"steps"`         // that were measured
	LeastSeconds float64           `json:"least_seconds"` // of one operation: starting it and the wait
}

// profileSteps notes the operations of some steps, after one that is not counted.
func profileSteps(o TrainOptions) (res *StepProfile, err error) {
	defer compute.Guard(&err)
	be, p, err := OpenProfiled(*o.GPU)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, be.Close()) }()
	s, err := newGPUStepper(o, be)
	if err != nil {
		return nil, err
	}
	if _, err := s.step(); err != nil {
		return nil, err
	}
	p.Reset()
	const steps = 2
	for range steps {
		if _, err := s.step(); err != nil {
			return nil, err
		}
	}
	return &StepProfile{Rows: p.Rows(), Steps: steps, LeastSeconds: p.Least.Seconds()}, nil
}

// rows is the table of what takes longest.
func (p *StepProfile) rows(tab table) {
	const most = 40
	total := 0.0
	for _, r := range p.Rows {
		total += r.Seconds
	}
	tab.put("\nalone, each with %.3g µs of starting and waiting\tms of a step\tshare\tcalls\tµs each\tTFLOP/s\n", p.LeastSeconds*1e6)
	for i, r := range p.Rows {
		if i == most {
			tab.put("%d more\n", len(p.Rows)-most)
			break
		}
		rate := ""
		if r.FLOPs > 0 {
			rate = fmt.Sprintf("%.1f", r.FLOPs/r.Seconds/1e12)
		}
		tab.put("%s\t%.3f\t%s\t%d\t%.1f\t%s\n", r.Name, r.Seconds/float64(p.Steps)*1e3, percent(r.Seconds/total), r.Calls/p.Steps, r.Seconds/float64(r.Calls)*1e6, rate)
	}
}
