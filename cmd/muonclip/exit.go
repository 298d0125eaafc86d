package main

import (
	"context"
	"errors"

	"muonclip/internal/stage"
)

// Exit codes, as the package comment explains them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitDamaged     = 3
	exitInterrupted = 130
)

// exitCodeHelp is the part of the help texts on exit codes.
const exitCodeHelp = `Exit codes: 0 success, 1 failure, 2 wrong usage or configuration, 3 damaged data or
checkpoint, 130 interrupted.`

// usageError marks an error in the command line or the configuration. Packages that know of one may
// also return errors of their own with a method Usage() bool.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }
func (e usageError) Usage() bool   { return true }

// damagedError marks an error in data or checkpoints. Packages that know of damage may also return
// errors of their own with a method Damaged() bool.
type damagedError struct{ err error }

func (e damagedError) Error() string { return e.err.Error() }
func (e damagedError) Unwrap() error { return e.err }
func (e damagedError) Damaged() bool { return true }

// exitCode finds the exit code for a command's error.
func exitCode(ctx context.Context, err error) int {
	var damaged interface{ Damaged() bool }
	var wrong interface{ Usage() bool }
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &wrong) && wrong.Usage():
		return exitUsage
	case errors.As(err, &damaged) && damaged.Damaged():
		return exitDamaged
	case ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, stage.ErrInterrupted)):
		return exitInterrupted
	default:
		return exitFailure
	}
}
