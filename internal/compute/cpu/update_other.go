//go:build !amd64 || noasm

package cpu

// fastUpdates has nothing to offer: plain Go serves.
func fastUpdates() Updates[float32] { return Updates[float32]{} }
