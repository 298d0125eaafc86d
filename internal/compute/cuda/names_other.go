//go:build !linux && !darwin

package cuda

import "errors"

var errNames = errors.New("cuda: GPUs are used on Linux only")

func reserve(int64) ([]byte, error) { return nil, errNames }
func unreserve([]byte) error        { return errNames }
func open(span) error               { return errNames }
func shut(span) error               { return errNames }
