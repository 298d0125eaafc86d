//go:build linux || darwin

package cuda

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reserve takes addresses of the host that nothing else will use and that cannot be read or written.
func reserve(bytes int64) ([]byte, error) {
	return unix.Mmap(-1, 0, int(bytes), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
}

func unreserve(window []byte) error { return unix.Munmap(window) }

// open lets the host read and write reserved addresses, with the rest of the pages that they lie on.
func open(r span) error { return unix.Mprotect(pages(r), unix.PROT_READ|unix.PROT_WRITE) }

// shut takes that back.
func shut(r span) error { return unix.Mprotect(pages(r), unix.PROT_NONE) }

func pages(r span) []byte {
	size := uintptr(os.Getpagesize())
	first := r.at / size * size
	end := (r.at + uintptr(r.bytes) + size - 1) / size * size
	return unsafe.Slice((*byte)(pointer(first)), end-first)
}
