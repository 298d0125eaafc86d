//go:build unix

package mcp

import (
	"os/exec"
	"syscall"
)

// ownGroup puts a child into a process group of its own, so that its children can be ended with it and a signal from
// the keyboard reaches us alone.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminateGroup(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

func killGroup(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
