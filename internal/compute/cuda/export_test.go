package cuda

import "testing"

// Idle returns a backend on a fake that keeps memory as a device does and computes nothing, with a profile of what it is
// asked for.
func Idle(t *testing.T, o Options) (*Backend, *Profile, error) {
	f := newFake(t, nil)
	text := ""
	for _, n := range headerNames(t) {
		text += ".visible .entry " + n + "(\n"
	}
	return profiled(idle{f}, map[string][]byte{"all.ptx": []byte(text)}, o)
}

// idle leaves out what would take a processor long.
type idle struct{ *fake }

func (d idle) gemm(*gemm) error { return d.later("gemm", func() error { return nil }) }

func (d idle) copy(dst, src uintptr, n int64) error {
	if n > 64<<20 {
		return nil
	}
	return d.fake.copy(dst, src, n)
}
