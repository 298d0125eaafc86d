package corpus

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

const (
	// maxText bounds the size of one text, so that a wrong path does not fill the memory.
	maxText = 2 << 30
	// maxInvalid is the fraction of bytes that may be outside valid UTF-8 before a file counts as
	// binary. Text in an old 8-bit encoding stays below it in most languages.
	maxInvalid = 0.1
	// minChunk is the smallest ChunkBytes.
	minChunk = 16
)

var byteOrderMark = []byte("\uFEFF")

// openFile opens a file and undoes the compression that its name tells.
func openFile(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	switch name := strings.ToLower(path); {
	case strings.HasSuffix(name, ".gz"):
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: not a gzip file: %w", path, err), f.Close())
		}
		return &unpacker{z, f}, nil
	case strings.HasSuffix(name, ".zst"):
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: not a zstd file: %w", path, err), f.Close())
		}
		return &unpacker{z.IOReadCloser(), f}, nil
	}
	return f, nil
}

// unpacker closes the file under a decompressor as well.
type unpacker struct {
	io.ReadCloser
	file *os.File
}

func (u *unpacker) Close() error { return errors.Join(u.ReadCloser.Close(), u.file.Close()) }

// readText emits a file as one document. A binary file is an error, but in a folder it is skipped and counted.
func (r *sourceReader) readText(path, name string, inFolder bool, emit emitFunc) error {
	f, err := openFile(path)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if len(text) > maxText {
		return fmt.Errorf("%s is larger than %d bytes; cut it into several files or lines of JSONL", path, maxText)
	}
	if why := notText(text); why != "" {
		if !inFolder {
			return fmt.Errorf("%s: %w: it has %s; name a text file, or a format if it has one", path, ErrBinary, why)
		}
		r.counts.Read.add(text)
		r.stats.Read.add(text)
		r.stats.drop(reasonBinary, int64(len(text)))
		if len(r.stats.BinaryFiles) < keptNames {
			r.stats.BinaryFiles = append(r.stats.BinaryFiles, r.Name+"/"+name)
		}
		return nil
	}
	return emit(name, bytes.TrimPrefix(text, byteOrderMark))
}

// notText says why bytes are not text, "" if they are.
func notText(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return fmt.Sprintf("a zero byte at %d", i)
	}
	if utf8.Valid(b) {
		return ""
	}
	invalid := 0
	for rest := b; len(rest) > 0; {
		c, n := utf8.DecodeRune(rest)
		if c == utf8.RuneError && n == 1 {
			invalid++
		}
		rest = rest[n:]
	}
	if share := float64(invalid) / float64(len(b)); share > maxInvalid {
		return fmt.Sprintf("%.0f%% bytes that are not UTF-8", 100*share)
	}
	return ""
}

// chunked emits pieces of at most size bytes, numbered from 1. Together they are the text.
func chunked(emit emitFunc, size int) emitFunc {
	return func(name string, text []byte) error {
		if len(text) <= size {
			return emit(name, text)
		}
		for i := 1; len(text) > 0; i++ {
			n := cut(text, size)
			if err := emit(name+"#"+strconv.Itoa(i), text[:n:n]); err != nil {
				return err
			}
			text = text[n:]
		}
		return nil
	}
}

// cut is the length of the first piece: it ends after the last blank line, line or space of the
// second half of size bytes, or between characters.
func cut(text []byte, size int) int {
	if len(text) <= size {
		return len(text)
	}
	for _, sep := range []string{"\n\n", "\n", " "} {
		if i := bytes.LastIndex(text[size/2:size], []byte(sep)); i >= 0 {
			return size/2 + i + len(sep)
		}
	}
	for n := size; n > size-utf8.UTFMax; n-- {
		if utf8.RuneStart(text[n]) {
			return n
		}
	}
	return size
}
