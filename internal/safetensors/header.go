package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"
)

// maxHeader is the longest header that is read, the limit of the reference implementation. It
// has room for some 700,000 tensors.
const maxHeader = 100_000_000

// ErrFormat is wrapped by every error about a file that is no valid safetensors file: truncated,
// damaged, or of another format.
var ErrFormat = errors.New("not a valid safetensors file")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// header is the checked content of a file's header.
type header struct {
	infos    []Info // in the order of their data
	metadata map[string]string
	data     int64 // where the data section starts
}

// readHeader reads and checks the header of a file of the given size. The tensors must fill the
// data section exactly: no gap, no overlap, nothing after the last one.
func readHeader(r io.ReaderAt, size int64) (header, error) {
	var prefix [8]byte
	if size < 8 {
		return header{}, invalid("it has %d bytes, too few for a header length", size)
	}
	if _, err := r.ReadAt(prefix[:], 0); err != nil {
		return header{}, err
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeader {
		return header{}, invalid("header of %d bytes is above the limit of %d", n, maxHeader)
	}
	if int64(n) > size-8 {
		return header{}, invalid("header of %d bytes does not fit into a file of %d bytes: truncated", n, size)
	}
	text := make([]byte, n)
	if _, err := r.ReadAt(text, 8); err != nil && !(errors.Is(err, io.EOF) && n == 0) {
		return header{}, err
	}
	h, err := parseHeader(text)
	if err != nil {
		return header{}, err
	}
	h.data = 8 + int64(n)
	return h, checkLayout(h.infos, size-h.data)
}

// checkLayout sorts infos by place and verifies that they fill the data section.
func checkLayout(infos []Info, data int64) error {
	slices.SortStableFunc(infos, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Bytes, b.Bytes))
	})
	end := int64(0)
	for i, t := range infos {
		switch {
		case t.Offset < end:
			return invalid("tensors %q and %q overlap", infos[i-1].Name, t.Name)
		case t.Offset > end:
			return invalid("a gap of %d bytes lies before tensor %q", t.Offset-end, t.Name)
		case t.Bytes > data-t.Offset:
			return invalid("tensor %q ends at byte %d of the data, but the data has %d bytes: truncated", t.Name, t.Offset+t.Bytes, data)
		}
		end = t.Offset + t.Bytes
	}
	if end != data {
		return invalid("%d bytes follow the last tensor", data-end)
	}
	return nil
}

// parseHeader parses the JSON of a header. encoding/json would let a repeated name replace the
// first one, so the outer objects are walked by token.
func parseHeader(text []byte) (header, error) {
	if !utf8.Valid(text) {
		return header{}, invalid("the header is no UTF-8 text")
	}
	if len(text) == 0 || text[0] != '{' {
		return header{}, invalid("the header does not start with {")
	}
	h := header{metadata: map[string]string{}}
	seen := map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(text))
	err := object(dec, func(key string) error {
		if seen[key] {
			return invalid("tensor %q appears twice", key)
		}
		seen[key] = true
		if key == "__metadata__" {
			var m map[string]string
			if err := dec.Decode(&m); err != nil {
				return invalid("__metadata__: %v", err)
			}
			if m != nil {
				h.metadata = m
			}
			return nil
		}
		info, err := parseInfo(dec, key)
		h.infos = append(h.infos, info)
		return err
	})
	if err != nil {
		return header{}, err
	}
	if rest := bytes.TrimLeft(text[dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return header{}, invalid("the header goes on after its JSON object")
	}
	return h, nil
}

// parseInfo parses the entry of one tensor.
func parseInfo(dec *json.Decoder, name string) (Info, error) {
	info := Info{Name: name}
	var shape, offsets []uint64
	seen := map[string]bool{}
	err := object(dec, func(key string) error {
		if seen[key] {
			return invalid("tensor %q has two fields %q", name, key)
		}
		seen[key] = true
		var target any
		switch key {
		case "dtype":
			target = &info.DType
		case "shape":
			target = &shape
		case "data_offsets":
			target = &offsets
		default:
			target = new(json.RawMessage)
		}
		if err := dec.Decode(target); err != nil {
			return invalid("tensor %q, field %s: %v", name, key, err)
		}
		return nil
	})
	if err != nil {
		return info, err
	}
	if info.DType.Size() == 0 {
		return info, invalid("tensor %q has the unknown dtype %q", name, info.DType)
	}
	if shape == nil || len(offsets) != 2 {
		return info, invalid("tensor %q lacks a shape or a pair of data_offsets", name)
	}
	info.Shape = make([]int, len(shape))
	for i, d := range shape {
		if d > math.MaxInt {
			return info, invalid("tensor %q has the impossible shape %v", name, shape)
		}
		info.Shape[i] = int(d)
	}
	n, ok := Elements(info.Shape)
	if !ok || n > math.MaxInt/info.DType.Size() {
		return info, invalid("tensor %q has the impossible shape %v", name, shape)
	}
	if offsets[0] > offsets[1] || offsets[1] > math.MaxInt64 {
		return info, invalid("tensor %q has the impossible data_offsets %v", name, offsets)
	}
	info.Offset, info.Bytes = int64(offsets[0]), int64(offsets[1]-offsets[0])
	if want := int64(n * info.DType.Size()); info.Bytes != want {
		return info, invalid("tensor %q of dtype %s and shape %v takes %d bytes, but its data_offsets span %d", name, info.DType, shape, want, info.Bytes)
	}
	return info, nil
}

// object walks a JSON object and calls field for each key; field must consume the value.
func object(dec *json.Decoder, field func(key string) error) error {
	token, err := dec.Token()
	if err != nil {
		return invalid("header: %v", err)
	}
	if token != json.Delim('{') {
		return invalid("header: found %v where an object belongs", token)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return invalid("header: %v", err)
		}
		name, ok := key.(string)
		if !ok {
			return invalid("header: found %v where a name belongs", key)
		}
		if err := field(name); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return invalid("header: %v", err)
	}
	return nil
}
