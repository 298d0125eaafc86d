package chat

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"
)

// ReadJSONL reads dialogues in OpenAI's shape, one JSON object a line. Empty lines are skipped. A bad line gives an
// error with its number, counted from 1, and reading goes on with the next; an error of the reader ends it.
func ReadJSONL(r io.Reader) iter.Seq2[Dialogue, error] {
	return readLines(r, func(line []byte) (d Dialogue, err error) { return d, d.UnmarshalJSON(line) })
}

// ReadShareGPT reads dialogues in ShareGPT's shape, one JSON object a line, as ReadJSONL does.
func ReadShareGPT(r io.Reader) iter.Seq2[Dialogue, error] { return readLines(r, FromShareGPT) }

func readLines(r io.Reader, parse func([]byte) (Dialogue, error)) iter.Seq2[Dialogue, error] {
	return func(yield func(Dialogue, error) bool) {
		buffered := bufio.NewReaderSize(r, 1<<16)
		for n := 1; ; n++ {
			line, err := buffered.ReadBytes('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				yield(Dialogue{}, fmt.Errorf("line %d: %w", n, err))
				return
			}
			if line = bytes.TrimSpace(line); len(line) > 0 {
				d, parseErr := parseLine(line, parse)
				if parseErr != nil {
					parseErr = fmt.Errorf("line %d: %w", n, parseErr)
				}
				if !yield(d, parseErr) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

func parseLine(line []byte, parse func([]byte) (Dialogue, error)) (Dialogue, error) {
	if !utf8.Valid(line) {
		return Dialogue{}, errors.New("not valid UTF-8")
	}
	d, err := parse(line)
	if err != nil {
		return Dialogue{}, err
	}
	return d, nil
}

// WriteJSONL writes dialogues in the shape that ReadJSONL reads.
func WriteJSONL(w io.Writer, dialogues iter.Seq[Dialogue]) error {
	var buf []byte
	n := 0
	for d := range dialogues {
		n++
		buf = append(d.AppendJSON(buf[:0]), '\n')
		if _, err := w.Write(buf); err != nil {
			return fmt.Errorf("chat: write line %d: %w", n, err)
		}
	}
	return nil
}
