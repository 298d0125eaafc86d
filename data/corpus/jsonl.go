package corpus

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// readJSONL emits the text field of each line. Blank lines are passed over.
func (r *sourceReader) readJSONL(ctx context.Context, path, name string, emit emitFunc) (err error) {
	f, err := openFile(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	in := bufio.NewReaderSize(f, 1<<20)
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, readErr := readLine(in)
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return fmt.Errorf("%s:%d: %w", path, number, readErr)
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			where := path + ":" + strconv.Itoa(number)
			text, ok, err := r.jsonText(line, where)
			if err != nil {
				return err
			}
			if !ok {
				r.null()
			} else if err := emit(name+":"+strconv.Itoa(number), text); err != nil {
				return err
			}
		}
		if readErr != nil {
			return nil
		}
	}
}

// readLine reads up to and with the next newline, or to the end with io.EOF.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxText {
			return nil, fmt.Errorf("the line is longer than %d bytes", maxText)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// jsonText takes the text field out of one object; ok is false where it is null.
func (r *sourceReader) jsonText(line []byte, where string) (text []byte, ok bool, err error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(line, &object); err != nil {
		return nil, false, fmt.Errorf("%s: not a JSON object: %w", where, err)
	}
	raw, found := jsonField(object, r.TextField)
	if !found {
		return nil, false, r.noField(where, slices.Sorted(maps.Keys(object)))
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, false, fmt.Errorf("%s: field %q is not a string but %s; set text_field to one that is, the fields are: %s",
			where, r.TextField, jsonKind(raw), strings.Join(slices.Sorted(maps.Keys(object)), ", "))
	}
	if s == nil {
		return nil, false, nil
	}
	return []byte(*s), true, nil
}

// jsonField finds a key, or a path of keys joined by dots.
func jsonField(object map[string]json.RawMessage, name string) (json.RawMessage, bool) {
	if raw, ok := object[name]; ok {
		return raw, true
	}
	head, rest, ok := strings.Cut(name, ".")
	if !ok {
		return nil, false
	}
	var inner map[string]json.RawMessage
	if raw, ok := object[head]; !ok || json.Unmarshal(raw, &inner) != nil {
		return nil, false
	}
	return jsonField(inner, rest)
}

func jsonKind(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "a boolean"
	default:
		return "a number"
	}
}
