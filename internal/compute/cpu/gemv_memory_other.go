//go:build !linux

package cpu

// adviseHuge does nothing where the system decides alone.
func adviseHuge([]byte) {}
