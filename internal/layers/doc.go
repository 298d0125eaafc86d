// Package layers has no code: its tests hold the rules about the source tree itself, such as which
// package may import which.
package layers
