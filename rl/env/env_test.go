package env

import (
	"strconv"
	"testing"

	"muonclip/data/chat"
)

func TestPart(t *testing.T) {
	held := 0
	for i := range 10_000 {
		key := strconv.Itoa(i)
		if !All.Has(key) || Train.Has(key) == HeldOut.Has(key) {
			t.Fatalf("key %s: all %v, train %v, held-out %v; want it in all and in one part", key, All.Has(key), Train.Has(key), HeldOut.Has(key))
		}
		if HeldOut.Has(key) {
			held++
		}
	}
	if held < 900 || held > 1100 {
		t.Errorf("%d of 10,000 keys are held out, want about a tenth", held)
	}
	if Part("test").Check() == nil || All.Check() != nil || Train.Check() != nil || HeldOut.Check() != nil {
		t.Error("Check takes the parts and nothing else")
	}
}

func TestOneTurn(t *testing.T) {
	e := OneTurn{Question: Ask("id", "2+2?")}
	open := e.Opening()
	open.Messages[0].Content = "changed"
	if got := e.Opening().Messages[0].Content; got != "2+2?" {
		t.Errorf("the question is %q after its copy was changed", got)
	}
	first := chat.Output{Content: "4"}
	if _, done, err := e.Step(t.Context(), first); !done || err != nil || e.Turn.Content != "4" {
		t.Errorf("first turn: done %v, %v, kept %+v", done, err, e.Turn)
	}
	if _, _, err := e.Step(t.Context(), first); err == nil {
		t.Error("a second turn was taken")
	}
}
