package mcp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxGarbage is how many lines that are not JSON-RPC a server may print. Some print a greeting.
const maxGarbage = 1000

// wire is the connection to a child process: JSON-RPC messages, one a line. It implements sdk.Transport and
// sdk.Connection.
type wire struct {
	p       *process
	limits  Limits
	reader  *bufio.Reader
	write   sync.Mutex
	queue   []jsonrpc.Message // of a batch, read by Read alone
	noise   int               // bytes since the last answer
	captors captors

	mu      sync.Mutex
	err     error  // the first failure
	garbage int    // lines that were no message
	first   string // the first of them
}

func newWire(p *process, l Limits) *wire {
	return &wire{p: p, limits: l, reader: bufio.NewReaderSize(p.stdout, 64<<10)}
}

// Connect implements sdk.Transport.
func (w *wire) Connect(context.Context) (sdk.Connection, error) { return w, nil }

// SessionID implements sdk.Connection.
func (w *wire) SessionID() string { return "" }

// Close implements sdk.Connection. It does not wait for the process, which the session ends.
func (w *wire) Close() error {
	w.p.stdin.Close()
	_ = w.p.stdout.SetReadDeadline(time.Unix(1, 0)) // refused only where it is closed, when nobody waits for it
	return nil
}

// fail remembers why nothing more can be read or written.
func (w *wire) fail(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	return err
}

// failure is the first failure, nil while all is well.
func (w *wire) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// babble tells of lines that were no message, "" when there were none.
func (w *wire) babble() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.garbage == 0 {
		return ""
	}
	return fmt.Sprintf("%d lines on standard output are not JSON-RPC, the first is %.120q", w.garbage, w.first)
}

// Read implements sdk.Connection: it gives the next message and captures results that somebody waits for.
func (w *wire) Read(context.Context) (jsonrpc.Message, error) {
	for len(w.queue) == 0 {
		line, err := w.line()
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) {
			return nil, io.EOF // we ended it, or the process did
		}
		if err != nil {
			return nil, w.fail(err)
		}
		messages := decode(line)
		if messages == nil {
			w.mu.Lock()
			if w.garbage++; w.garbage == 1 {
				w.first = string(line[:min(len(line), 400)])
			}
			over := w.garbage > maxGarbage
			w.mu.Unlock()
			if over {
				return nil, w.fail(fmt.Errorf("%w: more than %d lines, the first is %.120q", ErrGarbage, maxGarbage, w.first))
			}
		}
		w.queue = messages
	}
	m := w.queue[0]
	w.queue = w.queue[1:]
	if r, ok := m.(*jsonrpc.Response); ok {
		w.noise = 0
		w.captors.answer(r)
	}
	return m, nil
}

// decode reads a line with a message or a batch of them; nil when it is none.
func decode(line []byte) []jsonrpc.Message {
	if len(line) == 0 || line[0] != '{' && line[0] != '[' {
		return nil
	}
	raws := [][]byte{line}
	if line[0] == '[' {
		var ok bool
		if raws, ok = elements(line); !ok {
			return nil
		}
	}
	var out []jsonrpc.Message
	for _, raw := range raws {
		m, err := jsonrpc.DecodeMessage(raw)
		if err != nil {
			return nil
		}
		out = append(out, m)
	}
	return out
}

// line reads the next line that is not empty, without the white space around it.
func (w *wire) line() ([]byte, error) {
	for {
		var line []byte
		for {
			part, err := w.reader.ReadSlice('\n')
			line = append(line, part...)
			if len(line) > w.limits.Message {
				return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, w.limits.Message)
			}
			// The answer itself is in the count, so there must be room for it.
			if w.noise += len(part); w.noise > w.limits.Noise+w.limits.Message {
				return nil, fmt.Errorf("%w: %d bytes without an answer", ErrFlood, w.noise)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, bufio.ErrBufferFull) {
				if errors.Is(err, io.EOF) {
					err = fmt.Errorf("%w: it closed its standard output", ErrGone)
				}
				return nil, err
			}
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}

// Write implements sdk.Connection.
func (w *wire) Write(ctx context.Context, m jsonrpc.Message) error {
	data, err := jsonrpc.EncodeMessage(m)
	if err != nil {
		return fmt.Errorf("mcp: a message cannot be written: %w", err)
	}
	if r, ok := m.(*jsonrpc.Request); ok && r.IsCall() {
		if c, ok := ctx.Value(captureKey{}).(*capture); ok {
			w.captors.wait(r.ID, c)
		}
	}
	w.write.Lock()
	defer w.write.Unlock()
	// A server that does not read its input must not hold the writer. Deadlines are refused only where the input is closed,
	// and then the write says so.
	stop := context.AfterFunc(ctx, func() { _ = w.p.stdin.SetWriteDeadline(time.Unix(1, 0)) })
	_, err = w.p.stdin.Write(append(data, '\n'))
	if !stop() && err == nil {
		_ = w.p.stdin.SetWriteDeadline(time.Time{})
	}
	if err != nil { // half a line may be there, so nothing more can be said
		return w.fail(fmt.Errorf("%w: it does not read its standard input: %w", ErrGone, err))
	}
	return nil
}
