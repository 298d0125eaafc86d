package dialogue

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// maxRecord bounds one record, so that a wrong file does not fill the memory.
const maxRecord = 256 << 20

var byteOrderMark = []byte("\uFEFF")

// open opens a file and undoes the compression that its name tells.
func open(path string) (io.Reader, func() error, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	switch name := strings.ToLower(path); {
	case strings.HasSuffix(name, ".gz"):
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("%s: not a gzip file: %w", path, err), f.Close())
		}
		return z, f.Close, nil
	case strings.HasSuffix(name, ".zst"):
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("%s: not a zstd file: %w", path, err), f.Close())
		}
		return z, func() error { z.Close(); return f.Close() }, nil
	}
	return f, f.Close, nil
}

// readJSON emits the lines of a file, or the elements of the array that it is.
func readJSON(ctx context.Context, path string, emit recordFunc) (err error) {
	r, closeFile, err := open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeFile()) }()
	err = readRecords(ctx, bufio.NewReaderSize(r, 1<<16), emit)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func readRecords(ctx context.Context, in *bufio.Reader, emit recordFunc) error {
	if mark, err := in.Peek(len(byteOrderMark)); err == nil && bytes.Equal(mark, byteOrderMark) {
		_, _ = in.Discard(len(mark)) // it was just seen
	}
	for {
		c, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if c == '\n' || !isSpace(c) {
			if err := in.UnreadByte(); err != nil {
				return err
			}
			if c == '[' {
				return readArray(ctx, in, emit)
			}
			return readLines(ctx, in, emit)
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// readLines emits the lines that are not blank.
func readLines(ctx context.Context, in *bufio.Reader, emit recordFunc) error {
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, readErr := readLine(in)
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return fmt.Errorf("line %d: %w", number, readErr)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 && !emit(number, line, checkText(line)) {
			return errStop
		}
		if readErr != nil {
			return nil
		}
	}
}

func checkText(record []byte) error {
	if !utf8.Valid(record) {
		return errors.New("not valid UTF-8")
	}
	return nil
}

// readLine reads up to and with the next newline, or to the end with io.EOF.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxRecord {
			return nil, fmt.Errorf("the line is longer than %d bytes", maxRecord)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// readArray emits the elements of a JSON array. Where its syntax is wrong, nothing after that can be read.
func readArray(ctx context.Context, in io.Reader, emit recordFunc) error {
	d := json.NewDecoder(in)
	if _, err := d.Token(); err != nil {
		return err
	}
	number := 1
	for ; d.More(); number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		var element json.RawMessage
		if err := d.Decode(&element); err != nil {
			return fmt.Errorf("element %d: %w", number, err)
		}
		if !emit(number, element, checkText(element)) {
			return errStop
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("after element %d: %w", number-1, err)
	}
	return nil
}
