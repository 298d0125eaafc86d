package cpu

import "syscall"

// adviseHuge asks for large pages. Where the system has none to give, small ones serve.
func adviseHuge(p []byte) { _ = syscall.Madvise(p, syscall.MADV_HUGEPAGE) }
