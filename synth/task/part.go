package task

import (
	"encoding/json"
	"fmt"

	"github.com/zeebo/xxh3"
)

// Part is a part of all tasks, told apart by the calls of their plans, not by their keys: no seed brings a held-out
// task into training, however it is worded and whatever the world around it.
type Part string

// The parts. The zero value is all tasks.
const (
	Train   Part = "train"
	HeldOut Part = "held-out" // a tenth
)

// partOf hashes the calls of a plan with their arguments. Plans without a call are told apart by what is asked and by the
// tools that are offered all the same.
func partOf(t *Task, calls []DoneCall) (Part, error) {
	h := xxh3.New()
	for _, c := range calls {
		args, err := json.Marshal(c.Args)
		if err != nil {
			return "", fmt.Errorf("task: call of %s: %w", c.Tool, err)
		}
		fmt.Fprintf(h, "%s %q %s\n", t.Domain.Name, c.Tool, args)
	}
	if len(calls) == 0 {
		for _, s := range t.Segments {
			fmt.Fprintf(h, "%s %s %s %q\n", t.Domain.Name, s.Kind, s.Intent.Act, s.Intent.Phrase)
			for _, slot := range s.Slots {
				fmt.Fprintf(h, "%s %v\n", slot.Name, slot.Value.V)
			}
		}
		for _, x := range t.Tools {
			fmt.Fprintf(h, "%q\n", x.Name)
		}
	}
	if h.Sum64()%10 == 0 {
		return HeldOut, nil
	}
	return Train, nil
}
