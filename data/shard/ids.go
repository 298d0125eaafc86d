package shard

import (
	"encoding/binary"
	"fmt"
	"io"
	"unsafe"
)

// littleEndian says whether this machine's integers have the byte order of the files.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// readIDs fills dst with the uint32 values at pos of src.
func readIDs(dst []int32, src io.ReaderAt, pos int64) error {
	if len(dst) == 0 {
		return nil
	}
	// Reading straight into dst saves a buffer and a pass; a []int32 has stricter alignment than a []byte.
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 4*len(dst))
	if n, err := src.ReadAt(raw, pos); n < len(raw) {
		return fmt.Errorf("read %d of %d bytes: %w", n, len(raw), err)
	}
	if !littleEndian {
		for i := range dst {
			dst[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	}
	return nil
}

// name reads the name of a document of the shard.
func (x *shardIndex) name(src io.ReaderAt, doc int64) (string, error) {
	rec := x.recordOfDoc(doc)
	var ends [2]int32
	if err := readIDs(ends[:], src, rec.names.Offsets.Pos+4*(doc-rec.firstDoc)); err != nil {
		return "", fmt.Errorf("shard: name of document %d: %w", doc, err)
	}
	if ends[0] < 0 || ends[1] < ends[0] || int64(ends[1]) > rec.names.Values.Len {
		return "", fmt.Errorf("shard: name of document %d: %w: it changed after it was verified", doc, ErrDamaged)
	}
	letters := make([]byte, ends[1]-ends[0])
	if n, err := src.ReadAt(letters, rec.names.Values.Pos+int64(ends[0])); n < len(letters) {
		return "", fmt.Errorf("shard: name of document %d: %w", doc, err)
	}
	return string(letters), nil
}
