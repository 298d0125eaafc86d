package teacher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Ledger counts tokens and cost by purpose and holds a hard budget. An attempt is entered before it is sent, with
// the most that it can cost, and again when its cost is known; one whose answer was lost, or that was under way when the
// process was killed, counts as the most that it can have cost. The entries are lines of JSON that are appended to a
// file, which is made with the first one. Several clients may share a ledger, but not several processes.
type Ledger struct {
	path   string
	budget float64

	mu      sync.Mutex
	file    *os.File
	next    int64
	spent   float64
	held    float64 // the most that the attempts under way can cost
	flying  int     // attempts under way
	totals  map[string]*Total
	changed chan struct{} // closed when held gets less
}

// Total is what one purpose took.
type Total struct {
	Purpose          string  `json:"purpose"`
	Calls            int64   `json:"calls"`  // answered and paid
	Cached           int64   `json:"cached"` // answered from the cache, in this run
	Lost             int64   `json:"lost"`   // attempts whose answer was lost, at the most that they can have cost
	PromptTokens     int64   `json:"prompt_tokens"`
	CompletionTokens int64   `json:"completion_tokens"`
	Cost             float64 `json:"cost"`
}

// The events of the file.
const (
	eventSent = "sent" // an attempt, with the most that it can cost
	eventPaid = "paid" // its answer
	eventFree = "free" // nothing is charged for it
	eventLost = "lost" // nobody knows what is charged for it
)

// line is a line of the file.
type line struct {
	ID               int64   `json:"id"`
	Event            string  `json:"event"`
	Purpose          string  `json:"purpose"`
	Model            string  `json:"model,omitempty"`
	PromptTokens     int     `json:"prompt_tokens,omitempty"`
	CompletionTokens int     `json:"completion_tokens,omitempty"`
	Cost             float64 `json:"cost"`
}

// OpenLedger reads the ledger in a file, which may be missing. budget is the most that may be spent, what the file
// already holds included; 0 means no limit. path "" keeps the ledger in memory.
func OpenLedger(path string, budget float64) (*Ledger, error) {
	l := &Ledger{path: path, budget: budget, totals: map[string]*Total{}, changed: make(chan struct{})}
	if path == "" {
		return l, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("teacher: ledger: %w", err)
	}
	open := map[int64]line{}
	for n, text := range strings.SplitAfter(string(data), "\n") {
		if !strings.HasSuffix(text, "\n") {
			break // the end of the file, or a line that a killed process did not finish; its attempt is still open
		}
		var x line
		if err := json.Unmarshal([]byte(text), &x); err != nil {
			if strings.TrimSpace(text) == "" {
				continue
			}
			return nil, fmt.Errorf("teacher: ledger: %s: line %d: %w: repair it or remove the file, which forgets what was spent", path, n+1, err)
		}
		l.next = max(l.next, x.ID+1)
		if x.Event == eventSent {
			open[x.ID] = x
			continue
		}
		delete(open, x.ID)
		l.count(x)
	}
	for _, x := range open {
		x.Event = eventLost
		l.count(x)
	}
	return l, nil
}

// count adds an event that ends an attempt.
func (l *Ledger) count(x line) {
	t := l.total(x.Purpose)
	switch x.Event {
	case eventPaid:
		t.Calls++
	case eventLost:
		t.Lost++
	}
	t.PromptTokens += int64(x.PromptTokens)
	t.CompletionTokens += int64(x.CompletionTokens)
	t.Cost += x.Cost
	l.spent += x.Cost
}

func (l *Ledger) total(purpose string) *Total {
	t := l.totals[purpose]
	if t == nil {
		t = &Total{Purpose: purpose}
		l.totals[purpose] = t
	}
	return t
}

// hold is an attempt under way.
type hold struct {
	ledger *Ledger
	line   line // with the most that it can cost
}

// reserve sets the most that an attempt can cost aside. Where others under way might still turn out cheaper than
// feared it waits for them; where even then it could exceed the budget the error wraps ErrBudget.
func (l *Ledger) reserve(ctx context.Context, purpose, model string, worst float64) (*hold, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.budget > 0 && l.spent+l.held+worst > l.budget {
		if l.spent+worst > l.budget {
			return nil, fmt.Errorf("teacher: %w: %.4f of %.4f are spent, and the next call can cost %.4f: "+
				"run again with a higher budget to go on, nothing that was paid for is lost", ErrBudget, l.spent, l.budget, worst)
		}
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		l.mu.Lock()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	h := &hold{l, line{ID: l.next, Event: eventSent, Purpose: purpose, Model: model, Cost: worst}}
	if worst > 0 {
		if err := l.write(h.line); err != nil {
			return nil, err
		}
	}
	l.next++
	l.flying++
	l.held += worst
	return h, nil
}

// settle ends an attempt with an event.
func (h *hold) settle(event string, u Usage) error {
	l := h.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	x := h.line
	x.Event = event
	switch event {
	case eventPaid:
		x.PromptTokens, x.CompletionTokens, x.Cost = u.PromptTokens, u.CompletionTokens, u.Cost
	case eventFree:
		x.Cost = 0
	}
	l.held -= h.line.Cost
	if l.flying--; l.flying == 0 {
		l.held = 0 // without what rounding left, for which nobody should wait
	}
	l.count(x)
	close(l.changed)
	l.changed = make(chan struct{})
	if event == eventFree && h.line.Cost == 0 {
		return nil // there is no line to take back
	}
	return l.write(x)
}

// hit counts an answer from the cache.
func (l *Ledger) hit(purpose string) {
	l.mu.Lock()
	l.total(purpose).Cached++
	l.mu.Unlock()
}

// write appends a line in one piece.
func (l *Ledger) write(x line) error {
	if l.path == "" {
		return nil
	}
	if l.file == nil {
		if err := l.open(); err != nil {
			return fmt.Errorf("teacher: ledger: %w", err)
		}
	}
	data, err := json.Marshal(x)
	if err != nil {
		return fmt.Errorf("teacher: ledger: %w", err)
	}
	if _, err := l.file.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("teacher: ledger: %w", err)
	}
	return nil
}

// open opens the file for appending and cuts off a line that was not finished.
func (l *Ledger) open() error {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(f)
	if err == nil {
		end := int64(strings.LastIndexByte(string(data), '\n') + 1)
		if err = f.Truncate(end); err == nil {
			_, err = f.Seek(end, io.SeekStart)
		}
	}
	if err != nil {
		f.Close()
		return err
	}
	l.file = f
	return nil
}

// Close closes the file.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// Spent is what was spent so far, by earlier runs too.
func (l *Ledger) Spent() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spent
}

// Totals lists what was spent by purpose, in alphabetical order.
func (l *Ledger) Totals() []Total {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Total
	for _, t := range l.totals {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Total) int { return strings.Compare(a.Purpose, b.Purpose) })
	return out
}
