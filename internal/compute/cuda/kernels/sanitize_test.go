//go:build sanitize

package kernels

import "testing"

// TestEmulationSanitized runs every kernel in one order under the sanitizers of addresses and of undefined behaviour. It takes
// twice as long as TestEmulation, so it has a tag of its own: make sanitize.
func TestEmulationSanitized(t *testing.T) {
	runChecks(t, "-O1", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
}
