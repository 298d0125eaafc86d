package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"muonclip/internal/atomicfile"
	"muonclip/internal/bf16"
)

// Write writes tensors in the given order with one dtype: F64, F32, F16 or BF16 (rounded to
// nearest even). The bytes depend on nothing but the arguments. The header has the spelling of
// Python's json.dumps and is padded by spaces to a multiple of 8 bytes, so that the data is
// aligned; metadata comes first, its keys sorted, and is left out when empty.
func Write(w io.Writer, tensors []Tensor, dtype DType, metadata map[string]string) error {
	return WriteMixed(w, tensors, func(Tensor) DType { return dtype }, metadata)
}

// WriteMixed is Write with a dtype for each tensor.
func WriteMixed(w io.Writer, tensors []Tensor, dtype func(Tensor) DType, metadata map[string]string) error {
	infos := make([]Info, len(tensors))
	for i, t := range tensors {
		if err := checkShape(t.Name, t.Shape, len(t.Data)); err != nil {
			return fmt.Errorf("safetensors: write: %w", err)
		}
		infos[i] = Info{Name: t.Name, Shape: t.Shape, DType: dtype(t)}
	}
	return write(w, infos, metadata, func(i int) []float32 { return tensors[i].Data }, encode32)
}

// Write64 writes float64 tensors as F64.
func Write64(w io.Writer, tensors []Tensor64, metadata map[string]string) error {
	infos := make([]Info, len(tensors))
	for i, t := range tensors {
		if err := checkShape(t.Name, t.Shape, len(t.Data)); err != nil {
			return fmt.Errorf("safetensors: write: %w", err)
		}
		infos[i] = Info{Name: t.Name, Shape: t.Shape, DType: F64}
	}
	return write(w, infos, metadata, func(i int) []float64 { return tensors[i].Data }, encode64)
}

// WriteFile is Write to the file at path, which appears whole or not at all.
func WriteFile(path string, tensors []Tensor, dtype DType, metadata map[string]string) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		return Write(w, tensors, dtype, metadata)
	})
}

// write places the tensors one after another and streams them out.
func write[T any](w io.Writer, infos []Info, metadata map[string]string, data func(int) []T, encode func(DType, []byte, []T)) error {
	seen := make(map[string]bool, len(infos))
	at := int64(0)
	for i := range infos {
		t := &infos[i]
		switch {
		case t.Name == "__metadata__":
			return fmt.Errorf("safetensors: write: no tensor can be called %s", t.Name)
		case seen[t.Name]:
			return fmt.Errorf("safetensors: write: two tensors are called %q", t.Name)
		case !slices.Contains([]DType{F64, F32, F16, BF16}, t.DType):
			return fmt.Errorf("safetensors: write: tensor %q: dtype %q cannot be written; use F64, F32, F16 or BF16", t.Name, t.DType)
		}
		seen[t.Name] = true
		t.Offset, t.Bytes = at, int64(len(data(i)))*int64(t.DType.Size())
		at += t.Bytes
	}
	h := headerText(infos, metadata)
	if len(h) > maxHeader {
		return fmt.Errorf("safetensors: write: %d tensors need a header of %d bytes, the limit is %d: split them over several files", len(infos), len(h), maxHeader)
	}
	h = append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...)
	if _, err := w.Write(h); err != nil {
		return fmt.Errorf("safetensors: write header: %w", err)
	}
	buf := make([]byte, chunk)
	for i, t := range infos {
		size := t.DType.Size()
		for rest := data(i); len(rest) > 0; {
			n := min(len(rest), chunk/size)
			b := buf[:n*size]
			encode(t.DType, b, rest[:n])
			if _, err := w.Write(b); err != nil {
				return fmt.Errorf("safetensors: write tensor %q: %w", t.Name, err)
			}
			rest = rest[n:]
		}
	}
	return nil
}

func encode32(d DType, b []byte, src []float32) {
	switch d {
	case F32:
		for i, x := range src {
			binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
		}
	case F64:
		for i, x := range src {
			binary.LittleEndian.PutUint64(b[8*i:], math.Float64bits(float64(x)))
		}
	case BF16:
		bf16.EncodeBytes(b, src)
	case F16:
		bf16.EncodeHalfBytes(b, src)
	}
}

func encode64(_ DType, b []byte, src []float64) {
	for i, x := range src {
		binary.LittleEndian.PutUint64(b[8*i:], math.Float64bits(x))
	}
}

// headerText is the padded JSON header.
func headerText(infos []Info, metadata map[string]string) []byte {
	b := []byte{'{'}
	if len(metadata) > 0 {
		b = append(quote(b, "__metadata__"), ": {"...)
		for i, k := range slices.Sorted(maps.Keys(metadata)) {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(quote(b, k), ": "...)
			b = quote(b, metadata[k])
		}
		b = append(b, '}')
	}
	for i, t := range infos {
		if i > 0 || len(metadata) > 0 {
			b = append(b, ", "...)
		}
		b = quote(b, t.Name)
		dims := make([]string, len(t.Shape))
		for i, d := range t.Shape {
			dims[i] = strconv.Itoa(d)
		}
		b = fmt.Appendf(b, `: {"dtype": "%s", "shape": [%s], "data_offsets": [%d, %d]}`, t.DType, strings.Join(dims, ", "), t.Offset, t.Offset+t.Bytes)
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	return b
}

// quote appends s as a JSON string of ASCII characters, with the escapes that json.dumps uses.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\b':
			b = append(b, `\b`...)
		case r == '\f':
			b = append(b, `\f`...)
		case r >= ' ' && r <= '~':
			b = append(b, byte(r))
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, hi, lo)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return append(b, '"')
}
