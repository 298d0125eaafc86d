package metrics

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"muonclip/internal/atomicfile"
)

// prepare makes the file at path end with a whole line and hold no line of a step after `step` (except lasting
// events), and gives the largest step left. A file that is already so is not touched; another is replaced by a
// rewritten one through a rename, so that a crash leaves either the old file or the new one.
func prepare(path string, step int64, events bool) (last int64, err error) {
	src, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("metrics: %w", err)
	}
	defer src.Close()
	last, changed, err := filter(path, src, io.Discard, step, events)
	if err != nil || !changed {
		return last, err
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return 0, fmt.Errorf("metrics: %w", err)
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		_, _, err := filter(path, src, w, step, events)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("metrics: cut %s back to step %d: %w; the file is unchanged", path, step, err)
	}
	return last, nil
}

// filter copies the lines that stay and reports whether the copy differs from the source.
func filter(name string, src io.Reader, dst io.Writer, step int64, events bool) (last int64, changed bool, err error) {
	sc := newLines(src)
	out := bufio.NewWriterSize(dst, 1<<16)
	for {
		line, whole, err := sc.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, false, fmt.Errorf("metrics: read %s:%d: %w", name, sc.n, err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			changed = true
			continue
		}
		head, err := lineHead(line, events)
		switch {
		case err != nil && !whole: // torn by a kill
			changed = true
			continue
		case err != nil:
			return 0, false, fmt.Errorf("metrics: %s:%d: %w; the line is damaged, remove or mend it before the run goes on", name, sc.n, err)
		case *head.Step > step && !(events && head.event().Lasting()):
			changed = true
			continue
		}
		last = max(last, *head.Step)
		changed = changed || !whole // a whole object that only lacks its line end is kept
		out.Write(line)             // errors stick to the writer and come out of Flush
		out.WriteByte('\n')
	}
	return last, changed, out.Flush()
}

// head is what decides whether a line stays.
type head struct {
	Step   *int64 `json:"step"`
	Kind   string `json:"kind"`
	Action string `json:"action"`
}

func (h head) event() *Event { return &Event{Kind: h.Kind, Action: h.Action} }

// lineHead parses the deciding fields. Rows, which are long and many, begin with their step, so that the rest
// need only be valid JSON and is not decoded.
func lineHead(line []byte, events bool) (h head, err error) {
	const prefix = `{"step":`
	if !events && bytes.HasPrefix(line, []byte(prefix)) && bytes.HasSuffix(line, []byte("}")) {
		rest := line[len(prefix):]
		if i := bytes.IndexByte(rest, ','); i > 0 {
			if n, err := strconv.ParseInt(string(rest[:i]), 10, 64); err == nil && json.Valid(line) {
				return head{Step: &n}, nil
			}
		}
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, err
	}
	if h.Step == nil {
		return h, errNoStep
	}
	return h, nil
}
