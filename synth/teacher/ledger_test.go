package teacher

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestLedgerSurvives reads a ledger that a killed process left: with a call under way and half a line.
func TestLedgerSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "ledger.jsonl")
	open := func(budget float64) *Ledger {
		t.Helper()
		l, err := OpenLedger(path, budget)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open(0)
	for _, end := range []string{eventPaid, eventFree, eventLost, ""} {
		h, err := l.reserve(t.Context(), "agent", "m", 2)
		if err != nil {
			t.Fatal(err)
		}
		if end == "" {
			continue // killed
		}
		if err := h.settle(end, Usage{10, 5, 0.5}); err != nil {
			t.Fatal(err)
		}
	}
	l.hit("agent")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString(`{"id":3,"event":"pa`)
	f.Close()
	want := []Total{{Purpose: "agent", Calls: 1, Lost: 2, PromptTokens: 10, CompletionTokens: 5, Cost: 4.5}}
	l = open(7)
	if diff := cmp.Diff(want, l.Totals()); diff != "" {
		t.Error(diff)
	}
	if _, err := l.reserve(t.Context(), "user", "m", 2.6); !errors.Is(err, ErrBudget) || !strings.Contains(err.Error(), "4.5000 of 7.0000") {
		t.Errorf("a call of 2.6 with 2.5 left: %v", err)
	}
	h, err := l.reserve(t.Context(), "user", "m", 2.5)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.settle(eventPaid, Usage{1, 1, 1}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if got := open(0).Spent(); got != 5.5 {
		t.Errorf("%v spent after the repair, want 5.5", got)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("{\n"+string(data)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLedger(path, 0); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a broken line within: %v", err)
	}
}

// TestBudgetHolds lets many spend at the same time: what is spent never exceeds the budget, nobody waits for ever, and
// calls that fit are not refused while others are under way.
func TestBudgetHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		budget := float64(rapid.IntRange(1, 40).Draw(t, "budget"))
		seed := rapid.Uint64().Draw(t, "seed")
		l, err := OpenLedger("", budget)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		var group sync.WaitGroup
		for worker := range 6 {
			group.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(worker)))
				for range 12 {
					worst := 0.1 + 3*r.Float64()
					h, err := l.reserve(ctx, "p", "m", worst)
					if errors.Is(err, ErrBudget) {
						if left := budget - l.Spent(); left > 3.1 {
							t.Errorf("a call of %v is refused with %v left", worst, left)
						}
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					event := []string{eventPaid, eventPaid, eventFree, eventLost}[r.IntN(4)]
					if err := h.settle(event, Usage{Cost: worst * r.Float64()}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if l.Spent() > budget+1e-9 {
			t.Errorf("%v of %v are spent", l.Spent(), budget)
		}
		if l.held != 0 || l.flying != 0 {
			t.Errorf("%v are still held for %d calls", l.held, l.flying)
		}
	})
}
