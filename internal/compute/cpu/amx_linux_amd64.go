//go:build !noasm

package cpu

import (
	"sync"
	"syscall"
)

// amxGranted asks Linux, once, to let this process use the tiles of AMX. The answer holds for all threads,
// those to come included. Kernels before 5.16 and filters of system calls refuse.
var amxGranted = sync.OnceValue(func() bool {
	const (
		requestPermission = 0x1023 // ARCH_REQ_XCOMP_PERM
		tileData          = 18     // XFEATURE_XTILEDATA
	)
	_, _, err := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return err == 0
})
