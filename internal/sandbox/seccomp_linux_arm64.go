package sandbox

import "golang.org/x/sys/unix"

// architecture is what the filter must know of the processor.
var architecture = struct {
	audit   uint32   // its number in seccomp_data, 0 where there is no filter
	foreign uint32   // system calls from this number on belong to another ABI, 0 where there is none
	refused []uint32 // calls that only it has
}{
	audit:   unix.AUDIT_ARCH_AARCH64,
	refused: []uint32{unix.SYS_LOOKUP_DCOOKIE},
}
