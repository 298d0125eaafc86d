package synth

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"muonclip/data/chat"
	"muonclip/internal/rng"
	"muonclip/synth/dataset"
)

// fake makes dialogues of about the size and shape of real ones, without worlds.
type fake struct {
	seed  uint64
	delay func(int64) time.Duration // nil: none
	every int64                     // each candidate whose number is a multiple is refused; 0: none
	twin  int64                     // candidates twin apart are the same; 0: none
	panic int64                     // this candidate panics
	fail  int64                     // this candidate stops the run
	plant map[int64]string          // what the user says first
}

var fakeWords = strings.Fields(`reservation guest room arrival night claim policy adjuster parcel route depot invoice ledger refund patient
clinic dose ward crop field harvest meter tariff outage court filing docket volunteer shift donor sample assay reactor valve pump
badge locker playlist episode studio tenant lease deposit permit zoning levy turbine feeder silo orchard kennel groomer ferry berth`)

func (f fake) Describe() map[string]string { return map[string]string{"domains": "fake"} }

func (f fake) Dialogue(_ context.Context, index int64) (*dataset.Row, *Refusal, error) {
	if f.delay != nil {
		time.Sleep(f.delay(index))
	}
	switch {
	case f.every > 0 && index%f.every == 0:
		return nil, &Refusal{"rubric", fmt.Sprintf("candidate %d meets no rubric", index)}, nil
	case f.panic > 0 && index == f.panic:
		panic("a broken world")
	case f.fail > 0 && index == f.fail:
		return nil, nil, fmt.Errorf("the endpoint is down")
	}
	n := index
	if f.twin > 0 {
		n %= f.twin
	}
	r := rng.New(f.seed, "fake", uint64(n))
	word := func() string { return fakeWords[r.IntN(len(fakeWords))] }
	say := func(n int) string {
		var w []string
		for range n {
			w = append(w, word())
		}
		return strings.Join(w, " ")
	}
	domain := fmt.Sprintf("domain_%02d", r.IntN(30))
	d := chat.Dialogue{Messages: []chat.Message{{Role: chat.RoleSystem, Content: "You are the front desk assistant of Harborstay. " + say(60) + "."}}}
	for t := range 6 + r.IntN(9) {
		d.Tools = append(d.Tools, fakeTool(r, fmt.Sprintf("%s_%s_%d", word(), word(), t)))
	}
	row := &dataset.Row{
		Key: fmt.Sprintf("%d/%s/%d", f.seed, domain, index), Domain: domain, Category: "category_" + domain[len(domain)-1:], Difficulty: 1 + r.IntN(5),
		Kinds:   []string{[]string{"single_call", "dependent_calls", "parallel_calls", "missing_information", "policy", "fault_recovery"}[r.IntN(6)]},
		Persona: "plain", Plan: "search>act", Rubric: json.RawMessage(`{"criteria":["The reservation is cancelled.","The refund is told."],"goal_state":"aa"}`),
		Checks: []dataset.Check{{Name: "goal_state", Pass: true}, {Name: "arguments_valid", Pass: true, Detail: "4 calls"}},
		Record: dataset.Record{World: r.Uint64(), Today: "2026-03-14", StartHash: "00ff", EndHash: "11ee"},
	}
	count := 0
	for turn := range 1 + r.IntN(3) {
		first := "I need help with the " + say(12) + "."
		if text, ok := f.plant[index]; ok && turn == 0 {
			first = text
		}
		d.Messages = append(d.Messages, chat.Message{Role: chat.RoleUser, Content: first})
		for range 1 + r.IntN(3) {
			tool := d.Tools[r.IntN(len(d.Tools))].Name
			id := chat.CallID(tool, count)
			count++
			d.Messages = append(d.Messages,
				chat.Message{Role: chat.RoleAssistant, Content: "", ToolCalls: []chat.ToolCall{{ID: id, Name: tool, Arguments: json.RawMessage(fmt.Sprintf(`{"id": "RSV-%05d", "reason": %q}`, r.IntN(1e5), say(4)))}}},
				chat.Message{Role: chat.RoleTool, ToolCallID: id, Name: tool, Content: fmt.Sprintf(`{"id":"RSV-%05d","status":"confirmed","wishes":%q,"total":%d}`, r.IntN(1e5), say(40), r.IntN(900))})
			c := dataset.CallRecord{ID: id}
			switch r.IntN(6) {
			case 0:
				c.Fault, c.Error = "timeout", "timeout"
			case 1, 2:
				c.Changes = []dataset.Change{{Kind: "changed", Entity: "reservation", ID: "RSV-12345", Field: "status", Before: json.RawMessage(`"pending"`), After: json.RawMessage(`"confirmed"`)}}
			case 3:
				c.Error = "not_found"
			}
			row.Record.Calls = append(row.Record.Calls, c)
		}
		d.Messages = append(d.Messages, chat.Message{Role: chat.RoleAssistant, Content: "Done: the " + say(25) + ".", NoLoss: r.IntN(20) == 0})
	}
	row.Dialogue = d
	return row, nil, nil
}

func fakeTool(r *rand.Rand, name string) chat.Tool {
	var p []string
	for i := range 3 + r.IntN(4) {
		p = append(p, fmt.Sprintf(`"%s_%d":{"type":"string","description":"The %s of the %s, as the %s has it","enum":["a","b","c"]}`, fakeWords[r.IntN(len(fakeWords))], i,
			fakeWords[r.IntN(len(fakeWords))], fakeWords[r.IntN(len(fakeWords))], fakeWords[r.IntN(len(fakeWords))]))
	}
	return chat.Tool{Name: name, Description: "Finds the " + fakeWords[r.IntN(len(fakeWords))] + " of a " + fakeWords[r.IntN(len(fakeWords))] + ".",
		Parameters: json.RawMessage(`{"type":"object","properties":{` + strings.Join(p, ",") + `},"required":[]}`)}
}
