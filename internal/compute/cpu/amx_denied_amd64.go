//go:build !linux && !noasm

package cpu

// amxGranted is false: how other systems hand out the tiles has not been tried.
func amxGranted() bool { return false }
