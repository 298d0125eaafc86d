package tensorboard

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
)

// A TFRecord frame is
//
//	uint64 length of the data, little endian
//	uint32 masked CRC-32C of those 8 bytes
//	data
//	uint32 masked CRC-32C of the data
const (
	frameHeader = 12
	frameFooter = 4
	maxRecord   = 64 << 20 // no event of ours comes near; a larger length is damage
)

// ErrTruncated says that a file ends within a frame, as after a kill. The events before it are good.
var ErrTruncated = errors.New("file ends within a record")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is TensorFlow's CRC: rotated and offset, so that a CRC of data that holds CRCs stays meaningful.
func maskedCRC(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// beginFrame leaves room for the header; the data follows, then endFrame.
func beginFrame(dst []byte) []byte { return append(dst, make([]byte, frameHeader)...) }

// endFrame completes the only frame in buf.
func endFrame(buf []byte) []byte {
	data := buf[frameHeader:]
	binary.LittleEndian.PutUint64(buf, uint64(len(data)))
	binary.LittleEndian.PutUint32(buf[8:], maskedCRC(buf[:8]))
	return binary.LittleEndian.AppendUint32(buf, maskedCRC(data))
}

// Read decodes an event file strictly: both checksums of every frame, the protocol buffers, and the file version
// in the first event are checked. The first error ends the sequence; a file cut off within a frame gives
// ErrTruncated behind its good events. Values other than scalars are passed over.
func Read(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		br := bufio.NewReader(r)
		var offset int64
		var buf []byte
		for {
			at := offset
			fail := func(err error) { yield(Event{}, fmt.Errorf("tensorboard: record at byte %d: %w", at, err)) }
			data, err := readFrame(br, &buf)
			if errors.Is(err, io.EOF) {
				if at == 0 {
					fail(ErrTruncated) // not even the file version
				}
				return
			}
			if err != nil {
				fail(err)
				return
			}
			offset += int64(frameHeader + len(data) + frameFooter)
			e, err := parseEvent(data)
			if err == nil && (e.FileVersion == FileVersion) != (at == 0) {
				err = fmt.Errorf("file version is %q; it must be %q in the first event and only there", e.FileVersion, FileVersion)
			}
			if err != nil {
				fail(err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// readFrame gives the data of the next frame, valid until the next call, and io.EOF at a clean end.
func readFrame(r io.Reader, buf *[]byte) ([]byte, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, truncated(err)
	}
	length := binary.LittleEndian.Uint64(header[:])
	if got, want := maskedCRC(header[:8]), binary.LittleEndian.Uint32(header[8:]); got != want {
		return nil, fmt.Errorf("checksum of the length is %08x, want %08x", got, want)
	}
	if length > maxRecord {
		return nil, fmt.Errorf("length %d is above %d", length, maxRecord)
	}
	n := int(length) + frameFooter
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	b := (*buf)[:n]
	if _, err := io.ReadFull(r, b); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, truncated(err)
	}
	data := b[:length]
	if got, want := maskedCRC(data), binary.LittleEndian.Uint32(b[length:]); got != want {
		return nil, fmt.Errorf("checksum of the data is %08x, want %08x", got, want)
	}
	return data, nil
}

func truncated(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrTruncated
	}
	return err
}
