//go:build !amd64 || noasm

package cpu

// fastPanels has nothing to offer: plain Go serves.
func fastPanels(string) *panelKernels[float32] { return nil }
