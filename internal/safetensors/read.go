package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"

	"muonclip/internal/bf16"
)

// chunk is the number of bytes that are read and converted at a time.
const chunk = 1 << 18

// File is an open safetensors file. Its methods may be called from several goroutines.
type File struct {
	header
	name   string
	r      io.ReaderAt
	close  func() error
	byName map[string]int
}

// Open opens the file at path and checks its whole header, but reads no tensor. An error wraps
// [ErrFormat] when the file is damaged.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = invalid("it is not a regular file")
	}
	var out *File
	if err == nil {
		out, err = newFile(path, f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("safetensors: open %s: %w", path, err)
	}
	out.close = f.Close
	return out, nil
}

// New is Open for size bytes of any source. Close does nothing.
func New(r io.ReaderAt, size int64) (*File, error) {
	f, err := newFile("stream", r, size)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return f, nil
}

func newFile(name string, r io.ReaderAt, size int64) (*File, error) {
	h, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	f := &File{header: h, name: name, r: r, close: func() error { return nil }, byName: make(map[string]int, len(h.infos))}
	for i, t := range h.infos {
		f.byName[t.Name] = i
	}
	return f, nil
}

// Close closes the file.
func (f *File) Close() error { return f.close() }

// Names lists the tensors in the order of their data.
func (f *File) Names() []string {
	names := make([]string, len(f.infos))
	for i, t := range f.infos {
		names[i] = t.Name
	}
	return names
}

// Infos describes the tensors in the order of their data.
func (f *File) Infos() []Info { return slices.Clone(f.infos) }

// Info describes one tensor and reports whether the file has it.
func (f *File) Info(name string) (Info, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Info{}, false
	}
	return f.infos[i], true
}

// Metadata is the free text of the header; empty when the file has none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// ReadInto reads a tensor into dst, which must have exactly its number of elements. F64 rounds to
// the nearest float32; an integer that float32 cannot hold exactly is an error.
func (f *File) ReadInto(name string, dst []float32) error {
	return read(f, name, dst, decode32)
}

// ReadInto64 is ReadInto for float64, which holds every element exactly except integers beyond
// 2^53; those are an error.
func (f *File) ReadInto64(name string, dst []float64) error {
	return read(f, name, dst, decode64)
}

// Read returns one tensor.
func (f *File) Read(name string) (Tensor, error) {
	info, ok := f.Info(name)
	if !ok {
		return Tensor{}, fmt.Errorf("safetensors: %s has no tensor %q", f.name, name)
	}
	t := Tensor{Name: name, Shape: slices.Clone(info.Shape), Data: make([]float32, info.Len())}
	return t, f.ReadInto(name, t.Data)
}

// ReadAll returns every tensor in the order of their data.
func (f *File) ReadAll() ([]Tensor, error) {
	tensors := make([]Tensor, len(f.infos))
	for i, info := range f.infos {
		var err error
		if tensors[i], err = f.Read(info.Name); err != nil {
			return nil, err
		}
	}
	return tensors, nil
}

// ReadFile returns every tensor and the metadata of the file at path.
func ReadFile(path string) ([]Tensor, map[string]string, error) {
	f, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	tensors, err := f.ReadAll()
	return tensors, f.Metadata(), err
}

// read reads a tensor chunk by chunk.
func read[T any](f *File, name string, dst []T, decode func(DType, []T, []byte) error) error {
	info, ok := f.Info(name)
	if !ok {
		return fmt.Errorf("safetensors: %s has no tensor %q", f.name, name)
	}
	if len(dst) != info.Len() {
		return fmt.Errorf("safetensors: %s: tensor %q of shape %v has %d elements, not %d", f.name, name, info.Shape, info.Len(), len(dst))
	}
	size := info.DType.Size()
	buf := make([]byte, min(int64(chunk), info.Bytes))
	at := f.data + info.Offset
	for len(dst) > 0 {
		n := min(len(dst), len(buf)/size)
		b := buf[:n*size]
		if _, err := f.r.ReadAt(b, at); err != nil {
			return fmt.Errorf("safetensors: %s: tensor %q: %w", f.name, name, err)
		}
		if err := decode(info.DType, dst[:n], b); err != nil {
			return fmt.Errorf("safetensors: %s: tensor %q: %w", f.name, name, err)
		}
		dst, at = dst[n:], at+int64(len(b))
	}
	return nil
}

func decode32(d DType, dst []float32, b []byte) error {
	le := binary.LittleEndian
	switch d {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(le.Uint32(b[4*i:]))
		}
	case BF16:
		bf16.DecodeBytes(dst, b)
	case F16:
		bf16.DecodeHalfBytes(dst, b)
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(le.Uint64(b[8*i:])))
		}
	default:
		return decodeInts(d, dst, b)
	}
	return nil
}

func decode64(d DType, dst []float64, b []byte) error {
	switch d {
	case F64:
		for i := range dst {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
		return nil
	case F32, BF16, F16:
		narrow := make([]float32, len(dst))
		if err := decode32(d, narrow, b); err != nil {
			return err
		}
		for i, x := range narrow {
			dst[i] = float64(x)
		}
		return nil
	}
	return decodeInts(d, dst, b)
}

// decodeInts converts integers that T holds exactly.
func decodeInts[T float32 | float64](d DType, dst []T, b []byte) error {
	for i := range dst {
		var v int64
		switch d {
		case I64:
			v = int64(binary.LittleEndian.Uint64(b[8*i:]))
		case I32:
			v = int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
		case "F8_E4M3", "F8_E5M2", "F8_E8M0":
			return fmt.Errorf("dtype %s cannot be read; convert the FP8 checkpoint to BF16 first", d)
		default:
			return fmt.Errorf("dtype %s cannot be read; supported are F32, F16, BF16, F64, I64, I32", d)
		}
		dst[i] = T(v)
		// 2^63 as a float is above every int64, so it is compared as a float first.
		if T(v) == 1<<63 || int64(dst[i]) != v {
			return fmt.Errorf("element %d is the integer %d, which a %d-byte float cannot hold exactly", i, v, binary.Size(dst[i]))
		}
	}
	return nil
}
