package cuda

import (
	"slices"
	"unsafe"
)

// Host waits and brings x to where its name lies, for the host to read.
func (b *Backend) Host(x []float32) []float32 {
	b.fetch(named(x))
	return x
}

// HostInts is Host of integers.
func (b *Backend) HostInts(x []int32) []int32 {
	b.fetch(named(x))
	return x
}

// Lend is Host, and what the host makes of x goes back before an operation is given a part of it.
func (b *Backend) Lend(x []float32) []float32 {
	b.fetch(named(x))
	if len(x) > 0 && !b.dry && !slices.Contains(b.lent, named(x)) {
		b.lent = append(b.lent, named(x))
	}
	return x
}

// fetch copies named memory from the device to its name.
func (b *Backend) fetch(r span) {
	b.check()
	if r.bytes == 0 || b.dry {
		return
	}
	lent := slices.DeleteFunc(slices.Clone(b.lent), func(l span) bool { return !l.meets(r) })
	b.takeBack(r)
	at := b.place(r.at, r.bytes)
	b.widen(span{at, r.bytes})
	b.must("make room on the host", open(r))
	if b.strict {
		b.shown = append(b.shown, r)
	}
	b.download(pointer(r.at), at, r.bytes)
	b.lent = append(b.lent, lent...) // the host may go on writing to what it has
}

// takeBack copies what was lent of named memory to the device.
func (b *Backend) takeBack(r span) {
	for i := 0; i < len(b.lent); i++ {
		l := b.lent[i]
		if !l.meets(r) {
			continue
		}
		b.lent = append(b.lent[:i], b.lent[i+1:]...)
		i--
		b.upload(b.place(l.at, l.bytes), pointer(l.at), l.bytes)
	}
}

// takeAllBack is takeBack of all that was lent.
func (b *Backend) takeAllBack() {
	for len(b.lent) > 0 {
		b.takeBack(b.lent[0])
	}
}

// hide ends the host's access to all that was shown and is not lent.
func (b *Backend) hide() {
	for _, r := range b.shown {
		b.must("hide memory of the host", shut(r))
	}
	b.shown = b.shown[:0]
	for _, r := range b.lent {
		b.must("lend memory to the host", open(r))
		b.shown = append(b.shown, r)
	}
}

// download waits and copies device memory to the host.
func (b *Backend) download(dst unsafe.Pointer, src uintptr, bytes int64) {
	b.Sync()
	to := unsafe.Slice((*byte)(dst), bytes)
	for len(to) > 0 {
		n := min(int64(len(to)), b.staging.bytes)
		b.must("download", b.drv.copy(b.staging.at, src, n))
		b.must("download", b.drv.sync())
		copy(to, unsafe.Slice((*byte)(pointer(b.staging.at)), n))
		src, to = src+uintptr(n), to[n:]
	}
}
