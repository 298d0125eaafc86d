//go:build !cuda

package cuda

// openDriver reports that this build has no driver.
func openDriver(int) (driver, error) { return nil, &Error{Kind: ErrNotBuilt, Op: "open a GPU"} }

// ptxFiles is part of a build with the tag cuda.
func ptxFiles() map[string][]byte { return nil }
