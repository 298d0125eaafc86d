//go:build unix

package mcp

import (
	"os/exec"
	"syscall"
)

// ownGroup puts a child into a process group of its own, so that its children can be ended with it and a signal from
// the keyboard reaches us alone.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// terminateGroup asks a group to end. An error means that none of it is left.
func terminateGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

// killGroup ends a group at once. An error means that none of it is left.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
