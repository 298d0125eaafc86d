//go:build cuda

package referee

import (
	"errors"

	"muonclip/model"
)

// Run is part of the plain build.
func Run(model.Config, map[string][]float64, [][]int32, [][]int32) (*Result, error) {
	return nil, errors.New("referee: this program was built with the tag cuda, which Gorgonia does not build with: use the plain build, go build ./cmd/muonclip")
}
