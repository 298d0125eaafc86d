//go:build !linux

package sandbox

import (
	"context"
	"fmt"
	"runtime"
)

// Sandbox runs jobs. Only Linux has what it takes; use Starlark elsewhere.
type Sandbox struct{}

// New returns ErrUnsupported: there are no namespaces here.
func New(context.Context, Options) (*Sandbox, error) {
	return nil, fmt.Errorf("sandbox: namespaces: %s has none: use Linux, or programs in Starlark: %w", runtime.GOOS, ErrUnsupported)
}

// Run returns ErrUnsupported.
func (s *Sandbox) Run(context.Context, Job) (*Result, error) { return nil, ErrUnsupported }

// RunPair returns ErrUnsupported.
func (s *Sandbox) RunPair(context.Context, Job, Job) (*Result, *Result, error) {
	return nil, nil, ErrUnsupported
}

// Layers returns nil.
func (s *Sandbox) Layers() []Layer { return nil }

// Interpreters returns nil.
func (s *Sandbox) Interpreters() map[string]string { return nil }

// Close does nothing.
func (s *Sandbox) Close() error { return nil }

// Main does nothing: there are no supervisors here.
func Main() {}
