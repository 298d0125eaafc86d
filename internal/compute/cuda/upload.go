package cuda

import (
	"runtime"
	"unsafe"
)

// Upload copies src to dst when all that was asked for before is done. The host may change src at once.
func (b *Backend) Upload(dst, src []float32) {
	b.upload(address(b, dst[:len(src)]), unsafe.Pointer(unsafe.SliceData(src)), int64(len(src))*4)
	runtime.KeepAlive(src)
}

// UploadInts is Upload of integers.
func (b *Backend) UploadInts(dst, src []int32) {
	b.upload(address(b, dst[:len(src)]), unsafe.Pointer(unsafe.SliceData(src)), int64(len(src))*4)
	runtime.KeepAlive(src)
}

func (b *Backend) upload(dst uintptr, src unsafe.Pointer, bytes int64) {
	b.check()
	b.idle("an upload")
	b.wrote(span{dst, bytes})
	from := unsafe.Slice((*byte)(src), bytes)
	for len(from) > 0 {
		if b.staging.used == b.staging.bytes {
			b.Sync()
		}
		at, n := b.staging.put(from)
		b.must("upload", b.drv.copy(dst, at, n))
		dst, from = dst+uintptr(n), from[n:]
	}
	b.block("upload")
}

// staging is pinned memory that uploads go through. It is used again from its beginning when the device has caught up.
type staging struct {
	span
	used int64
}

const stagingBytes = 8 << 20

func (s *staging) open(d driver) error {
	at, err := d.pin(stagingBytes)
	if err != nil {
		return err
	}
	s.span = span{at, stagingBytes}
	return nil
}

// put copies as much of data as there is room for, and says where to and how much.
func (s *staging) put(data []byte) (at uintptr, n int64) {
	at = s.at + uintptr(s.used)
	n = min(int64(len(data)), s.bytes-s.used)
	copy(unsafe.Slice((*byte)(pointer(at)), n), data)
	s.used = min(s.bytes, (s.used+n+63)/64*64)
	return at, n
}

func (s *staging) close(d driver) error {
	if s.bytes == 0 {
		return nil
	}
	defer func() { *s = staging{} }()
	return d.unpin(s.at)
}
