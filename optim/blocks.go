package optim

import (
	"errors"
	"fmt"
)

// blocks returns the number of matrices that p is cut into.
func (c Config) blocks(p Param) int {
	if c.Blocks == nil {
		return 1
	}
	return max(1, c.Blocks(p))
}

// checkBlocks names the matrices whose rows Config.Blocks cannot cut evenly.
func (c Config) checkBlocks(params []Param) error {
	var errs []error
	for _, p := range params {
		if p.Value == nil || !p.Muon {
			continue
		}
		if rows, _ := rowsCols(p.Value); rows%c.blocks(p) != 0 {
			errs = append(errs, fmt.Errorf("optim: Blocks cuts the %d rows of %s into %d; give a number that divides them", rows, p.Name, c.blocks(p)))
		}
	}
	return errors.Join(errs...)
}
